/** The bus: one port for HTTP and WebSocket, and everything that is called, answered and announced over it. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { diagnostics } from "@pincer/plugin-sdk/contracts/diagnostics";
import type { gateway } from "@pincer/plugin-sdk/contracts/gateway";
import type { Emit, GatewayEvent, PayloadOf } from "@pincer/plugin-sdk/event";
import type { ConnectionInfo } from "@pincer/plugin-sdk/method";
import { protocolVersion } from "@pincer/plugin-sdk/wire/connect";
import { healthEvent, kernelEvents, presenceEvent, shutdownEvent, tickEvent } from "@pincer/plugin-sdk/wire/events";
import { eventFrame, eventHead } from "@pincer/plugin-sdk/wire/frames";
import { polledLists } from "@pincer/plugin-sdk/wire/methods";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { Server } from "bun";
import type { EventSource, MethodSource, RouteSource } from "../../plugin-host/bindings.ts";
import type { Retention } from "../../store/retention.ts";
import type { Store } from "../../store/store.ts";
import type { Access } from "../access/access.ts";
import type { Admitted } from "../access/decision.ts";
import { gatherRefusals } from "./audit-trail.ts";
import { createBroadcast } from "./broadcast.ts";
import type { Connection, Peer, SocketData } from "./connection.ts";
import type { BusContext } from "./context.ts";
import { createDispatch } from "./dispatch.ts";
import { createHealth } from "./health.ts";
import { createHttp } from "./http.ts";
import { createIdempotency } from "./idempotency.ts";
import { Listeners } from "./listeners.ts";
import { bindMethod } from "./own-method.ts";
import { createPresence } from "./presence.ts";
import { createRequests } from "./requests.ts";
import { listen } from "./server.ts";
import type { BusSettings } from "./settings.ts";
import { createSockets } from "./sockets.ts";
import { createStability } from "./stability.ts";

export interface BusDeps {
  readonly access: Pick<Access, "connect" | "request">;
  /** The plugins' methods, routes and events. */
  readonly methods: MethodSource;
  readonly routes: RouteSource;
  readonly events: EventSource;
  /** Migrated with `busMigrations`. */
  readonly store: Store;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: () => BusSettings;
  /** Parts of `health`; they win over what the bus says itself. */
  readonly health: () => Promise<Readonly<Record<string, unknown>>>;
  /** Further keys of hello's snapshot, such as `sessionDefaults`. */
  readonly snapshot: () => object;
  /** Takes note of a call that needed more than to read and write. */
  readonly audit: Access["audit"]["note"];
  readonly version: string;
  readonly bootId: string;
}

export type Bus = ReturnType<typeof createBus>;

