/** What the gateway is to a plugin in a process of its own: a peer that is asked. Whether it may is decided there. */
import type { Call, Contract, Io, Stream } from "../contract.ts";
import type { Permissions } from "../manifest.ts";
import type { Logger } from "../plugin.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { systemClock } from "../system-clock.ts";
import type { Surroundings } from "./context.ts";
import { limitedFetch, publicFetch } from "./fetch.ts";
import type { Peer } from "./peer.ts";
import type { Provided, Provisions } from "./process-protocol.ts";
import { honestFetch, type WaysOut } from "./ways-out.ts";

const { signal: never } = new AbortController();

interface Facts {
  readonly id: string;
  readonly home: string;
  readonly dataDir: string;
  readonly permissions: Permissions;
  /** The only way out is the gateway's, which judges by itself. */
  readonly isBridged: boolean;
  readonly ways: WaysOut;
}

/** `given` is replaced piece by piece while the plugin runs. */
export function childSurroundings(
  peer: Peer,
  { id, home, dataDir, permissions, isBridged, ways }: Facts,
  given: { readonly config: unknown; readonly provisions: Provisions },
): Surroundings {
  const ask = (target: string, params: unknown, signal = never) => peer.call(target, params, { signal });
  /** Nobody waits for it; when the gateway is gone, the process ends by that. */
  const tell = (target: string, params: unknown) => void peer.tell(target, params).catch(() => undefined); // silent-ok: see above
  const provided = (contract: Contract) => given.provisions[contract.id] ?? [];
  const secret = async (name: string) => ((await ask("secret", { name })) as { readonly value?: string }).value;
  const config = () => given.config;

  const log = (level: keyof Logger) => (event: string, fields?: Readonly<Record<string, unknown>>) => tell("log", { level, event, fields });
  const bind = (contract: Contract, find: () => Provided | undefined, name?: string) => {
    const bound = {};
    for (const [key, member] of Object.entries(contract.members)) {
      const run = memberOf(peer, contract, key, member, name);
      const isThere = () => !member.optional || find()?.optional.includes(key) === true;
      Object.defineProperty(bound, key, { enumerable: true, get: () => (isThere() ? run : undefined) });
    }
    return bound;
  };
  const providers = (contract: Contract) => {
    const bound = new Map<string, object>();
    const find = (name: string) => provided(contract).find((one) => one.name === name);
    return {
      list: () => provided(contract).map(({ name, plugin, record }) => ({ name, plugin, record })),
      get(name: string) {
        if (!find(name)) {
          const others = provided(contract).map((one) => one.name);
          throw pluginErrors.CAPABILITY_MISSING(
            `no enabled plugin provides ${contract.id} called "${name}"; there are: ${others.join(", ") || "none"}`,
          );
        }
        return (
          bound.get(name) ??
          bound
            .set(
              name,
              bind(contract, () => find(name), name),
            )
            .get(name)!
        );
      },
    };
  };

  return {
    home,
    dataDir,
    clock: systemClock,
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    store: {
      get: async <T>(key: string) => ((await ask("store.get", { key })) as { readonly value?: T }).value,
      list: async <T>(prefix: string) => ((await ask("store.list", { prefix })) as { rows: { key: string; value: T }[] }).rows,
      // JSON has no `undefined`, which deletes.
      set: async (changes) => {
        const [gone, set] = Object.entries(changes).reduce<[string[], Record<string, unknown>]>(
          ([gone, set], [key, value]) => (value === undefined ? [[...gone, key], set] : [gone, { ...set, [key]: value }]),
          [[], {}],
        );
        await ask("store.set", { set, gone });
      },
    },
    config,
    handle: (contract) => (contract.arity === "one" ? bind(contract, () => provided(contract)[0]) : providers(contract)),
    isProvided: (contract) => provided(contract).length > 0,
    emit: (event, payload, options) =>
      tell("emit", { event: event.name, payload: typeof payload === "function" ? payload() : payload, options: options ?? {} }),
    call: (method, params, signal) => ask("call", { method, params }, signal),
    run: async (hook, payload, options) => (await ask("run", { id: hook.id, kind: hook.kind, payload }, options?.signal)) as never,
    secret,
    fetch: honestFetch(limitedFetch(id, permissions, config, secret, isBridged ? undefined : publicFetch), ways),
  };
}

/** Checked by the gateway, in both directions, so that no schema is compiled here. */
function memberOf(peer: Peer, { id: contract, version }: Contract, member: string, { kind }: Call | Stream, name?: string) {
  const use = (params: unknown) => ({ contract, version, name, member, params });
  return kind === "call"
    ? (params: unknown, io: Io) => peer.call("use", use(params), io)
    : (params: unknown, io: Io) => peer.stream("use", use(params), io);
}
