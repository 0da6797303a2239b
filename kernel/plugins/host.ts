/** All plugins of a gateway: found, enabled, activated on demand, replaced, stopped. */
import type { Facet, HealthReport } from "@pincer/plugin-sdk";
import { pluginHost as hostContract, plugins as pluginsContract } from "@pincer/plugin-sdk/contracts/plugin-host";
import { errorMessage, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { pluginsChanged } from "@pincer/plugin-sdk/events";
import { configPathOf } from "@pincer/plugin-sdk/manifest";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { loadFailure } from "@pincer/plugin-sdk/runtime/loader";
import { reviveSchema } from "@pincer/plugin-sdk/schema";
import { Capabilities } from "./capabilities.ts";
import type { PluginHost, PluginHostDeps } from "./deps.ts";
import { discover, type Found, readPlugin } from "./discovery.ts";
import type { Generation } from "./generation.ts";
import { runHook } from "./hooks.ts";
import { defaultLimits } from "./limits.ts";
import { Plugin, type PluginSurroundings } from "./plugin.ts";
import { createPreparation } from "./preparation.ts";
import { CapabilitiesConfig, settingsOf } from "./settings.ts";
import { eventSource, jobKinds, methodSource, routeSource, type SourceDeps } from "./sources.ts";
import { startInOrder } from "./starting.ts";
import { Table } from "./table.ts";

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
    const entering = enter(id, what);
    const { generation, leave } = entering instanceof Promise ? await entering : entering;
    try {
      return await run(generation);
    } catch (error) {
      throw generation.blame(error, what, signal);
    } finally {
      leave();
    }
  };
  const sources: SourceDeps = { clock, limits, table: () => table, current: (id) => find(id).current, enter, inside };
  const syncKinds = jobKinds(sources, deps.jobs);
  const choices = settings.section<Readonly<Record<string, string>> | undefined>("capabilities");
  const capabilities = new Capabilities({ table: () => table, chosen: (contract) => choices()?.[contract], enter });

  const run: PluginHost["run"] = (hook, payload, options) =>
    runHook(
      {
        clock,
        deadlineMs: ({ stops }) => (stops ? limits().stopMs : limits().hookMs),
        handlers: (id) => table.handlers(id),
        inside,
        report: (plugin, id, error) => log.error("hook.failed", { plugin, hook: id, error: errorMessage(error) }),
      },
      hook,
      payload,
      options?.signal,
    );

  const preparation = createPreparation({ ...deps, limits, capabilities, run });

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
  const declare = (found: Found): void => {
    const { id, manifest } = found;
    for (const old of declared.get(id) ?? []) old[Symbol.dispose]();
    const own: Disposable[] = [];
    declared.set(id, own);
    for (const [path, schema] of settingsOf(found)) own.push(settings.declare(path, schema, id));
    if (manifest?.generated?.config)
      own.push(settings.onChange(configPathOf(manifest), () => plugins.get(id)?.current?.instance.tellConfig()));
  };

  const prepare: PluginSurroundings["prepare"] = async (found, number, earlier) => {
    const present = plugins.get(found.id)?.found;
    try {
      if (present !== found) declare(found);
      return await preparation(found, number, earlier);
    } catch (error) {
      if (present && present !== found && !present.error) declare(present);
      throw loadFailure(found.id, found.folder, error);
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

  /** Brings what is enabled and active in step with the configuration; what has failed is tried again at once. */
  const bring = async (): Promise<void> => {
    const turned = [...plugins.values()].filter((plugin) => plugin.isEnabled !== wanted(plugin.found));
    for (const plugin of turned) plugin.isEnabled = !plugin.isEnabled;
    if (turned.length > 0) changed();
    for (const plugin of plugins.values()) plugin.forgive();
    await Promise.all([begin(), ...turned.filter(({ isEnabled }) => !isEnabled).map((plugin) => plugin.unload())]);
  };

  let bringing: Promise<void> = Promise.resolve();
  /** One at a time, so that whoever asked for a change is answered when it is made, also when the configuration's change began it. */
  const follow = (): Promise<void> => {
    const next = bringing.then(bring);
    bringing = next.catch(() => undefined); // silent-ok: who asked is told; the next one begins afresh
    return next;
  };

  /** Finds what was installed meanwhile, too. */
  const refresh = async (): Promise<void> => {
    for (const found of discover(deps.folders, deps.bundle?.isChecked).values()) if (!plugins.has(found.id)) add(found);
    await follow();
  };

  const begin = (): Promise<void> => {
    const enabled = [...plugins.values()].filter(({ isEnabled }) => isEnabled);
    return startInOrder(enabled, table, (ids) => log.warn("plugin.cycle", { cycle: ids.join(" -> ") }));
  };

  const active = () => [...plugins.values()].flatMap(({ current }) => current ?? []);

  settings.declare("capabilities", CapabilitiesConfig, "plugins");
  for (const found of discover(deps.folders, deps.bundle?.isChecked).values()) add(found);
  for (const plugin of plugins.values()) plugin.isEnabled = wanted(plugin.found);
  changed();

  const host: PluginHost = {
    methods: methodSource(sources),
    routes: routeSource(sources),
    events: eventSource(sources),
    provide: (contract, implement) => capabilities.provide(contract, implement),
    handle: (contract) => capabilities.handle(contract, { id: "kernel", assertLive: () => undefined }),
    run,
    deliver(event, payload) {
      for (const id of table.listeners(event)) {
        const said = payload();
        inside(id, `event ${event}`, (generation) => generation.registered.get("listens", event)?.listener(said)).catch((error) =>
          log.error("listener.failed", { plugin: id, event, error: errorMessage(error) }),
        );
      }
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
      await begin();
    },
    async activate(id) {
      await find(id).activate();
    },
    async reload(id) {
      if (!plugins.has(id)) await refresh();
      const plugin = find(id);
      const found = readPlugin(plugin.found.root, id, deps.bundle?.isChecked);
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
      await Promise.all(active().map(({ instance }) => instance.services.stop(instance.unloaded())));
      await Promise.all(active().map((generation) => generation.drain(limits().drainMs)));
      for (const plugin of plugins.values()) plugin.isEnabled = false;
      for (const plugin of [...plugins.values()].reverse()) await plugin.unload();
      for (const all of declared.values()) for (const one of all) one[Symbol.dispose]();
      isStarted = false;
      changed();
    },
  };
  host.provide(pluginsContract, () => ({
    list: async ({ id }) => ({ plugins: id === undefined ? [...host.list()] : [host.inspect(id)] }),
  }));
  host.provide(hostContract, () => ({
    reload: async ({ id }) => host.reload(id),
    setEnabled: async ({ id, enabled }) => {
      await host.setEnabled(id, enabled);
      return {};
    },
  }));
  return host;
}
