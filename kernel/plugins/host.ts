/** All plugins of a gateway: found, enabled, activated on demand, replaced, stopped. */
import type { Facet, HealthReport } from "@pincer/plugin-sdk";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { pluginsChanged } from "@pincer/plugin-sdk/events";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { Type } from "@sinclair/typebox";
import { Capabilities } from "./capabilities.ts";
import { runSetup } from "./context.ts";
import { within } from "./deadline.ts";
import type { PluginHost, PluginHostDeps } from "./deps.ts";
import { discover, type Found, readPlugin } from "./discovery.ts";
import { pluginErrors } from "./errors.ts";
import { Generation } from "./generation.ts";
import { runHook } from "./hooks.ts";
import { installDependencies, needsDependencies } from "./install.ts";
import { defaultLimits } from "./limits.ts";
import { importPlugin, loadFailure } from "./loader.ts";
import { configPathOf, type Manifest } from "./manifest.ts";
import { Plugin, type PluginSurroundings } from "./plugin.ts";
import { compareGenerated } from "./registrations.ts";
import { eventSource, jobKinds, methodSource, routeSource, type SourceDeps } from "./sources.ts";
import { startInOrder } from "./starting.ts";
import { Table } from "./table.ts";
import { createValues } from "./values.ts";

/** Reads manifests, and declares what they say of the configuration. Runs nothing before `start`. */
export function createPluginHost(deps: PluginHostDeps): PluginHost {
  const { clock, settings } = deps;
  const limits = () => deps.limits?.() ?? defaultLimits;
  const log = deps.log("plugins");
  const plugins = new Map<string, Plugin>();
  const declared = new Map<string, Disposable[]>();
  let table = new Table([], () => false);
  let changes = 0;
  let isStarted = false;
  let following: Disposable | undefined;

  const find = (id: string): Plugin => {
    const plugin = plugins.get(id);
    if (!plugin) throw pluginErrors.PLUGIN_UNKNOWN(`there is no plugin "${id}"; there are: ${[...plugins.keys()].join(", ") || "none"}`);
    return plugin;
  };
  const enter = (id: string, what: string) => find(id).enter(what);
  const inside: SourceDeps["inside"] = async (id, what, run, signal) => {
    const { generation, leave } = await enter(id, what);
    try {
      return await run(generation);
    } catch (error) {
      throw generation.blame(error, what, signal);
    } finally {
      leave();
    }
  };
  const sources: SourceDeps = { table: () => table, enter, inside };
  const syncKinds = jobKinds(sources, deps.jobs);
  const choices = settings.section<Readonly<Record<string, string>> | undefined>("capabilities");
  const capabilities = new Capabilities({ table: () => table, chosen: (contract) => choices()?.[contract], enter });

  const run: PluginHost["run"] = (hook, payload, options) =>
    runHook(
      {
        clock,
        deadlineMs: limits().hookMs,
        handlers: (id) => table.handlers(id),
        inside,
        report: (plugin, id, error) => log.error("hook.failed", { plugin, hook: id, error: errorMessage(error) }),
      },
      hook,
      payload,
      options?.signal,
    );

  const tabled = (replaced?: Found): Table => {
    const manifests = [...plugins.values()].flatMap(({ found, isEnabled }) => {
      const manifest = found.id === replaced?.id ? replaced.manifest : found.manifest;
      return isEnabled && manifest ? [manifest] : [];
    });
    return new Table(manifests, (name) => deps.reserved(name));
  };

  /** The one step in which everybody sees another set of registrations. */
  const changed = () => {
    table = tabled();
    syncKinds();
    for (const plugin of plugins.values()) {
      const refused = table.refused.get(plugin.id);
      if (refused || hasCode(plugin.error, "PLUGIN_CONFLICT")) plugin.error = refused;
    }
    if (isStarted) deps.emit(pluginsChanged, { generation: ++changes });
  };

  /** What the manifest says of the configuration, until the next one is declared in its place. */
  const declare = ({ id, manifest }: Found): void => {
    for (const old of declared.get(id) ?? []) old[Symbol.dispose]();
    const own = [settings.declare(`plugins.${id}.enabled`, Type.Optional(Type.Boolean()), id)];
    declared.set(id, own);
    const config = manifest?.generated?.config;
    if (!config) return;
    own.push(settings.declare(configPathOf(manifest), reviveSchema(config), id));
    own.push(settings.onChange(configPathOf(manifest), () => plugins.get(id)?.current?.tellConfig()));
  };

  const requireUses = ({ id, generated }: Manifest): void => {
    for (const [contract, { version, arity, optional }] of Object.entries(generated?.uses ?? {})) {
      if (optional || arity === "many" || capabilities.isProvided(contract, version)) continue;
      throw pluginErrors.PLUGIN_DEPENDENCY_MISSING(`${id} uses ${contract} version ${version}, which no enabled plugin provides`, {
        data: { contract },
      });
    }
  };

  const prepare: PluginSurroundings["prepare"] = async (found, number, earlier) => {
    const { id, folder, manifest } = found;
    if (!manifest?.generated) throw found.error ?? pluginErrors.PLUGIN_MANIFEST_INVALID(`${folder} has no manifest`);
    let generation: Generation | undefined;
    try {
      requireUses(manifest);
      if (plugins.get(id)?.found !== found) declare(found);
      const bundle = deps.bundled?.(found);
      if (!earlier && !bundle && needsDependencies(folder))
        await installDependencies(folder, (line) => log.info("plugin.installing", { plugin: id, line }));
      const definition = earlier?.definition ?? (await importPlugin(folder, bundle ?? manifest.entry, deps.dev === true));
      const own = deps.log(id);
      generation = new Generation(id, number, { manifest, folder, definition }, clock, limits, own);
      const config = settings.section(configPathOf(manifest));
      const { home, dispatch, secret, emit } = deps;
      const setup = runSetup(generation, {
        home,
        clock,
        dispatch,
        secret,
        emit,
        capabilities,
        config,
        run,
        log: own,
        store: createValues(deps.store, id),
      });
      await within(clock, limits().setupMs, setup, `setup of ${id}`);
      compareGenerated(id, manifest.generated, generation.registered.describe(definition));
      return generation;
    } catch (error) {
      await generation?.unload();
      const present = plugins.get(id)?.found;
      if (present && present !== found && !present.error) declare(present);
      throw loadFailure(id, folder, error);
    }
  };

  const isHealthy = async (generation: Generation): Promise<HealthReport> => {
    const health = generation.registered.get("health", "health");
    if (!health) return { ok: true };
    return within(clock, limits().healthMs, Promise.try(health.check)).catch((error) => ({ ok: false, detail: errorMessage(error) }));
  };

  const requireNames = (found: Found): void => {
    const refusal = tabled(found).refused.get(found.id);
    if (refusal) throw refusal;
  };
  const restartJob = (key: string, reason: unknown) => deps.jobs.restart(key, reason);
  const around: PluginSurroundings = {
    clock,
    limits,
    prepare,
    requireNames,
    isHealthy,
    changed,
    restartJob,
    warn: (event, fields) => log.warn(event, fields),
  };

  const add = (found: Found): Plugin => {
    const plugin = new Plugin(found, around);
    plugins.set(found.id, plugin);
    try {
      declare(found);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      plugin.found = { ...found, manifest: undefined, error };
    }
    if (plugin.found.error) log.error("plugin.invalid", { plugin: found.id, error: plugin.found.error.message });
    return plugin;
  };

  const wanted = ({ id, root, manifest }: Found): boolean => {
    const said = settings.section<boolean | undefined>(`plugins.${id}.enabled`)();
    return (
      manifest !== undefined &&
      (said ??
        (root.enabled === true || deps.defaults.includes(id) || (manifest.enableWhen !== undefined && deps.found(manifest.enableWhen))))
    );
  };

  /** Brings what is enabled in step with the configuration. */
  const follow = async (): Promise<void> => {
    const turned = [...plugins.values()].filter((plugin) => plugin.isEnabled !== wanted(plugin.found));
    if (turned.length === 0) return;
    for (const plugin of turned) plugin.isEnabled = !plugin.isEnabled;
    changed();
    await Promise.all([
      ...turned.filter(({ isEnabled }) => !isEnabled).map((plugin) => plugin.unload()),
      begin(turned.filter(({ isEnabled }) => isEnabled)),
    ]);
  };

  /** Finds what was installed meanwhile, too. */
  const refresh = async (): Promise<void> => {
    for (const found of discover(deps.folders).values()) if (!plugins.has(found.id)) add(found);
    await follow();
  };

  const begin = (among: readonly Plugin[]): Promise<void> =>
    startInOrder(among, table, (ids) => log.warn("plugin.cycle", { cycle: ids.join(" -> ") }));

  const active = () => [...plugins.values()].flatMap(({ current }) => current ?? []);

  settings.declare(
    "capabilities",
    Type.Record(Type.String(), Type.String(), { default: {}, description: "Which plugin provides a capability that only one can" }),
    "plugins",
  );
  for (const found of discover(deps.folders).values()) add(found);
  for (const plugin of plugins.values()) plugin.isEnabled = wanted(plugin.found);
  changed();

  return {
    methods: methodSource(sources),
    routes: routeSource(sources),
    events: eventSource(sources),
    provide: (contract, implement) => capabilities.provide(contract, implement),
    handle: (contract) => capabilities.handle(contract, { id: "kernel", assertLive: () => undefined }),
    run,
    deliver(event, payload) {
      for (const id of table.listeners(event))
        inside(id, `event ${event}`, (generation) => generation.registered.get("listens", event)?.listener(payload)).catch((error) =>
          log.error("listener.failed", { plugin: id, event, error: errorMessage(error) }),
        );
    },
    facets: () =>
      new Map(
        [...table.all("facets")].map(([name, { plugin, summary, schema, patch }]): [string, Facet & { plugin: string }] => [
          name,
          { plugin, summary, schema: reviveSchema(schema), ...(patch ? { patch } : {}) },
        ]),
      ),
    commands: () => table.all("commands"),
    async start() {
      isStarted = true;
      following = settings.onChange("", follow);
      for (const plugin of plugins.values()) plugin.isEnabled = wanted(plugin.found);
      changed();
      await begin([...plugins.values()]);
    },
    async activate(id) {
      await find(id).activate();
    },
    async reload(id) {
      if (!plugins.has(id)) await refresh();
      const plugin = find(id);
      const found = readPlugin(plugin.found.root, id);
      if (!found) throw pluginErrors.PLUGIN_UNKNOWN(`${plugin.found.folder} holds no plugin any more`);
      if (found.error) throw found.error;
      if (plugin.isEnabled) return plugin.replace(found);
      declare(found);
      plugin.found = found;
      await follow();
      const { number } = await plugin.activate();
      return { generation: number, visibleMs: 0 };
    },
    async setEnabled(id, enabled) {
      if (!plugins.has(id)) await refresh();
      find(id);
      await deps.saveEnabled(id, enabled);
      await follow();
    },
    refresh,
    list: () => [...plugins.values()].map((plugin) => plugin.info()),
    inspect: (id) => find(id).info(),
    health: async () =>
      Object.fromEntries(
        await Promise.all(
          active()
            .filter(({ registered }) => registered.get("health", "health"))
            .map(async (generation) => [generation.plugin, await isHealthy(generation)]),
        ),
      ),
    async stop() {
      following?.[Symbol.dispose]();
      await Promise.all(active().map(({ services, unloaded }) => services.stop(unloaded())));
      await Promise.all(active().map((generation) => generation.drain(limits().drainMs)));
      for (const plugin of plugins.values()) plugin.isEnabled = false;
      for (const plugin of [...plugins.values()].reverse()) await plugin.unload();
      for (const all of declared.values()) for (const one of all) one[Symbol.dispose]();
      isStarted = false;
      changed();
    },
  };
}
