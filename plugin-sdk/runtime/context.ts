/** What `setup` is given. Everything goes to one instance, and nothing works once that has been unloaded. */
import { mkdirSync } from "node:fs";
import type { Clock } from "../clock.ts";
import type { Contract } from "../contract.ts";
import type { KeyValueStore, Logger, PluginContext, PluginDefinition } from "../plugin.ts";
import { faultOf, pluginErrors } from "../plugin-errors.ts";
import type { Instance } from "./instance.ts";
import type { Implementation, Registrations } from "./registrations.ts";

/**
 * What stands around the code: the gateway itself, the connection to it, or, while a manifest is recorded, nothing. It decides what the
 * plugin may do; the context only hands on.
 */
export interface Surroundings extends Pick<PluginContext, "emit" | "run" | "secret" | "fetch"> {
  readonly home: string;
  /** The plugin's own folder; made when it is first asked for. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: KeyValueStore;
  config(): unknown;
  /** What `ctx.uses` holds for a contract. */
  handle(contract: Contract): unknown;
  isProvided(contract: Contract): boolean;
  call(method: string, params: unknown, signal: AbortSignal): Promise<unknown>;
}

interface Identity {
  readonly id: string;
  readonly version: string;
}

/** Runs `setup` and seals what it registered. */
export async function setUp(definition: PluginDefinition, identity: Identity, instance: Instance, around: Surroundings): Promise<void> {
  try {
    await definition.setup(createContext(definition, identity, instance, around) as never);
  } catch (error) {
    throw faultOf(error, identity.id, "setup");
  } finally {
    instance.isSealed = true;
  }
}

function createContext(definition: PluginDefinition, { id, version }: Identity, instance: Instance, around: Surroundings): PluginContext {
  const live = <T>(value: T): T => {
    instance.assertLive();
    return value;
  };
  const register: Registrations["add"] = (kind, name, registration) => {
    if (live(instance).isSealed) throw pluginErrors.PLUGIN_UNDECLARED(`${id} registers ${kind} ${name} after setup has ended`);
    instance.registered.add(kind, name, registration);
  };
  const uses = {};
  for (const [name, use] of Object.entries(definition.uses ?? {})) {
    const [contract, isOptional] = "optional" in use ? [use.optional, true] : [use, false];
    const handle = around.handle(contract);
    Object.defineProperty(uses, name, { enumerable: true, get: () => (isOptional && !around.isProvided(contract) ? undefined : handle) });
  }

  return {
    id,
    version,
    get config() {
      return around.config();
    },
    onConfig: (listener) => live(instance).onConfig(() => listener(around.config())),
    uses,
    log: around.log,
    clock: around.clock,
    signal: instance.signal,
    home: around.home,
    get dataDir() {
      mkdirSync(around.dataDir, { recursive: true, mode: 0o700 });
      return around.dataDir;
    },
    store: {
      get: async (key) => live(around.store).get(key),
      list: async (prefix) => live(around.store).list(prefix),
      set: async (changes) => live(around.store).set(changes),
    },
    provide: (contract, name, record, implementation) =>
      register("provides", `${contract.id}/${name}`, { contract, record, implementation: implementation as Implementation }),
    method: (method, handler) => register("methods", method.name, { method, handler }),
    event: (event) => register("emits", event.name, event),
    emit: (event, payload, options) => {
      if (!live(instance).registered.get("emits", event.name))
        throw pluginErrors.PLUGIN_UNDECLARED(`${id} emits ${event.name} without ctx.event`);
      around.emit(event, payload, options);
    },
    on: (event, listener) => register("listens", event.name, { event, listener }),
    call: async (method, params, options) => (await live(around).call(method.name, params, options?.signal ?? instance.signal)) as never,
    hook: (hook, handler, options) => register("hooks", hook.id, { hook, order: options?.order, handler }),
    run: async (hook, payload, options) => live(around).run(hook, payload, options),
    job: (kind, handler) => register("jobs", kind.kind, { kind, handler }),
    route: (prefix, options, handler) => register("routes", prefix, { ...options, handler }),
    service: (name, run) => live(instance).services.add(name, run),
    command: (command, run) => register("commands", command.name, { ...command, run }),
    facet: (name, facet) => register("facets", name, facet),
    health: (check) => register("health", "health", { check }),
    state: (schema, keeper) =>
      register("state", "state", { schema, snapshot: () => keeper.snapshot(), restore: (state) => keeper.restore(state as never) }),
    secret: async (name) => live(around).secret(name),
    fetch: Object.assign(async (...request: Parameters<typeof fetch>) => live(around).fetch(...request), { preconnect: fetch.preconnect }),
    own: (resource) => {
      const dispose = () => (Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]());
      live(instance).defer(resource.constructor.name, dispose);
      return resource;
    },
    onUnload: (cleanup) => live(instance).defer("onUnload", cleanup),
  };
}
