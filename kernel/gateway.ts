/** The composition root: the only file that constructs everything, in the order in which each needs the other. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { audit } from "@pincer/plugin-sdk/contracts/audit";
import { authenticator } from "@pincer/plugin-sdk/contracts/authenticator";
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
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Emit } from "@pincer/plugin-sdk/event";
import { configChanged, pluginsChanged } from "@pincer/plugin-sdk/events";
import type { HookPayload } from "@pincer/plugin-sdk/hook";
import { gatewayStarted, gatewayStopping, jobAdmitting, jobFailed, sessionEnded } from "@pincer/plugin-sdk/hooks";
import { isSensitive } from "@pincer/plugin-sdk/sensitive";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { kernelEvents } from "@pincer/plugin-sdk/wire/events";
import { health } from "@pincer/plugin-sdk/wire/methods";
import type { Static } from "@sinclair/typebox";
import type { PluginFolder } from "../plugin-host/discovery.ts";
import { createFindings } from "../plugin-host/findings.ts";
import { createPluginHost } from "../plugin-host/host.ts";
import { knownManifests, readBundle } from "../plugin-kit/known-manifests.ts";
import { lockHome } from "../store/lock.ts";
import { createRetention } from "../store/retention.ts";
import { openStore } from "../store/sqlite.ts";
import { createValues, pluginMigrations, valueStatements } from "../store/values.ts";
import { accessMigrations, createAccess } from "./access/access.ts";
import { openKeys } from "./access/keys.ts";
import { createBus } from "./bus/bus.ts";
import { busMigrations } from "./bus/idempotency.ts";
import { createConfig } from "./config/config.ts";
import { configurationFor } from "./config/contract.ts";
import defaultPlugins from "./default-plugins.json" with { type: "json" };
import { agentsOf, mainKey } from "./gateway-agents.ts";
import { GatewayConfig } from "./gateway-config.ts";
import { healthOf } from "./gateway-health.ts";
import { lanesFor } from "./lanes/contract.ts";
import { failureKind } from "./lanes/jobs.ts";
import { createLanes } from "./lanes/lanes.ts";
import { lanesMigrations } from "./lanes/rows.ts";
import { createLog, type LogLine } from "./log.ts";
import kernel from "./package.json" with { type: "json" };
import { sessionsMigrations } from "./sessions/schema.ts";
import { createSessions, type Sessions, sessionEvents } from "./sessions/sessions.ts";

export interface GatewayOptions {
  /** Absolute. Made, 0700, when it does not exist. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where plugins are looked for, besides the home's own. */
  readonly folders: readonly PluginFolder[];
  /** Bundles of the default set; absent: plugins run from their source. */
  readonly bundle?: string;
  readonly defaults?: readonly string[];
  /** Reload a plugin when its files change. */
  readonly dev?: boolean;
  readonly clock?: Clock;
  /** Also told of each log line. */
  readonly print?: (line: LogLine) => void;
  /** Called at each named point of the store and the lanes, so that a test can end the process there. */
  readonly probe?: (point: string) => void;
  /** Milliseconds added to every commit, to measure a slow disk. */
  readonly commitDelayMs?: number;
}
export type Gateway = Awaited<ReturnType<typeof createGateway>>;

/** For the answer to reach who changed the shared secret, before the sockets that it let in close. */
const ANSWER_MS = 500;