export function createBus(deps: BusDeps) {
  const { access, clock, log, settings, version, bootId } = deps;
  const startedAt = clock.monotonic();
  const uptimeMs = () => Math.round(clock.monotonic() - startedAt);
  const stateVersion = { presence: 0, health: 0 };
  const connections = new Map<string, Connection>();
  const lifetime = new DisposableStack();
  let phase: "starting" | "ready" | "stopping" = "starting";
  let server: Server<SocketData> | undefined;

  const empty = new Map(polledLists.map(({ method, answer }) => [method.name, bindMethod(method, () => answer(clock.now()))]));
  /** The kernel's only one, then plugins', then the lists that are empty until a plugin owns their name. */
  const find = (name: string) => (name === health.method.name ? health.method : (deps.methods.find(name) ?? empty.get(name)));
  const methodNames = () => sorted([health.method.name, ...deps.methods.names(), ...empty.keys()]);
  const events = new Map<string, GatewayEvent>(kernelEvents.map((event) => [event.name, event]));
  const findEvent: EventSource["find"] = (name) => events.get(name) ?? deps.events.find(name);

  const stability = lifetime.use(createStability(clock, settings));
  const context: BusContext = { clock, log, settings, stability, phase: () => phase };
  const idempotency = createIdempotency(context, deps.store);
  lifetime.use(deps.retention.register(idempotency.sweep));
  const health = lifetime.use(createHealth(context, deps.health));
  const broadcast = createBroadcast(log, connections, findEvent);
  const presence = lifetime.use(
    createPresence(context, connections, deps, () => {
      stateVersion.presence++;
      broadcast.publish(presenceEvent, { presence: presence.list() }, {}, stateVersion);
    }),
  );
  const trail = lifetime.use(gatherRefusals(clock, settings, deps.audit));
  const dispatch = createDispatch(context, find, idempotency.kept, trail.record);
  const requests = createRequests(context, dispatch);
  const joined = new Listeners<[Peer]>();
  const left = new Listeners<[Peer]>();

  const capabilities = () => Object.keys(capabilityOf).filter((flag) => find(capabilityOf[flag]!) !== undefined);
  const hello = ({ id }: Connection, { role, scopes, method, deviceToken, issuedAtMs }: Admitted) => ({
    type: "hello-ok",
    protocol: protocolVersion,
    server: { version, connId: id, bootId },
    features: { methods: methodNames(), events: sorted([...events.keys(), ...deps.events.names()]), capabilities: capabilities() },
    snapshot: {
      presence: allows(scopes, "operator.read") ? presence.list() : [],
      health: health.latest,
      stateVersion,
      uptimeMs: uptimeMs(),
      ...deps.snapshot(),
    },
    auth: { role, scopes, method, deviceToken, issuedAtMs },
    policy: { maxPayload: settings().frameBytes, maxBufferedBytes: settings().bufferedBytes, tickIntervalMs: settings().tickMs },
  });

  const sockets = lifetime.use(
    createSockets(context, {
      connections,
      connect: async (attempt) => {
        await health.measured();
        return access.connect(attempt);
      },
      hello,
      onOpen(connection) {
        const push = (event: GatewayEvent, payload: unknown) => connection.send(eventFrame(eventHead(event.name, payload, stateVersion)));
        if (allows(connection.scopes, "operator.read")) push(presenceEvent, { presence: presence.list() });
        push(healthEvent, health.latest);
        presence.changed(connection);
        joined.tell(connection);
      },
      onFrame: requests.receive,
      onClose(connection) {
        broadcast.drop(connection);
        presence.changed(connection);
        left.tell(connection);
      },
    }),
  );
  const http = createHttp(context, {
    routes: deps.routes,
    decide: access.request,
    failing: () => (deps.store.failure() === undefined ? [] : ["store"]),
    detail: () => ({ uptimeMs: uptimeMs(), eventLoop: stability.eventLoop() }),
  });

  const changeTopic = (change: (connection: Connection, topic: string) => void) => (id: string, topic: string) => {
    const connection = connections.get(id);
    if (connection) change(connection, topic);
    return connection !== undefined;
  };

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
    health: health.measure,
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
      server = await listen(settings, http, sockets.handlers);
      // Every interface is no address that one can go to.
      return { port: server.port!, url: server.url.href.replace("//0.0.0.0:", "//127.0.0.1:") };
    },
    /** Everything is there: lets connections in. */
    async ready(): Promise<void> {
      health.start(() => {
        stateVersion.health++;
        broadcast.publish(healthEvent, health.latest, {}, stateVersion);
      });
      const beat = () => {
        broadcast.publish(tickEvent, { ts: clock.now() });
        sockets.ping();
      };
      lifetime.use(clock.every(settings().tickMs, beat));
      phase = "ready";
    },
    /** Announces the end, refuses new requests, answers running ones up to `drainMs`, closes every socket with 1012. */
    stop(reason: string, { restartExpectedMs }: { readonly restartExpectedMs?: number } = {}): Promise<void> {
      stopped ??= stop({ reason, restartExpectedMs });
      return stopped;
    },
    addEvents(added: readonly GatewayEvent[]): void {
      for (const event of added) events.set(event.name, event);
    },
    /** What the kernel itself answers while no plugin owns the name, with its schemas, for documents and client types. */
    own: () => ({ methods: [...empty.values(), health.method], events: [...events.values()] }),
    /** Every method that works, sorted: hello's `features.methods`. */
    methods: methodNames,
    emit,
    /** Told of every event, inside the gateway, whoever may see it outside. */
    onEvent: broadcast.listen,
    /** Calls a method from inside, with the same checks. */
    dispatch: async (...call: Parameters<typeof dispatch>): Promise<unknown> => dispatch(...call),
    /** False when there is no such connection any more. */
    subscribe: changeTopic(broadcast.subscribe),
    unsubscribe: changeTopic(broadcast.unsubscribe),
    connections: (): readonly Peer[] => [...connections.values()],
    /** Closes the connections that the filter picks, and says how many. */
    disconnect(filter: (info: ConnectionInfo, peer: Peer) => boolean, code: number, reason: string): number {
      const picked = [...connections.values()].filter((peer) => filter(peer.info, peer));
      for (const connection of picked) connection.close(code, reason);
      return picked.length;
    },
    /** As `disconnect`, for a device: also what arrives as that device, and is not let in yet. */
    disconnectDevice({ deviceId, role, except, reason }: Parameters<ImplementationOf<typeof gateway>["disconnect"]>[0]): void {
      const isMeant = ({ id, info, role: own }: Connection) => info.deviceId === deviceId && id !== except && (role ?? own) === own;
      for (const connection of [...connections.values()].filter(isMeant)) connection.close(4001, reason);
      sockets.turnAway(deviceId, role, 4001, reason);
    },
    onConnection: joined.add,
    onClose: left.add,
    diagnostics: diagnosed,
  };
}

/** What clients ask for by a flag, and the method that it speaks of. */
const capabilityOf: Readonly<Record<string, string>> = { "published-model-catalog": "models.list" };

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

/** Resolves when the promise has settled, at the latest after `ms`; says nothing about how. */
async function atMost(ms: number, clock: Clock, promise: Promise<unknown>): Promise<void> {
  if (ms <= 0) return;
  const over = Promise.withResolvers<void>();
  using _timer = clock.after(ms, over.resolve);
  await Promise.race([promise, over.promise]).catch(() => undefined); // silent-ok: that it is over is all that is asked
}
