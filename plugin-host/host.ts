/** All plugins of a gateway: found, enabled, activated on demand, replaced, stopped. */
import type { HealthReport } from "@pincer/plugin-sdk";
import type { Contract, HandleOf, ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type PluginInfo, pluginHost, plugins as pluginsContract, type Use } from "@pincer/plugin-sdk/contracts/plugin-host";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { pluginsChanged } from "@pincer/plugin-sdk/events";
import { configPathOf } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { revocationOf } from "@pincer/plugin-sdk/revoked";
import { loadFailure } from "@pincer/plugin-sdk/runtime/loader";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { Capabilities } from "./capabilities.ts";
import type { PluginHostDeps, Reach } from "./deps.ts";
import { discover, type Found, readPlugin } from "./discovery.ts";
import { type Generation, use } from "./generation.ts";
import { createHookRunner } from "./hooks.ts";
import { Plugin, type PluginSurroundings } from "./plugin.ts";
import { createPreparation } from "./preparation.ts";
import { createRemovals } from "./removals.ts";
import { CapabilitiesConfig, type IsolationSettings, isolationOf, refusalOf, settingsOf } from "./settings.ts";
import { eventSource, jobKinds, methodSource, routeSource } from "./sources.ts";
import { startInOrder } from "./starting.ts";
import { Table } from "./table.ts";
import { createToldSecrets } from "./told-secrets.ts";

export type PluginHost = ReturnType<typeof createPluginHost>;

const useOfThisProcess = (): Use => {
  const { user, system } = process.cpuUsage();
  return { cpuMs: (user + system) / 1000, memoryBytes: process.memoryUsage.rss() };
};

