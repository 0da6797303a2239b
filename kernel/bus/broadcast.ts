/** Events to the connections that may see them: by scope, by topic, by the client's capabilities, or to named connections alone. */
import type { EmitOptions, GatewayEvent } from "@pincer/plugin-sdk/event";
import { eventFrame, eventHead, type StateVersion } from "@pincer/plugin-sdk/wire/frames";
import { allows } from "@pincer/plugin-sdk/wire/scopes";
import type { Connection } from "./connection.ts";
import type { BusContext } from "./context.ts";

type Guard = Pick<GatewayEvent, "name" | "scope" | "dropIfSlow">;

export function createBroadcast({ log, connections, plugins, events, settings }: BusContext) {
  const own = new Map(events.map((event) => [event.name, event]));
  const subscribers = new Map<string, Set<Connection>>();

  const recipients = ({ topics, connections: named }: EmitOptions): Iterable<Connection> => {
    if (named) return new Set(named.flatMap((id) => connections.get(id) ?? []));
    if (!topics) return connections.values();
    const [first = new Set<Connection>(), ...others] = topics.flatMap((topic) => subscribers.get(topic) ?? []);
    return others.length === 0 ? first : new Set([first, ...others].flatMap((some) => [...some]));
  };

  const leave = (connection: Connection, topic: string) => {
    connection.topics.delete(topic);
    const others = subscribers.get(topic);
    if (others?.delete(connection) && others.size === 0) subscribers.delete(topic);
  };

  return {
    own,
    /** Of `given`, a function is called when somebody wants to know. `version` is the state version that `presence` and `health` carry. */
    publish(event: Guard, given: unknown, options: EmitOptions = {}, version?: StateVersion): void {
      // What was declared counts, and an event of a generation that was replaced meanwhile is none any more.
      const guard = own.get(event.name) ?? plugins.events.find(event.name);
      if (!guard) return void log.warn("bus.event-undeclared", { name: event.name });
      let made: { readonly payload: unknown } | undefined;
      const payload = () => {
        made ??= { payload: typeof given === "function" ? given() : given };
        return made.payload;
      };
      plugins.deliver(event.name, payload);
      const isNamed = options.connections !== undefined;
      let head: string | undefined;
      for (const connection of recipients(options)) {
        if (!maySee(connection, guard, isNamed)) continue;
        if (options.cap !== undefined && !connection.info.caps.has(options.cap)) continue;
        head ??= eventHead(event.name, payload(), version);
        if (head.length > settings().frameBytes) return void log.error("bus.event-too-large", { name: event.name, chars: head.length });
        if (isNamed) connection.send(eventFrame(head));
        else connection.broadcast(head, guard.dropIfSlow);
      }
    },
    /** False when there is no such connection any more. */
    subscribe(id: string, topic: string): boolean {
      const connection = connections.get(id);
      if (!connection) return false;
      connection.topics.add(topic);
      const others = subscribers.get(topic);
      if (others) others.add(connection);
      else subscribers.set(topic, new Set([connection]));
      return true;
    },
    unsubscribe(id: string, topic: string): void {
      const connection = connections.get(id);
      if (connection) leave(connection, topic);
    },
    /** Forgets a connection that has closed. */
    drop(connection: Connection): void {
      for (const topic of connection.topics) leave(connection, topic);
    },
  };
}

/** Nodes hold no scopes: what is meant for one is addressed to it. */
const maySee = ({ role, scopes }: Connection, { scope }: Guard, named: boolean): boolean =>
  scope === "any" || (role === "node" ? named : allows(scopes, scope));
