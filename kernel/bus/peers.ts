/** Every socket from its opening to its close: whose turn a frame is, which are dead, and who wants to know. */
import { Connection } from "./connection.ts";
import type { BusContext } from "./context.ts";
import type { Handshake } from "./handshake.ts";
import type { Requests } from "./requests.ts";
import type { Sockets } from "./server.ts";

/** Somebody who has been let in. */
export type Peer = Pick<Connection, "id" | "info" | "role" | "scopes" | "client" | "openedAt">;
export type PeerListener = (peer: Peer) => void;

interface PeersDeps {
  /** Those that have been let in. */
  readonly connections: Map<string, Connection>;
  readonly handshake: Handshake;
  readonly requests: Requests;
  readonly onClose: (connection: Connection) => void;
}

export function createPeers(context: BusContext, { connections, handshake, requests, onClose }: PeersDeps) {
  const { clock, settings, phase } = context;
  const sockets: Sockets = {
    full() {
      const { connections: most, handshakes } = settings();
      if (phase() === "stopping") return "gateway is stopping";
      if (connections.size + handshake.waiting.size >= most) return `${most} connections are open, as many as gateway.connections allows`;
      return handshake.waiting.size >= handshakes ? `${handshakes} connections wait for their hello, try again soon` : undefined;
    },
    open(socket) {
      const connection = new Connection(socket, context);
      socket.data.connection = connection;
      handshake.begin(connection);
    },
    message({ data: { connection } }, data) {
      if (!connection) return;
      connection.heard = true;
      const text = typeof data === "string" ? data : data.toString();
      if (connection.state === "open") requests.receive(connection, text);
      else handshake.receive(connection, text);
    },
    pong({ data: { connection } }) {
      if (connection) connection.heard = true;
    },
    drain({ data: { connection } }) {
      connection?.drained();
    },
    close({ data: { connection } }) {
      if (!connection) return;
      connection.closed();
      handshake.abandon(connection);
      if (connections.delete(connection.id)) onClose(connection);
    },
  };

  let pongs: Disposable | undefined;

  return {
    sockets,
    /** Asks every peer for a sign of life, and drops those that gave none within `pongMs`. */
    ping(): void {
      const asked = [...connections.values()];
      for (const connection of asked) connection.ping();
      pongs = clock.after(settings().pongMs, () => {
        for (const connection of asked) if (connection.state === "open" && !connection.heard) connection.socket.terminate();
      });
    },
    /** Closes those that the filter picks, and says how many. */
    close(code: number, reason: string, picks: (connection: Connection) => boolean): number {
      const picked = [...connections.values()].filter(picks);
      for (const connection of picked) connection.close(code, reason);
      return picked.length;
    },
    closeAll(code: number, reason: string): void {
      for (const connection of [...handshake.waiting.keys(), ...connections.values()]) connection.close(code, reason);
    },
    [Symbol.dispose]: () => pongs?.[Symbol.dispose](),
  };
}
