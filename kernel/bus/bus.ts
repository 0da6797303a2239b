/** The bus: one port for HTTP and WebSocket, and everything that is called, answered and announced over it. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { diagnostics } from "@pincer/plugin-sdk/contracts/diagnostics";
import type { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Emit, GatewayEvent, PayloadOf } from "@pincer/plugin-sdk/event";
import type { ConnectionInfo, Role } from "@pincer/plugin-sdk/method";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { protocolVersion } from "@pincer/plugin-sdk/wire/connect";
import { healthEvent, presenceEvent, shutdownEvent, tickEvent } from "@pincer/plugin-sdk/wire/events";
import { eventFrame, eventHead, resultFrame } from "@pincer/plugin-sdk/wire/frames";
import { health, polledLists } from "@pincer/plugin-sdk/wire/methods";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { Server } from "bun";
import type { Admitted } from "../access/decision.ts";
import { createAuditTrail } from "./audit-trail.ts";
import { createBroadcast } from "./broadcast.ts";
import type { Connection } from "./connection.ts";
import type { BusContext, BusDeps } from "./context.ts";
import { type Caller, createDispatch } from "./dispatch.ts";
import { createHttp } from "./http.ts";
import { createIdempotency } from "./idempotency.ts";
import { bindMethod } from "./own-method.ts";
import { createPresence } from "./presence.ts";
import { createRequests } from "./requests.ts";
import { listen } from "./server.ts";
import { createSockets } from "./sockets.ts";
import { createStability } from "./stability.ts";

/** Who calls a method from inside. */
export interface Insider extends Pick<Caller, "scopes"> {
  readonly plugin?: string;
  readonly signal?: AbortSignal;
}

export type Bus = ReturnType<typeof createBus>;

