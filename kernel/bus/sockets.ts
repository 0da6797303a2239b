/** Every socket from its opening to its close: the handshake (`protocol` sections 1.2 to 1.7), whose turn a frame is, and who is dead. */
import { requireValid } from "@pincer/plugin-sdk/check";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import type { Role } from "@pincer/plugin-sdk/method";
import { ConnectParams, speaks } from "@pincer/plugin-sdk/wire/connect";
import { busErrors, mismatchError, paramsInvalid, startingError, stoppingError } from "@pincer/plugin-sdk/wire/errors";
import { challengeEvent } from "@pincer/plugin-sdk/wire/events";
import { errorFrame, eventFrame, eventHead, parse, type RequestFrame, requestProblem } from "@pincer/plugin-sdk/wire/frames";
import type { ServerWebSocket, WebSocketHandler } from "bun";
import type { Admitted, Door } from "../access/decision.ts";
import { Connection } from "./connection.ts";
import type { BusContext } from "./context.ts";
import { toldOf } from "./fault.ts";

export type Sockets = ReturnType<typeof createSockets>;

interface SocketsDeps {
  /** Resolves when what a hello needs is there. */
  readonly prepared: () => Promise<void>;
  /** Answers the request with the hello of somebody who has been let in, and with what follows it. */
  readonly welcome: (connection: Connection, id: string, admitted: Admitted) => void;
  readonly onFrame: (connection: Connection, text: string) => void;
  /** One that had been let in. */
  readonly onClose: (connection: Connection) => void;
}

