/** A real bus on a real socket, with real access and a real store in a folder of its own, for tests of the bus. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { GatewayEvent } from "@pincer/plugin-sdk/event";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type ClientOptions, WireClient } from "@pincer/plugin-sdk/testing/client";
import { kernelEvents } from "@pincer/plugin-sdk/wire/events";
import { Value } from "@sinclair/typebox/value";
import { type Access, accessMigrations, createAccess } from "../../kernel/access/access.ts";
import { openKeys } from "../../kernel/access/keys.ts";
import { AccessConfig, type AccessSettings } from "../../kernel/access/settings.ts";
import { type Bus, createBus } from "../../kernel/bus/bus.ts";
import type { BusDeps } from "../../kernel/bus/context.ts";
import { busMigrations } from "../../kernel/bus/idempotency.ts";
import { BusConfig, type BusSettings } from "../../kernel/bus/settings.ts";
import type { MethodBinding, RouteBinding } from "../../plugin-host/bindings.ts";
import { createRetention, type Retention } from "../../store/retention.ts";
import { openStore } from "../../store/sqlite.ts";
import type { Store } from "../../store/store.ts";
import { pluginMigrations } from "../../store/values.ts";
import { devicesOver } from "./devices.ts";

interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface BusHost extends AsyncDisposable {
  readonly bus: Bus;
  readonly access: Access;
  readonly store: Store;
  readonly retention: Retention;
  readonly token: string;
  readonly url: string;
  readonly wsUrl: string;
  readonly log: LogLine[];
  /** The plugins' methods, routes and events, and what hears every event; a test changes them as a plugin's swap would. */
  readonly plugins: {
    methods: Map<string, MethodBinding>;
    routes: RouteBinding[];
    events: Map<string, GatewayEvent>;
    deliver: BusDeps["plugins"]["deliver"];
  };
  /** Live. */
  readonly settings: BusSettings;
  connect(options?: Partial<ClientOptions>): Promise<WireClient>;
  /** A socket that has not said anything. */
  open(options?: Partial<ClientOptions>): WireClient;
}

interface BusHostOptions {
  readonly clock?: Clock;
  readonly settings?: Partial<BusSettings>;
  readonly access?: Partial<AccessSettings>;
  readonly methods?: readonly MethodBinding[];
  readonly deps?: Partial<BusDeps>;
  /** Events of further rooms. */
  readonly events?: readonly GatewayEvent[];
  /** Leave the bus as it is before everything is there. */
  readonly starting?: boolean;
  /** A folder to use again, which is then not removed. */
  readonly home?: string;
}

const defaultsOf = <T>(schema: Parameters<typeof Value.Default>[0], over: object = {}) => Value.Default(schema, { ...over }) as T;

export async function startBus(options: BusHostOptions = {}): Promise<BusHost> {
  const { clock = systemClock } = options;
  await using opened = new AsyncDisposableStack();
  const home = options.home ?? (await mkdtemp(join(tmpdir(), "pincer-bus-")));
  if (!options.home) opened.defer(() => rm(home, { recursive: true, force: true }));
  const log: LogLine[] = [];
  const logger = Object.fromEntries(
    ["debug", "info", "warn", "error"].map((level) => [level, (event: string, fields = {}) => void log.push({ level, event, fields })]),
  ) as unknown as Logger;
  const settings = defaultsOf<BusSettings>(BusConfig, { port: 0, checkResults: true, ...options.settings });
  const accessSettings = defaultsOf<AccessSettings>(AccessConfig, options.access);
  const store = await openStore({ path: join(home, "store.db"), migrations: [...busMigrations, ...accessMigrations, ...pluginMigrations] });
  opened.defer(() => store.close());
  const keys = await openKeys(home, logger);
  const retention = opened.use(createRetention({ store, clock, log: logger }));
  const methods = new Map(options.methods?.map((method) => [method.name, method]));
  const plugins: BusHost["plugins"] = { methods, routes: [], events: new Map(), deliver: () => {} };

  const access: Access = createAccess({
    store,
    clock,
    log: logger,
    settings: () => accessSettings,
    keys,
    authenticator: () => devices.authenticator,
  });
  const devices = opened.use(
    devicesOver({
      ...{ store, clock, keys, access: () => access, emit: (...call) => bus.emit(...call) },
      gateway: {
        about: async () => ({ url: "http://127.0.0.1:18789", authMode: accessSettings.auth.mode }),
        connections: async () => ({
          connections: bus.connections().map(({ info: { id, deviceId }, role, scopes }) => ({ id, deviceId, role, scopes: [...scopes] })),
        }),
        async disconnect(revocation) {
          bus.disconnectDevice(revocation);
          return {};
        },
      },
    }),
  );
  const bus: Bus = createBus({
    access,
    plugins: {
      methods: { find: (name) => plugins.methods.get(name), names: () => plugins.methods.keys() },
      routes: {
        match: (path) =>
          plugins.routes
            .filter(({ prefix }) => prefix === "/" || path === prefix || path.startsWith(`${prefix}/`))
            .sort((a, b) => b.prefix.length - a.prefix.length)[0],
      },
      events: { find: (name) => plugins.events.get(name), names: () => plugins.events.keys() },
      deliver: (...told) => plugins.deliver(...told),
    },
    events: [...kernelEvents, ...(options.events ?? [])],
    store,
    retention,
    clock,
    log: logger,
    settings: () => settings,
    health: async () => ({ defaultAgentId: "main" }),
    snapshot: () => ({ sessionDefaults: { defaultAgentId: "main", mainKey: "main", mainSessionKey: "agent:main:main" } }),
    audit: access.audit.note,
    version: "0.0.0-test",
    bootId: "boot-1",
    ...options.deps,
  });
  opened.defer(() => {
    settings.drainMs = 0;
    return bus.stop("test is over");
  });
  const started = await bus.start();
  const wsUrl = started.url.replace(/^http/, "ws");
  if (!options.starting) await bus.ready();

  const lifetime = opened.move();
  const clientOptions = (given: Partial<ClientOptions> = {}): ClientOptions => ({ url: wsUrl, token: keys.token, ...given });
  return {
    bus,
    access,
    store,
    retention,
    token: keys.token,
    url: started.url,
    wsUrl,
    log,
    plugins,
    settings,
    connect: (given) => WireClient.connect(clientOptions(given)),
    open: (given) => new WireClient(clientOptions(given)),
    [Symbol.asyncDispose]: () => lifetime.disposeAsync(),
  };
}