export function createBus(deps: BusDeps) {
  const { plugins, clock, log, settings, version, bootId } = deps;
  const startedAt = clock.monotonic();
  const stateVersion = { presence: 0, health: 0 };
  const connections = new Map<string, Connection>();
  const lifetime = new DisposableStack();
  let phase: ReturnType<BusContext["phase"]> = "starting";
  let server: Server<Connection> | undefined;

  const stability = lifetime.use(createStability(clock, settings));
  const uptimeMs = () => Math.round(clock.monotonic() - startedAt);
  const context: BusContext = { ...deps, connections, stability, phase: () => phase, uptimeMs };

  /** Measured when asked for and once a minute (`protocol` section 1.7), and remembered for every hello, which waits for the first. */
  let latest: Readonly<Record<string, unknown>> = {};
  let first: Promise<void> | undefined;
  const measure = async () => {
    const began = clock.monotonic();
    const rest = await deps.health();
    const durationMs = Math.round(clock.monotonic() - began);
    const none = { channels: {}, channelOrder: [], channelLabels: {}, heartbeatSeconds: 0 };
    latest = { ok: true, ...none, ...rest, ts: clock.now(), durationMs, eventLoop: stability.eventLoop() };
    return latest;
  };
  const remeasure = async () => {
    await measure().catch((error: unknown) => log.error("bus.health-failed", { error: errorMessage(error) }));
  };

  const ownHealth = bindMethod(health, measure);
  const empty = new Map(polledLists.map(({ method, answer }) => [method.name, bindMethod(method, () => answer(clock.now()))]));
  /** The kernel's only one, then plugins', then the lists that are empty until a plugin owns their name. */
  const find = (name: string) => (name === ownHealth.name ? ownHealth : (plugins.methods.find(name) ?? empty.get(name)));
  const methodNames = () => sorted([ownHealth.name, ...plugins.methods.names(), ...empty.keys()]);

  const broadcast = createBroadcast(context);
  const renew = (state: keyof typeof stateVersion, event: GatewayEvent, payload: object) => {
    stateVersion[state]++;
    broadcast.publish(event, payload, {}, stateVersion);
  };
  const presence = lifetime.use(createPresence(context, () => renew("presence", presenceEvent, { presence: presence.list() })));
  const trail = lifetime.use(createAuditTrail(context));
  const dispatch = createDispatch(context, find, createIdempotency(context), trail);
  const requests = createRequests(context, dispatch);

  /** The hello of somebody who has been let in, and what follows it at once. */
  const welcome = (connection: Connection, requestId: string, { role, scopes, method, deviceToken, issuedAtMs }: Admitted) => {
    const mayRead = allows(scopes, "operator.read");
    const here = mayRead ? presence.list() : [];
    const hello = {
      type: "hello-ok",
      protocol: protocolVersion,
      server: { version, connId: connection.id, bootId },
      features: {
        methods: methodNames(),
        events: sorted([...broadcast.own.keys(), ...plugins.events.names()]),
        capabilities: find("models.list") ? ["published-model-catalog"] : [],
      },
      snapshot: { presence: here, health: latest, stateVersion, uptimeMs: uptimeMs(), ...deps.snapshot() },
      auth: { role, scopes, method, deviceToken, issuedAtMs },
      policy: { maxPayload: settings().frameBytes, maxBufferedBytes: settings().bufferedBytes, tickIntervalMs: settings().tickMs },
    };
    connection.send(resultFrame(requestId, hello));
    const push = (event: GatewayEvent, payload: unknown) => connection.send(eventFrame(eventHead(event.name, payload, stateVersion)));
    if (mayRead) push(presenceEvent, { presence: here });
    push(healthEvent, latest);
    presence.changed(connection);
  };

  const sockets = lifetime.use(
    createSockets(context, {
      // A gateway is ready before it has looked at all its parts.
      prepared: () => (first ??= remeasure()),
      welcome,
      onFrame: requests.receive,
      onClose(connection) {
        broadcast.drop(connection);
        presence.changed(connection);
      },
    }),
  );

  const stop = async (why: PayloadOf<typeof shutdownEvent>) => {
    phase = "stopping";
    broadcast.publish(shutdownEvent, why);
    const { drainMs } = settings();
    const began = clock.monotonic();
    await atMost(drainMs, clock, requests.answered());
    if (requests.running() > 0) log.warn("bus.drain-late", { running: requests.running(), waitedMs: drainMs });
    sockets.closeAll(1012, "service restart");
    if (server) await atMost(drainMs - (clock.monotonic() - began), clock, server.stop(false));
    await server?.stop(true);
    lifetime.dispose();
  };
  let stopped: Promise<void> | undefined;

  const emit: Emit = (event, payload, options) => broadcast.publish(event, payload, options);
  /** All of the contract but the log. */
  const diagnosed: Omit<ImplementationOf<typeof diagnostics>, "log"> = {
    health: measure,
    presence: async () => presence.list(),
    report: async (report) => {
      presence.report(report);
      return {};
    },
    notes: async () => stability.notes(),
  };

  return {
    /** Listens. Until `ready`, `connect` is refused with a retry and routes answer 503. Rejects with `BUS_LISTEN_FAILED`. */
    async start(): Promise<{ readonly port: number; readonly url: string }> {
      server = await listen(settings, createHttp(context), sockets);
      // Every interface is no address that one can go to.
      return { port: server.port!, url: server.url.href.replace("//0.0.0.0:", "//127.0.0.1:") };
    },
    /** Everything is there: lets connections in. */
    async ready(): Promise<void> {
      lifetime.use(clock.every(settings().healthMs, () => void remeasure().then(() => renew("health", healthEvent, latest))));
      const beat = () => {
        broadcast.publish(tickEvent, { ts: clock.now() });
        sockets.ping();
      };
      lifetime.use(clock.every(settings().tickMs, beat));
      phase = "ready";
    },
    /** Announces the end, refuses new requests, answers running ones up to `drainMs`, closes every socket with 1012. */
    stop: (reason: string, expected: { readonly restartExpectedMs?: number } = {}): Promise<void> =>
      (stopped ??= stop({ reason, ...expected })),
    /** What the kernel itself answers while no plugin owns the name, with its schemas, for documents and client types. */
    own: () => ({ methods: [...empty.values(), ownHealth], events: deps.events }),
    /** Every method that works, sorted: hello's `features.methods`. */
    methods: methodNames,
    emit,
    /** Calls a method from inside, as a plugin or the kernel itself, with the same checks. */
    async dispatch(method: string, params: unknown, { plugin, scopes, signal = new AbortController().signal }: Insider) {
      const id = plugin === undefined ? "kernel" : `plugin:${plugin}`;
      const client = { clientId: "gateway-client", clientMode: "backend", clientVersion: version, displayName: undefined };
      const info = { id, principal: id, ...client, deviceId: undefined, remoteAddress: "", caps: new Set<string>() };
      return dispatch(method, params, { info, role: "operator", scopes, signal });
    },
    subscribe: broadcast.subscribe,
    unsubscribe: broadcast.unsubscribe,
    connections: (): readonly Caller[] => [...connections.values()],
    /** Closes the connections that the filter picks, and says how many. */
    disconnect(filter: (info: ConnectionInfo, role: Role) => boolean, code: number, reason: string): number {
      const picked = [...connections.values()].filter(({ info, role }) => filter(info, role));
      for (const connection of picked) connection.close(code, reason);
      return picked.length;
    },
    /** As `disconnect`, for a device: also what arrives as that device, and is not let in yet. */
    disconnectDevice({ deviceId, role, except, reason }: Parameters<ImplementationOf<typeof gateway>["disconnect"]>[0]): void {
      const isMeant = ({ id, info, role: own }: Connection) => info.deviceId === deviceId && id !== except && (role ?? own) === own;
      for (const connection of [...connections.values()].filter(isMeant)) connection.close(4001, reason);
      sockets.turnAway(deviceId, role, 4001, reason);
    },
    diagnostics: diagnosed,
  };
}

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

/** Resolves when the promise has settled, at the latest after `ms`; says nothing about how. */
async function atMost(ms: number, clock: Clock, promise: Promise<unknown>): Promise<void> {
  if (ms > 0) await within(clock, ms, promise).catch(() => undefined); // silent-ok: that it is over is all that is asked
}
