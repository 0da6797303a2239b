/** The plugins `devices` and `secrets` over a store and keys that a test holds, started when somebody first comes with a device. */
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
import { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import { keys as keysContract } from "@pincer/plugin-sdk/contracts/keys";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import type { Emit } from "@pincer/plugin-sdk/event";
import type { Access } from "../../kernel/access/access.ts";
import type { Authenticator } from "../../kernel/access/doorkeeper.ts";
import type { Keys } from "../../kernel/access/keys.ts";
import type { MethodSource } from "../../plugin-host/bindings.ts";
import type { Store } from "../../store/store.ts";
import { createValues } from "../../store/values.ts";
import { startHost } from "../fixtures/plugin-host.ts";

type Gateway = ImplementationOf<typeof gateway>;
export type Revocation = Parameters<Gateway["disconnect"]>[0];

interface DevicesParts {
  /** Migrated with `pluginMigrations`. */
  readonly store: Store;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly access: () => Access;
  readonly emit: Emit;
  readonly gateway: Gateway;
  /** Of the section `devices`; `false`: the plugin is turned off. */
  readonly config?: object | false;
}

interface Devices extends AsyncDisposable {
  readonly authenticator: Authenticator;
  methods(): Promise<MethodSource>;
}

export function devicesOver({ store, clock, keys, access, emit, gateway: about, config = {} }: DevicesParts): Devices {
  let started: ReturnType<typeof start> | undefined;
  const start = async () => {
    let judge!: Authenticator;
    const kit = await startHost({
      ...{ clock, emit, values: (plugin: string) => createValues(store, plugin), config: config ? { devices: config } : {} },
      roots: [{ path: join(import.meta.dir, "../../plugins"), layout: "source" }],
      defaults: config ? ["devices", "secrets"] : ["secrets"],
      provide(host) {
        judge = host.handle(authenticator);
        host.provide(audit, () => ({
          append: (entry) =>
            access()
              .audit.append(entry)
              .then(() => ({})),
        }));
        host.provide(gateway, () => about);
        host.provide(keysContract, (plugin) => ({ derive: async ({ purpose }) => ({ key: keys.derive(`plugin:${plugin} ${purpose}`) }) }));
        host.provide(secrets, () => access().secrets.contract);
      },
    });
    return { kit, judge };
  };
  const running = () => (started ??= start());
  return {
    authenticator: {
      identify: async (...call) => (await running()).judge.identify(...call),
      admit: async (...call) => (await running()).judge.admit(...call),
      bearer: async (...call) => (await running()).judge.bearer(...call),
    },
    methods: async () => (await running()).kit.host.methods,
    async [Symbol.asyncDispose]() {
      await (await started)?.kit[Symbol.asyncDispose]();
      started = undefined;
    },
  };
}
