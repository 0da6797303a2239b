/** The bus: one port for HTTP and WebSocket, and everything that is called, answered and announced over it. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { diagnostics } from "@pincer/plugin-sdk/contracts/diagnostics";
import type { GatewayEvent, PayloadOf } from "@pincer/plugin-sdk/event";
import type { ConnectionInfo } from "@pincer/plugin-sdk/method";
import { protocolVersion } from "@pincer/plugin-sdk/wire/connect";
import { busErrors } from "@pincer/plugin-sdk/wire/errors";
import { busEvents, healthEvent, presenceEvent, shutdownEvent, tickEvent } from "@pincer/plugin-sdk/wire/events";
import { eventFrame, eventHead } from "@pincer/plugin-sdk/wire/frames";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { Server } from "bun";
import type { Admitted, ConnectAttempt, ConnectDecision, Door, RequestDecision } from "../access/decision.ts";
import type { Retention } from "../store/retention.ts";
import type { Store } from "../store/store.ts";
import { type AuditRecord, withAuditTrail } from "./audit-trail.ts";
import type { Emit, EventSource, MethodBinding, MethodSource, RouteSource } from "./bindings.ts";
import { type Broadcast, createBroadcast, type EventListener } from "./broadcast.ts";
import type { Connection, SocketData } from "./connection.ts";
import type { BusContext } from "./context.ts";
import { atMost } from "./deadline.ts";
import { createDispatch, type Dispatch, joinMethods } from "./dispatch.ts";
import { emptyLists } from "./empty-lists.ts";
import { createHandshake } from "./handshake.ts";
import { createHealth, type Parts } from "./health.ts";
import { createHttp } from "./http.ts";
import { createIdempotency } from "./idempotency.ts";
import { createPeers, type Peer, type PeerListener } from "./peers.ts";
import { createPresence } from "./presence.ts";
import { createRequests } from "./requests.ts";
import { listen } from "./server.ts";
import type { BusSettings } from "./settings.ts";
import { createStability } from "./stability.ts";

export interface BusDeps {
  readonly access: { connect(attempt: ConnectAttempt): Promise<ConnectDecision>; request(door: Door): Promise<RequestDecision> };
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
  readonly health: Parts;
  /** Further keys of hello's snapshot, such as `sessionDefaults`. */
  readonly snapshot: () => object;
  /** Takes note of a call that needed more than to read and write. Must not throw. */
  readonly audit: (entry: AuditRecord) => void;
  /** What else is missing until `/readyz` says ready. */
  readonly failing: () => readonly string[];
  readonly version: string;
  readonly bootId: string;
}

export interface Bus {
  /** Listens. Until `ready`, `connect` is refused with a retry and routes answer 503. Rejects with `BUS_LISTEN_FAILED`. */
  start(): Promise<{ readonly port: number; readonly url: string }>;
  /** Everything is there: lets connections in. */
  ready(): Promise<void>;
  /** Announces the end, refuses new requests, answers running ones up to `drainMs`, closes every socket with 1012. */
  stop(reason: string, options?: { readonly restartExpectedMs?: number }): Promise<void>;
  /** Throws `BUS_METHOD_TAKEN` when a name has an owner. */
  add(bindings: readonly MethodBinding[]): void;
  addEvents(events: readonly GatewayEvent[]): void;
  /** Whether the kernel owns the method; no plugin may then. */
  owns(method: string): boolean;
  /** What the kernel itself answers while no plugin owns the name, with its schemas, for documents and client types. */
  own(): { readonly methods: readonly MethodBinding[]; readonly events: readonly GatewayEvent[] };
  /** Every method that works, sorted: hello's `features.methods`. */
  methods(): readonly string[];
  readonly emit: Emit;
  /** Told of every event, inside the gateway, whoever may see it outside. */
  onEvent(listener: EventListener): Disposable;
  /** Calls a method from inside, with the same checks. */
  readonly dispatch: Dispatch;
  /** False when there is no such connection any more. */
  subscribe(connectionId: string, topic: string): boolean;
  unsubscribe(connectionId: string, topic: string): boolean;
  connections(): readonly Peer[];
  /** Closes the connections that the filter picks, and says how many. */
  disconnect(filter: (info: ConnectionInfo, peer: Peer) => boolean, code: number, reason: string): number;
  onConnection(listener: PeerListener): Disposable;
  onClose(listener: PeerListener): Disposable;
  /** All of the contract but the log. */
  readonly diagnostics: Omit<ImplementationOf<typeof diagnostics>, "log">;
}