/** Reads manifests, and declares what they say of the configuration. Runs nothing before `start`. */
export function createPluginHost(deps: PluginHostDeps) {
  const { clock, settings, limits } = deps;
  const log = deps.log("plugins");
  const plugins = new Map<string, Plugin>();
  const declared = new Map<string, readonly Disposable[]>();
  let table = new Table([], deps, () => false);
  let changes = 0;
  let isStarted = false;
  let following: Disposable | undefined;

  const all = () => [...plugins.values()];
  const active = () => all().flatMap(({ current }) => current ?? []);
  const find = (id: string): Plugin => {
    const plugin = plugins.get(id);
    if (!plugin) throw pluginErrors.PLUGIN_UNKNOWN(`there is no plugin "${id}"${suggestion(id, [...plugins.keys()])}`);
    return plugin;
  };

  const reach: Reach = {
    clock,
    limits,
    log,
    table: () => table,
    present: (id) => plugins.get(id)?.current,
    enter: (id, what, patient) => find(id).enter(what, patient),
    inside(id, what, run, signal) {
      const entered = find(id).enter(what);
      return entered instanceof Promise ? entered.then((late) => use(late, what, run, signal)) : use(entered, what, run, signal);
    },
  };
  const syncKinds = jobKinds(reach, deps);
  const choices = settings.section<Readonly<Record<string, string>> | undefined>("capabilities");
  const capabilities = new Capabilities(reach, (contract) => choices()?.[contract]);
  const run = createHookRunner(reach);
  const isolated = (found: Found) => isolationOf(found, settings.section<IsolationSettings | undefined>(`plugins.${found.id}`)());
  const toldSecrets = createToldSecrets(deps.secret);
  const removals = createRemovals(deps, log, capabilities);
  const preparation = createPreparation({ ...deps, secret: toldSecrets.secret }, capabilities, run, isolated);

  const tabled = (replaced?: Found): Table => {
    const manifests = all().flatMap(({ found, isEnabled }) => {
      const manifest = found.id === replaced?.id ? replaced.manifest : found.manifest;
      return isEnabled && manifest ? [manifest] : [];
    });
    return new Table(manifests, deps, (id) => isolated(replaced?.id === id ? replaced : find(id).found).isTrusted);
  };

  /** The one step in which everybody sees another set of registrations. */
  const changed = () => {
    const before = table;
    toldSecrets.forget();
    table = tabled();
    syncKinds();
    for (const plugin of plugins.values()) {
      const refusal = table.refusal(plugin.id);
      if (refusal || hasCode(plugin.error, "PLUGIN_CONFLICT") || plugin.error === before.refusal(plugin.id)) plugin.error = refusal;
    }
    for (const { instance } of active()) instance.tellProvisions?.();
    if (isStarted) deps.emit(pluginsChanged, { generation: ++changes });
  };

  const retract = (id: string): void => declared.get(id)?.forEach((own) => void own[Symbol.dispose]());
  /** What the manifest says of the configuration, until the next one is declared in its place. */
  const declare = (found: Found): void => {
    const { id, manifest } = found;
    retract(id);
    const own: Disposable[] = [];
    declared.set(id, own);
    for (const [path, schema] of settingsOf(found)) own.push(settings.declare(path, schema, id));
    if (manifest?.generated?.config)
      own.push(settings.onChange(configPathOf(manifest), () => plugins.get(id)?.current?.instance.tellConfig()));
  };

  const prepare: PluginSurroundings["prepare"] = async (found, number, activity, earlier) => {
    const present = plugins.get(found.id)?.found;
    const refusal = (present === found ? table : tabled(found)).refusal(found.id);
    if (refusal) throw refusal;
    try {
      if (present !== found) declare(found);
      await removals.settle(found.id);
      return await preparation(found, number, activity, earlier);
    } catch (error) {
      if (present && present !== found && !present.error) declare(present);
      throw loadFailure(found.id, found.folder, error);
    }
  };
  const around: PluginSurroundings = {
    ...{ clock, limits, log, prepare, changed },
    restartJob: (key, reason) => deps.jobs.restart(key, reason),
    isolation: (found) => isolated(found).isolation,
    refusal: (found) => refusalOf(found.id, isolated(found)),
  };

  const add = (found: Found): void => {
    const plugin = new Plugin(found, around);
    plugins.set(found.id, plugin);
    try {
      declare(found);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      plugin.found = { ...found, manifest: undefined, whole: () => undefined, error };
    }
    if (plugin.found.error) log.error("plugin.invalid", { plugin: found.id, error: plugin.found.error.message });
  };
  /** Answers with those that are there no more. */
  const look = (isTrial = false): readonly Plugin[] => {
    const there = discover(deps.folders, deps.bundle, isTrial);
    for (const found of there.values()) if (!plugins.has(found.id)) add(found);
    return all().filter(({ id }) => !there.has(id));
  };

  const isWanted = ({ id, root, manifest, folder }: Found): boolean => {
    if (!manifest || revocationOf(folder)) return false;
    const said = settings.section<boolean | undefined>(`plugins.${id}.enabled`)();
    const isFound = () => manifest.enableWhen !== undefined && deps.found(manifest.enableWhen);
    return said ?? (root.enabled === true || (root.layout === "source" && (deps.defaults.includes(id) || isFound())));
  };
  /** Answers with those that it turned on or off. */
  const turn = (): readonly Plugin[] => {
    const turned = all().filter((plugin) => plugin.isEnabled !== isWanted(plugin.found));
    for (const plugin of turned) plugin.isEnabled = !plugin.isEnabled;
    return turned;
  };
  /** Brings what is enabled and active in step with the configuration; what has failed is tried again at once. */
  const bring = async (): Promise<void> => {
    await removals.installedAre(all().flatMap(({ id, found }) => (found.root.layout === "installed" ? [id] : [])));
    const turned = turn();
    if (turned.length > 0) changed();
    for (const plugin of plugins.values()) plugin.forgive();
    const [enabled, disabled] = [all().filter(({ isEnabled }) => isEnabled), turned.filter(({ isEnabled }) => !isEnabled)];
    const begun = startInOrder(enabled, table, (ids) => log.warn("plugin.cycle", { cycle: ids.join(" -> ") }));
    // By another choice of a provider, or another secret, nothing was registered anew.
    for (const { instance } of active()) instance.tellProvisions?.();
    const stale = (id: string) => (error: unknown) => log.error("plugin.permissions-stale", { plugin: id, error: errorMessage(error) });
    const followed = enabled.map((plugin) => plugin.followPermissions().catch(stale(plugin.id)));
    await Promise.all([begun, ...followed, ...disabled.map((plugin) => plugin.unload())]);
  };
  const inTurn = createQueue();
  /** One at a time, so that whoever asked for a change is answered when it is made, also when the configuration's change began it. */
  const follow = (): Promise<void> => inTurn(bring);

  const forget = async (plugin: Plugin): Promise<void> => {
    plugin.isEnabled = false;
    await plugin.unload();
    retract(plugin.id);
    plugins.delete(plugin.id);
    changed();
  };
  /** Looks again at what is installed, and at what is enabled, after what `found` says may have changed. */
  const refresh = (): Promise<void> =>
    inTurn(async () => {
      for (const plugin of look(true)) await forget(plugin);
      await bring();
    });

  /** A new generation beside the present one. Rejects, with file, line and reason where known, when the present one stays. */
  const reload = async (id: string): Promise<{ readonly generation: number; readonly visibleMs: number }> => {
    if (!plugins.has(id)) await refresh();
    const plugin = find(id);
    const found = readPlugin(plugin.found.root, id, deps.bundle, true);
    if (!found) throw pluginErrors.PLUGIN_UNKNOWN(`${plugin.found.folder} holds no plugin any more`);
    if (found.error) throw found.error;
    const anew = { ...found, isAnew: true };
    if (plugin.isEnabled) return plugin.replace(anew);
    declare(anew);
    plugin.found = anew;
    await follow();
    return { generation: (await plugin.activate()).number, visibleMs: 0 };
  };

  const setEnabled = async (id: string, enabled: boolean): Promise<void> => {
    if (!plugins.has(id)) await refresh();
    const revoked = enabled && revocationOf(find(id).found.folder);
    if (revoked) throw revoked;
    await deps.saveEnabled(id, enabled);
    await follow();
  };

  /** Before `start`: the kernel's own implementation of a contract, for each plugin that uses it. */
  const provide = <C extends Contract>(contract: C, implement: (plugin: string) => ImplementationOf<C>): void =>
    capabilities.provide(contract, implement);

  settings.declare("capabilities", CapabilitiesConfig, "plugins");
  look();
  turn();
  changed();
  const told = (plugin: Plugin): PluginInfo => ({ ...plugin.info(), manifest: plugin.found.whole() });
  const said = (id: string | undefined) => (id === undefined ? all() : [find(id)]).map(told);
  provide(pluginsContract, () => ({ list: async ({ id }) => ({ plugins: said(id), gateway: useOfThisProcess() }) }));
  provide(pluginHost, () => ({
    reload: async ({ id }) => reload(id),
    refresh: async () => refresh().then(() => ({})),
    setEnabled: async ({ id, enabled }) => setEnabled(id, enabled).then(() => ({})),
  }));

  return {
    methods: methodSource(reach),
    routes: routeSource(reach),
    events: eventSource(reach),
    run,
    provide,
    refresh,
    /** Looks again once it is known which there are. */
    secretsChanged(known: Promise<void>): Promise<void> {
      toldSecrets.forget();
      return known.then(refresh);
    },
    reload,
    setEnabled,
    list: (): PluginInfo[] => all().map((plugin) => plugin.info()),
    /** Throws `PLUGIN_UNKNOWN`. */
    inspect: (id: string): PluginInfo => find(id).info(),
    /** What the kernel itself uses of plugins, as a plugin's `ctx.uses`. Before `start`: from then on its scope binds all who provide or use it. */
    handle: <C extends Contract>(contract: C): HandleOf<C> => capabilities.rely(contract),
    activate: async (id: string): Promise<void> => void (await find(id).activate()),

    /** Hands an event of the bus to the plugins that listen to it. */
    deliver(event: string, payload: () => unknown): void {
      for (const id of table.listeners(event)) {
        const said = payload();
        const listen = (generation: Generation) => generation.registered.get("listens", event)?.listener(said);
        Promise.try(() => reach.inside(id, `event ${event}`, listen)).catch((error) =>
          log.error("listener.failed", { plugin: id, event, error: errorMessage(error) }),
        );
      }
    },

    facets: () => table.facets,
    manifests: () => all().map(({ found }) => found.manifest),

    /** Of every active plugin that reports its health. */
    async health(): Promise<Readonly<Record<string, HealthReport>>> {
      const reporting = active().filter(({ registered }) => registered.get("health", "health"));
      return Object.fromEntries(await Promise.all(reporting.map(async (generation) => [generation.plugin, await generation.health()])));
    },

    /** Activates what wants to be active from the start. A plugin that fails is listed with its error, and stops nobody else. */
    async start(): Promise<void> {
      isStarted = true;
      following = settings.onChange("", follow);
      await follow();
    },

    /** Drains and unloads everything; names in the log what did not end in time. */
    async stop(): Promise<void> {
      following?.[Symbol.dispose]();
      await Promise.all(active().map(({ instance }) => instance.services.stop(instance.unloaded())));
      await Promise.all(active().map((generation) => generation.drain(limits().drainMs)));
      for (const plugin of plugins.values()) plugin.isEnabled = false;
      for (const plugin of all().reverse()) await plugin.unload();
      for (const id of declared.keys()) retract(id);
      isStarted = false;
      changed();
    },
  };
}
