/** Events to the connections that may see them: by scope, by topic, by the client's capabilities, or to named connections alone. */
import type { Logger } from "@pincer/plugin-sdk";
import type { EmitOptions, GatewayEvent } from "@pincer/plugin-sdk/event";
import { eventFrame, eventHead, type StateVersion } from "@pincer/plugin-sdk/wire/frames";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { EventSource } from "./bindings.ts";
import type { Connection } from "./connection.ts";

type Guard = Pick<GatewayEvent, "name" | "scope" | "dropIfSlow">;
export type EventListener = (name: string, payload: () => unknown, options: EmitOptions) => void;

export type Broadcast = ReturnType<typeof createBroadcast>;

export function createBroadcast(log: Logger, connections: ReadonlyMap<string, Connection>, events: EventSource) {
  const subscribers = new Map<string, Set<Connection>>();
  const listeners = new Set<EventListener>();

  const recipients = (topics: readonly string[] | undefined): Iterable<Connection> => {
    if (!topics) return connections.values();
    if (topics.length === 1) return subscribers.get(topics[0]!) ?? [];
    const all = new Set<Connection>();
    for (const topic of topics) for (const connection of subscribers.get(topic) ?? []) all.add(connection);
    return all;
  };

  /** Of `given`, a function is called when somebody wants to know. `version` is the state version that `presence` and `health` carry. */
  const publish = (event: Guard, given: unknown, options: EmitOptions = {}, version?: StateVersion): void => {
    const { topics, cap, connections: named } = options;
    // What was declared counts, and an event of a generation that was replaced meanwhile is none any more.
    const guard = events.find(event.name);
    if (!guard) {
      log.warn("bus.event-undeclared", { event: event.name });
      return;
    }
    let made: { readonly payload: unknown } | undefined;
    const payload = () => {
      made ??= { payload: typeof given === "function" ? given() : given };
      return made.payload;
    };
    for (const listener of listeners) listener(event.name, payload, options);
    let head: string | undefined;
    for (const connection of named ? pick(connections, named) : recipients(topics)) {
      if (!maySee(connection, guard, named !== undefined)) continue;
      if (cap !== undefined && !connection.info.caps.has(cap)) continue;
      head ??= eventHead(event.name, payload(), version);
      if (named) connection.send(eventFrame(head));
      else connection.broadcast(head, guard.dropIfSlow);
    }
  };

  const unsubscribe = (connection: Connection, topic: string) => {
    connection.topics.delete(topic);
    const others = subscribers.get(topic);
    if (others?.delete(connection) && others.size === 0) subscribers.delete(topic);
  };

  return {
    publish,
    unsubscribe,
    subscribe(connection: Connection, topic: string): void {
      connection.topics.add(topic);
      const others = subscribers.get(topic);
      if (others) others.add(connection);
      else subscribers.set(topic, new Set([connection]));
    },
    /** Forgets a connection that has closed. */
    drop(connection: Connection): void {
      for (const topic of connection.topics) unsubscribe(connection, topic);
    },
    /** Told of every event, inside the gateway, whoever may see it outside. */
    listen(listener: EventListener): Disposable {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

/** Nodes hold no scopes: what is meant for one is addressed to it. */
const maySee = ({ role, scopes }: Connection, { scope }: Guard, named: boolean): boolean =>
  scope === "any" || (role === "node" ? named : allows(scopes, scope));

function* pick(connections: ReadonlyMap<string, Connection>, ids: readonly string[]): Iterable<Connection> {
  for (const id of ids) {
    const connection = connections.get(id);
    if (connection) yield connection;
  }
}