export function createSockets(context: BusContext, { prepared, welcome, onFrame, onClose }: SocketsDeps) {
  const { access, clock, connections, settings, log, phase } = context;
  /** Those that wait for their hello, with the timer that ends their waiting. */
  const arriving = new Map<Connection, Disposable>();
  let pongs: Disposable | undefined;

  const settle = (connection: Connection) => {
    arriving.get(connection)?.[Symbol.dispose]();
    arriving.delete(connection);
  };

  const refuse = (connection: Connection, id: string, error: unknown, closeCode: number) => {
    const entry = toldOf(error, log, "connect");
    const { id: socket, door } = connection;
    log.info("bus.connect-refused", { connection: socket, remoteAddress: door.remoteAddress, ...entry.details });
    connection.send(errorFrame(id, entry));
    connection.close(closeCode, entry.message);
  };

  const admit = async (connection: Connection, { id, method, params }: RequestFrame) => {
    if (method !== "connect") return refuse(connection, id, busErrors.BUS_HANDSHAKE_INVALID(), 1008);
    if (phase() === "starting") return refuse(connection, id, startingError(), 1013);
    if (phase() === "stopping") return refuse(connection, id, stoppingError(), 1012);
    try {
      requireValid(ConnectParams, params, paramsInvalid(method));
    } catch (error) {
      return refuse(connection, id, error, 1008);
    }
    const asked = params as ConnectParams;
    if (!speaks(asked)) return refuse(connection, id, mismatchError(asked), 1002);
    await prepared();
    connection.claim = asked;
    const decided = access.connect({ door: connection.door, nonce: connection.nonce, params: asked });
    const admitted = await decided.catch((error: unknown) => {
      if (arriving.has(connection)) refuse(connection, id, error, closeCodeOf(error));
    });
    // It was refused, has left meanwhile, or was turned away.
    if (!admitted || !arriving.has(connection)) return;
    settle(connection);
    connection.admit(asked, admitted);
    connections.set(connection.id, connection);
    welcome(connection, id, admitted);
    for (const text of connection.waiting.splice(0)) if (connection.state === "open") onFrame(connection, text);
  };

  /** Takes every frame that arrives before the hello. */
  const receive = (connection: Connection, text: string) => {
    const { handshakeBytes, handshakeFrames } = settings();
    if (Buffer.byteLength(text) > handshakeBytes) return connection.close(1009, "preauth payload too large");
    if (connection.state === "connecting") {
      if (connection.waiting.push(text) > handshakeFrames) connection.close(1008, "too many frames before hello");
      return;
    }
    const frame = parse(text);
    if (requestProblem(frame) !== undefined) return connection.close(1000);
    connection.state = "connecting";
    const request = frame as RequestFrame;
    admit(connection, request).catch((error: unknown) => refuse(connection, request.id, error, 1011));
  };

  const handlers: WebSocketHandler<Connection> = {
    open(socket) {
      const { data: connection } = socket;
      connection.socket = socket;
      connection.send(eventFrame(eventHead(challengeEvent.name, { nonce: connection.nonce, ts: clock.now() })));
      const late = () => {
        log.info("bus.handshake-timeout", { connection: connection.id });
        connection.close(1000);
      };
      arriving.set(connection, clock.after(settings().handshakeMs, late));
    },
    message({ data: connection }, data) {
      connection.heard = true;
      const text = typeof data === "string" ? data : data.toString();
      if (connection.state === "open") onFrame(connection, text);
      else receive(connection, text);
    },
    pong: heard,
    // Who reads lives, even when a pong is still behind much else.
    drain: heard,
    close({ data: connection }) {
      connection.closed();
      settle(connection);
      if (connections.delete(connection.id)) onClose(connection);
    },
  };

  return {
    handlers,
    /** The connection of a socket that may open, or why no further one is taken just now. */
    knock(door: Door): Connection | string {
      const { connections: most, handshakes, foreignHandshakes } = settings();
      if (phase() === "stopping") return "gateway is stopping";
      if (connections.size + arriving.size >= most) return `${most} connections are open, as many as gateway.connections allows`;
      const foreign = isForeign(door) ? arriving.keys().filter((other) => isForeign(other.door)) : [];
      if ([...foreign].length >= foreignHandshakes) return `${foreignHandshakes} pages of other origins wait for their hello`;
      // Who says nothing makes room, first for others from where he is: else whoever holds sockets open keeps everybody out.
      const silent = arriving.size < handshakes ? undefined : [...arriving.keys()].filter(({ state }) => state === "new");
      const oldest = silent?.find((other) => other.door.remoteAddress === door.remoteAddress) ?? silent?.[0];
      if (silent && !oldest) return `${handshakes} connections wait for their hello, try again soon`;
      if (oldest) settle(oldest);
      oldest?.close(1013, "others wait");
      return new Connection(door, context);
    },
    /** Asks every peer for a sign of life, and drops those that gave none within `pongMs`. */
    ping(): void {
      const asked = [...connections.values()];
      for (const connection of asked) connection.ping();
      pongs = clock.after(settings().pongMs, () => {
        for (const connection of asked) if (connection.state === "open" && !connection.heard) connection.socket.terminate();
      });
    },
    /** Ends what arrives as this device: the answer that it waits for may be out of date when it comes. */
    turnAway(deviceId: string, role: Role | undefined, code: number, reason: string): void {
      for (const connection of arriving.keys()) {
        const { device, role: asked = "operator" } = connection.claim ?? {};
        if (device?.id !== deviceId || (role ?? asked) !== asked) continue;
        settle(connection);
        connection.close(code, reason);
      }
    },
    closeAll(code: number, reason: string): void {
      for (const connection of [...arriving.keys(), ...connections.values()]) connection.close(code, reason);
    },
    [Symbol.dispose]: () => pongs?.[Symbol.dispose](),
  };
}

const heard = ({ data: connection }: ServerWebSocket<Connection>): void => {
  connection.heard = true;
};

/** A page from elsewhere, which any site can make a browser open here: it may knock, but not fill the doorway. */
const isForeign = ({ headers }: Door): boolean => headers.origin !== undefined && URL.parse(headers.origin)?.host !== headers.host;

/** Of a `connect` that access refused, or failed over. */
export const closeCodeOf = (error: unknown): 1008 | 1011 | 1013 => {
  if (!isGatewayError(error)) return 1011;
  return error.wire === "UNAVAILABLE" ? 1013 : 1008;
};
