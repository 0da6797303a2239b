/** What plugins may use of the kernel's rooms: each contract, and the room that keeps it. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { configuration } from "@pincer/plugin-sdk/contracts/configuration";
import { diagnostics } from "@pincer/plugin-sdk/contracts/diagnostics";
import { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import { keys as keysContract } from "@pincer/plugin-sdk/contracts/keys";
import { lanes as lanesContract } from "@pincer/plugin-sdk/contracts/lanes";
import { secrets } from "@pincer/plugin-sdk/contracts/secrets";
import { sessionCatalog } from "@pincer/plugin-sdk/contracts/session-catalog";
import { sessionEditor } from "@pincer/plugin-sdk/contracts/session-editor";
import { sessions as sessionsContract } from "@pincer/plugin-sdk/contracts/sessions";
import { subscriptions } from "@pincer/plugin-sdk/contracts/subscriptions";
import type { PluginHost } from "../plugin-host/host.ts";
import type { Access } from "./access/access.ts";
import type { Keys } from "./access/keys.ts";
import type { Bus } from "./bus/bus.ts";
import type { Config } from "./config/config.ts";
import { configurationFor } from "./config/contract.ts";
import { lanesFor } from "./lanes/contract.ts";
import type { Lanes } from "./lanes/lanes.ts";
import type { Log } from "./log.ts";
import { valueStatements } from "./plugin-values.ts";
import type { Sessions } from "./sessions/sessions.ts";

interface Rooms {
  readonly about: ImplementationOf<typeof gateway>["about"];
  readonly access: Access;
  readonly bus: Bus;
  readonly config: Config;
  readonly host: PluginHost;
  readonly keys: Keys;
  readonly lanes: Lanes;
  readonly log: Log;
  readonly sessions: Sessions;
}

export function provideContracts({ about, access, bus, config, host, keys, lanes, log, sessions }: Rooms): void {
  const subscribing = (change: "subscribe" | "unsubscribe") => async (to: { readonly connectionId: string; readonly topic: string }) => {
    bus[change](to.connectionId, to.topic);
    return {};
  };

  host.provide(audit, () => ({ append: (entry) => access.audit.append(entry).then(() => ({})) }));
  host.provide(configuration, () => configurationFor(config));
  host.provide(diagnostics, () => ({ ...bus.diagnostics, log: (range) => log.tail(range) }));
  host.provide(gateway, () => ({
    about,
    connections: async () => ({ connections: bus.connections().map(({ id, info, role }) => ({ id, deviceId: info.deviceId, role })) }),
    async disconnect(revocation) {
      bus.disconnectDevice(revocation);
      return {};
    },
  }));
  host.provide(keysContract, (plugin) => ({ derive: async ({ purpose }) => ({ key: keys.derive(`plugin:${plugin} ${purpose}`) }) }));
  host.provide(lanesContract, (plugin) => lanesFor(lanes, (values) => valueStatements(plugin, values)));
  host.provide(secrets, () => access.secrets.contract);
  host.provide(sessionCatalog, () => sessions.catalog);
  host.provide(sessionEditor, () => sessions.editor);
  host.provide(sessionsContract, () => sessions.contract);
  host.provide(subscriptions, () => ({ subscribe: subscribing("subscribe"), unsubscribe: subscribing("unsubscribe") }));
}
