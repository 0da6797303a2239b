/** What `setup` is given. Everything goes to one generation, and nothing works once that has been unloaded. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { KeyValueStore, Logger, PluginContext } from "@pincer/plugin-sdk";
import type { Hook, HookOutcome, HookPayload } from "@pincer/plugin-sdk/hook";
import type { WireScope } from "@pincer/plugin-sdk/method";
import type { Emit } from "../bus/bindings.ts";
import type { Capabilities } from "./capabilities.ts";
import type { PluginHostDeps } from "./deps.ts";
import { faultOf, pluginErrors } from "./errors.ts";
import type { Generation } from "./generation.ts";
import { limitedFetch, mayRead } from "./permissions.ts";
import type { Implementation, Registrations } from "./registrations.ts";

export interface ContextDeps extends Pick<PluginHostDeps, "home" | "clock" | "dispatch" | "secret"> {
  readonly log: Logger;
  readonly store: KeyValueStore;
  readonly capabilities: Pick<Capabilities, "handle" | "isProvided">;
  readonly emit: Emit;
  config(): unknown;
  run<H extends Hook>(hook: H, payload: HookPayload<H>, options?: { readonly signal?: AbortSignal }): Promise<HookOutcome<H>>;
}

export function createContext(generation: Generation, deps: ContextDeps): PluginContext {
  const { plugin: id, code, registered, signal } = generation;
  const { permissions = {}, version } = code.manifest;
  const live = <T>(value: T): T => {
    if (generation.isUnloaded) throw generation.unloaded();
    return value;
  };
  const register: Registrations["add"] = (kind, name, registration) => {
    if (live(generation).isSealed) throw pluginErrors.PLUGIN_UNDECLARED(`${id} registers ${kind} ${name} after setup has ended`);
    registered.add(kind, name, registration);
  };

  const uses = {};
  for (const [name, use] of Object.entries(code.definition.uses ?? {})) {
    const contract = "optional" in use ? use.optional : use;
    const handle = deps.capabilities.handle(contract, { id, scopes: permissions.scopes ?? [], assertLive: () => live(undefined) });
    const get = () => ("optional" in use && !deps.capabilities.isProvided(contract.id, contract.version) ? undefined : handle);
    Object.defineProperty(uses, name, { enumerable: true, get });
  }
  const store: KeyValueStore = {
    get: async (key) => live(deps.store).get(key),
    list: async (prefix) => live(deps.store).list(prefix),
    set: async (changes) => live(deps.store).set(changes),
  };

  return {
    id,
    version,
    get config() {
      return deps.config();
    },
    onConfig: (listener) => void live(generation).configListeners.push(() => listener(deps.config())),
    uses,
    log: deps.log,
    clock: deps.clock,
    signal,
    home: deps.home,
    get dataDir() {
      const folder = join(deps.home, "data", id);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
    store,
    provide: (contract, name, record, implementation) =>
      register("provides", `${contract.id}/${name}`, { contract, record, implementation: implementation as Implementation }),
    method: (method, handler) => register("methods", method.name, { method, handler }),
    event: (event) => register("emits", event.name, event),
    emit: (event, payload, options) => {
      if (!live(registered).get("emits", event.name)) throw pluginErrors.PLUGIN_UNDECLARED(`${id} emits ${event.name} without ctx.event`);
      deps.emit(event, payload, options);
    },
    on: (event, listener) => register("listens", event.name, { listener }),
    call: async (method, params, options) => {
      const scopes: readonly WireScope[] = live(permissions).scopes ?? [];
      return (await deps.dispatch(method.name, params, { plugin: id, scopes, signal: options?.signal ?? signal })) as never;
    },
    hook: (hook, handler, options) => register("hooks", hook.id, { hook, order: options?.order, handler }),
    run: async (hook, payload, options) => live(deps).run(hook, payload, options),
    job: (kind, handler) => register("jobs", kind.kind, { kind, handler }),
    route: (prefix, options, handler) => register("routes", prefix, { ...options, handler }),
    service: (name, run) => live(generation).services.add(name, run),
    command: (command, run) => register("commands", command.name, { ...command, run }),
    facet: (name, facet) => register("facets", name, facet),
    health: (check) => register("health", "health", { check }),
    secret: async (name) => {
      if (mayRead(live(permissions), name, deps.config())) return deps.secret(name, id);
      throw pluginErrors.PLUGIN_PERMISSION(`${id} may not read the secret "${name}": permissions.secrets of its manifest does not name it`);
    },
    fetch: limitedFetch(
      id,
      permissions,
      () => live(deps).config(),
      (name) => deps.secret(name, id),
    ),
    own: (resource) => {
      const dispose = () => (Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]());
      live(generation).defer(resource.constructor.name, dispose);
      return resource;
    },
    onUnload: (cleanup) => live(generation).defer("onUnload", cleanup),
  };
}

/** Runs `setup` and seals what it registered. */
export async function runSetup(generation: Generation, deps: ContextDeps): Promise<void> {
  try {
    await generation.code.definition.setup(createContext(generation, deps) as never);
  } catch (error) {
    throw faultOf(error, generation.plugin, "setup");
  } finally {
    generation.isSealed = true;
  }
}