export function createBus(deps: BusDeps): Bus {
  const { access, clock, log, settings, version, bootId } = deps;
  const startedAt = clock.monotonic();
  const uptimeMs = () => Math.round(clock.monotonic() - startedAt);
  const stateVersion = { presence: 0, health: 0 };
  const connections = new Map<string, Connection>();
  const lifetime = new DisposableStack();
  let phase: "starting" | "ready" | "stopping" = "starting";
  let server: Server<SocketData> | undefined;

  const kernelMethods = new Map<string, MethodBinding>();
  const kernelEvents = new Map<string, GatewayEvent>(busEvents.map((event) => [event.name, event]));
  const empty = emptyLists(clock);
  const methods = joinMethods(kernelMethods, deps.methods, empty);
  const events: EventSource = {
    find: (name) => kernelEvents.get(name) ?? deps.events.find(name),
    names: () => [...kernelEvents.keys(), ...deps.events.names()],
  };

  const stability = lifetime.use(createStability(clock, settings));
  const context: BusContext = { clock, log, settings, stability, phase: () => phase };
  const idempotency = createIdempotency(context, deps.store);
  lifetime.use(deps.retention.register(idempotency.sweep));
  const health = lifetime.use(createHealth(context, deps.health));
  const broadcast = createBroadcast(log, connections, events);
  const publishPresence = () => {
    stateVersion.presence++;
    broadcast.publish(presenceEvent, { presence: presence.list() }, {}, stateVersion);
  };
  const presence = lifetime.use(createPresence(context, connections, deps, publishPresence));
  const dispatch = withAuditTrail(createDispatch(context, methods, idempotency.kept), methods, deps.audit);
  const requests = createRequests(context, dispatch);
  const joined = createListeners<PeerListener>();
  const left = createListeners<PeerListener>();

  const capabilities = () => Object.keys(capabilityOf).filter((flag) => methods.find(capabilityOf[flag]!) !== undefined);
  const enter = (connection: Connection, { role, scopes, method, deviceToken, issuedAtMs }: Admitted) => {
    connections.set(connection.id, connection);
    return {
      type: "hello-ok",
      protocol: protocolVersion,
      server: { version, connId: connection.id, bootId },
      features: { methods: sorted(methods.names()), events: sorted(events.names()), capabilities: capabilities() },
      snapshot: {
        presence: role === "node" ? [] : presence.list(),
        health: health.latest,
        stateVersion,
        uptimeMs: uptimeMs(),
        ...deps.snapshot(),
      },
      auth: { role, scopes, method, deviceToken, issuedAtMs },
      policy: { maxPayload: settings().frameBytes, maxBufferedBytes: settings().bufferedBytes, tickIntervalMs: settings().tickMs },
    };
  };

  const onOpen = (connection: Connection) => {
    const push = (event: GatewayEvent, payload: unknown) => connection.send(eventFrame(eventHead(event.name, payload, stateVersion)));
    if (allows(connection.scopes, "operator.read")) push(presenceEvent, { presence: presence.list() });
    push(healthEvent, health.latest);
    presence.joined(connection);
    joined.tell(connection);
  };
  const onClose = (connection: Connection) => {
    broadcast.drop(connection);
    presence.left(connection);
    left.tell(connection);
  };

  const connect = (attempt: ConnectAttempt) => access.connect(attempt);
  const handshake = createHandshake(context, { connect, enter, onOpen, onFrame: requests.receive });
  const peers = lifetime.use(createPeers(context, { connections, handshake, requests, onClose }));
  const readiness = () => ({
    started: phase === "ready",
    failing: phase === "ready" ? deps.failing() : [phase],
    detail: { uptimeMs: uptimeMs(), eventLoop: stability.eventLoop() },
  });
  const http = createHttp(context, { routes: deps.routes, decide: (door) => access.request(door), readiness });

  const changeTopic = (change: Broadcast["subscribe"]) => (id: string, topic: string) => {
    const connection = connections.get(id);
    if (connection) change(connection, topic);
    return connection !== undefined;
  };

  const add: Bus["add"] = (bindings) => {
    for (const binding of bindings) {
      const owner = (kernelMethods.get(binding.name) ?? deps.methods.find(binding.name))?.owner;
      if (owner) throw busErrors.BUS_METHOD_TAKEN(`${binding.name} belongs to ${owner} already`);
      kernelMethods.set(binding.name, binding);
    }
  };
  add([health.method]);

  const stop = async (why: PayloadOf<typeof shutdownEvent>) => {
    phase = "stopping";
    broadcast.publish(shutdownEvent, why);
    const { drainMs } = settings();
    const began = clock.monotonic();
    await requests.drain(drainMs);
    peers.closeAll(1012, "service restart");
    if (server) await atMost(drainMs - (clock.monotonic() - began), clock, server.stop(false));
    await server?.stop(true);
    lifetime.dispose();
  };
  let stopped: Promise<void> | undefined;

  return {
    async start() {
      server = await listen(settings, http, peers.sockets);
      // Every interface is no address that one can go to.
      return { port: server.port!, url: server.url.href.replace("//0.0.0.0:", "//127.0.0.1:") };
    },
    async ready() {
      await health.start(() => {
        stateVersion.health++;
        broadcast.publish(healthEvent, health.latest, {}, stateVersion);
      });
      const beat = () => {
        broadcast.publish(tickEvent, { ts: clock.now() });
        peers.ping();
      };
      lifetime.use(clock.every(settings().tickMs, beat));
      phase = "ready";
    },
    stop(reason, { restartExpectedMs } = {}) {
      stopped ??= stop({ reason, restartExpectedMs });
      return stopped;
    },
    add,
    addEvents(added) {
      for (const event of added) kernelEvents.set(event.name, event);
    },
    owns: (method) => kernelMethods.has(method),
    own: () => ({ methods: [...empty.values(), ...kernelMethods.values()], events: [...kernelEvents.values()] }),
    methods: () => sorted(methods.names()),
    emit: (event, payload, options) => broadcast.publish(event, payload, options),
    onEvent: broadcast.listen,
    dispatch,
    subscribe: changeTopic(broadcast.subscribe),
    unsubscribe: changeTopic(broadcast.unsubscribe),
    connections: () => [...connections.values()],
    disconnect: (filter, code, reason) => peers.close(code, reason, (peer) => filter(peer.info, peer)),
    onConnection: joined.add,
    onClose: left.add,
    diagnostics: {
      health: health.measure,
      presence: async () => presence.list(),
      report: async (report) => {
        presence.report(report);
        return {};
      },
      notes: async () => stability.notes(),
    },
  };
}

/** What clients ask for by a flag, and the method that it speaks of. */
const capabilityOf: Readonly<Record<string, string>> = { "published-model-catalog": "models.list" };

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();

function createListeners<L extends (peer: Peer) => void>() {
  const listeners = new Set<L>();
  return {
    add(listener: L): Disposable {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    tell(peer: Peer): void {
      for (const listener of listeners) listener(peer);
    },
  };
}