/** Takes the home, opens its store and reads its configuration. Throws `HOME_IN_USE`, `STORE_*`; nothing is left open then. */
export async function createGateway(options: GatewayOptions) {
  const { home, env, clock = systemClock } = options;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  await using opened = new AsyncDisposableStack();
  opened.use(lockHome(home));

  const log = createLog({ file: join(home, "gateway.log"), clock, ...(options.print && { print: options.print }) });
  opened.defer(() => log.flush());
  const keys = await openKeys(home, log);
  log.redact(keys.token);
  const config = createConfig({ home, clock, log, env: { ...env, PINCER_HOME: home }, hide: log.redact, hashKey: keys.derive("config") });
  config.declare("gateway", GatewayConfig, "kernel");
  const settings = config.section<Static<typeof GatewayConfig>>("gateway");
  log.setLevel(settings().log.level);

  const { probe } = options;
  const probing = (room: string) => probe && { probe: (point: string) => probe(`${room}:${point}`) };
  const store = await openStore({
    path: join(home, "pincer.db"),
    migrations: [...accessMigrations, ...busMigrations, ...sessionsMigrations, ...lanesMigrations, ...pluginMigrations],
    onFailure: (error) =>
      log.error("store.writer-died", { error: error.message, next: "the gateway refuses work until it is started again" }),
    ...probing("store"),
    ...(options.commitDelayMs !== undefined && { delayMs: options.commitDelayMs }),
  });
  opened.defer(() => store.close());
  const retention = opened.use(createRetention({ store, clock, log }));
  const emit: Emit = (event, payload, to) => bus.emit(event, payload, to);
  const base = { store, clock, log, retention, emit };

  const access = createAccess({
    ...base,
    settings,
    keys,
    authenticator: () => judge,
    secretsChanged: () =>
      void host
        .secretsChanged(findings.readSecrets())
        .catch((error) => log.error("plugins.refresh-failed", { error: errorMessage(error) })),
  });
  opened.defer(access.audit.settled);

  const lanes = createLanes({ ...base, gate: (job) => host.run(jobAdmitting, job), settings: () => settings().lanes, ...probing("lanes") });
  const findings = createFindings({ env, config, secrets: access.secrets.names });
  await findings.readSecrets();
  const events = [...kernelEvents, ...sessionEvents, configChanged, pluginsChanged];
  const withheld = new Set<string>();
  const scopes = new Map(events.map(({ name, scope }) => [name, scope]));
  const host = createPluginHost({
    home,
    clock,
    values: (plugin) => createValues(store, plugin),
    settings: config,
    jobs: lanes,
    folders: [...options.folders, { path: join(home, "plugins"), layout: "installed" }],
    defaults: options.defaults ?? defaultPlugins,
    limits: () => settings().plugins,
    reserved: (name) => name === health.name || scopes.has(name),
    scopeOf: (event) => scopes.get(event),
    found: findings.found,
    log: (plugin) => log.child({ plugin }),
    emit,
    dispatch: (...call) => bus.dispatch(...call),
    // The vendors' own variables are honoured, so that a gateway with a real provider needs no file at all.
    secret: async (name, plugin) => {
      if (host.inspect(plugin).origin === "installed" && !(await access.secrets.isGranted(name, plugin))) {
        const next = `pincer secrets grant ${name} ${plugin}`;
        if (!withheld.has(next)) log.warn("secret.withheld", { plugin, name, next });
        return void withheld.add(next);
      }
      const kept = await access.secrets.get(name);
      const value = kept ?? env[name];
      // Whatever a plugin or a library says of its requests, the log does not repeat it.
      if (value !== undefined && (kept !== undefined || isSensitive([name], undefined))) log.redact(value);
      return value;
    },
    saveEnabled: async (plugin, enabled) => void (await config.set(["plugins", plugin, "enabled"], enabled)),
    install: async (folder, ...how) => (await import("../plugin-kit/runnable.ts")).runnable(folder, home, ...how),
    bundle: knownManifests(home, options.bundle === undefined ? undefined : readBundle(options.bundle)),
  });
  const judge = host.handle(authenticator);

  const agents = () => agentsOf(config.current().value["agents"]);
  const sessions: Sessions = createSessions({
    ...base,
    settings: () => settings().sessions,
    facets: () => host.facets(),
    defaultAgentId: () => agents().main,
    ended: (sessionKey, reason) => host.run(sessionEnded, { sessionKey, reason }),
  });

  const bus = createBus({
    ...base,
    access,
    plugins: host,
    events,
    settings,
    health: () => healthOf(rooms, agents(), clock.now()),
    snapshot: () => ({
      sessionDefaults: { defaultAgentId: agents().main, mainKey, mainSessionKey: `agent:${agents().main}:${mainKey}`, scope: "per-sender" },
      configPath: config.path,
      stateDir: home,
      authMode: settings().auth.mode,
      appliedConfigHash: config.current().appliedHash,
    }),
    audit: access.audit.note,
    version: kernel.version,
    bootId: crypto.randomUUID(),
  });

  const rooms = { access, bus, config, host, lanes, log, sessions };
  const subscribing = (change: "subscribe" | "unsubscribe") => async (to: { readonly connectionId: string; readonly topic: string }) => {
    bus[change](to.connectionId, to.topic);
    return {};
  };

  host.provide(audit, () => ({ append: (entry) => access.audit.append(entry).then(() => ({})) }));
  host.provide(configuration, () => configurationFor(config));
  host.provide(diagnostics, () => ({ ...bus.diagnostics, log: (range) => log.tail(range) }));
  host.provide(gateway, () => ({
    about: async () => ({ url: address.url, publicUrl: settings().publicUrl, authMode: settings().auth.mode }),
    connections: async () => ({
      connections: bus.connections().map(({ info: { id, deviceId }, role, scopes }) => ({ id, deviceId, role, scopes: [...scopes] })),
    }),
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
  config.onChange("", () => bus.emit(configChanged, { path: config.path, hash: config.current().hash, ts: clock.now() }));
  lanes.handle(failureKind, { journal: 1, run: ({ input }) => host.run(jobFailed, input as HookPayload<typeof jobFailed>) });

  let address = { url: "", port: 0 };
  const lifetime = opened.move();

  return {
    home,
    ...rooms,
    /** A page's address that logs one browser in. */
    async loginLink(): Promise<string> {
      return ((await bus.dispatch("gateway.loginLink", {}, { scopes: ["operator.admin"] })) as { url: string }).url;
    },

    /** Listens, activates what wants to be active, resumes the work that was running, and lets clients in. */
    async start(): Promise<{ readonly url: string; readonly port: number }> {
      address = await bus.start();
      lifetime.use(config.watch());
      const rotated = () =>
        void clock.after(ANSWER_MS, () => bus.disconnect(({ principal }) => principal === "shared", 4001, "auth rotated"));
      lifetime.use(config.onChange("gateway.auth", rotated));
      lifetime.use(config.onChange("gateway.log", () => log.setLevel(settings().log.level)));
      await findings.look(host.manifests());
      const [problem] = await access.problems();
      if (problem) log.error("secrets.key-lost", { problem, names: await access.secrets.lost(), file: keys.keyPath });
      // What was accepted goes on before anything new comes in.
      await lanes.recover();
      await host.start();
      if (options.dev === true) lifetime.use((await import("../plugin-kit/reload-on-save.ts")).reloadOnSave(host, clock, log));
      await bus.ready();
      await host.run(gatewayStarted, {});
      log.info("gateway.ready", { url: address.url, version: kernel.version });
      return address;
    },

    /** Refuses new work, lets what runs finish or come to a point from which it resumes, and gives the home back. */
    async stop(reason: string, expected: { readonly restartExpectedMs?: number } = {}): Promise<void> {
      log.info("gateway.stopping", { reason });
      await host.run(gatewayStopping, { reason });
      await bus.stop(reason, expected);
      await lanes.stop();
      await host.stop();
      await lifetime.disposeAsync();
    },
  };
}
