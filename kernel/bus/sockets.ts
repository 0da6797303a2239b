/** Every socket from its opening to its close: the handshake (`protocol` sections 1.2 to 1.7), whose turn a frame is, and who is dead. */
import { requireValid } from "@pincer/plugin-sdk/check";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import type { Role } from "@pincer/plugin-sdk/method";
import { ConnectParams, oldestVersion, protocolVersion, speaks } from "@pincer/plugin-sdk/wire/connect";
import { busErrors, paramsInvalid, startingError, stoppingError } from "@pincer/plugin-sdk/wire/errors";
import { challengeEvent } from "@pincer/plugin-sdk/wire/events";
import { errorFrame, eventFrame, eventHead, parse, type RequestFrame, requestProblem, resultFrame } from "@pincer/plugin-sdk/wire/frames";
import type { Admitted, ConnectAttempt, Door } from "../access/decision.ts";
import { Connection } from "./connection.ts";
import type { BusContext } from "./context.ts";
import { toldOf } from "./fault.ts";
import type { SocketHandlers } from "./server.ts";

interface SocketsDeps {
  /** Those that have been let in. */
  readonly connections: Map<string, Connection>;
  readonly connect: (attempt: ConnectAttempt) => Promise<Admitted>;
  /** The payload of the hello-ok. */
  readonly hello: (connection: Connection, admitted: Admitted) => object;
  /** The hello has been sent. */
  readonly onOpen: (connection: Connection) => void;
  readonly onFrame: (connection: Connection, text: string) => void;
  /** One that had been let in. */
  readonly onClose: (connection: Connection) => void;
}

export function createSockets(context: BusContext, { connections, connect, hello, onOpen, onFrame, onClose }: SocketsDeps) {
  const { clock, settings, log, phase } = context;
  /** Those that wait for their hello, with the timer that ends their waiting. */
  const arriving = new Map<Connection, Disposable>();
  let pongs: Disposable | undefined;

  const settle = (connection: Connection) => {
    arriving.get(connection)?.[Symbol.dispose]();
    arriving.delete(connection);
  };

  const refuse = (connection: Connection, id: string, error: unknown, closeCode: number) => {
    const entry = toldOf(error, log, "connect");
    const { remoteAddress } = connection.socket.data.door;
    log.info("bus.connect-refused", { connection: connection.id, remoteAddress, ...entry.details });
    connection.send(errorFrame(id, entry));
    connection.close(closeCode, entry.message);
  };

  const admit = async (connection: Connection, { id, method, params }: RequestFrame) => {
    if (method !== "connect") return refuse(connection, id, busErrors.BUS_HANDSHAKE_INVALID(), 1008);
    if (phase() === "starting") return refuse(connection, id, startingError(), 1013);
    if (phase() === "stopping") return refuse(connection, id, stoppingError(), 1012);
    try {
      await requireValid(ConnectParams, params, paramsInvalid(method));
    } catch (error) {
      return refuse(connection, id, error, 1008);
    }
    const asked = params as ConnectParams;
    if (!speaks(asked)) return refuse(connection, id, mismatchError(asked), 1002);
    connection.claim = asked;
    const decided = connect({ door: connection.socket.data.door, nonce: connection.nonce, params: asked });
    const admitted = await decided.catch((error: unknown) => {
      if (arriving.has(connection)) refuse(connection, id, error, closeCodeOf(error));
    });
    // It was refused, has left meanwhile, or was turned away.
    if (!admitted || !arriving.has(connection)) return;
    settle(connection);
    connection.admit(asked, admitted);
    connections.set(connection.id, connection);
    connection.send(resultFrame(id, hello(connection, admitted)));
    onOpen(connection);
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

  const handlers: SocketHandlers = {
    full(door) {
      const { connections: most, handshakes, foreignHandshakes } = settings();
      if (phase() === "stopping") return "gateway is stopping";
      if (connections.size + arriving.size >= most) return `${most} connections are open, as many as gateway.connections allows`;
      const foreign = isForeign(door) ? arriving.keys().filter(({ socket }) => isForeign(socket.data.door)) : [];
      if ([...foreign].length >= foreignHandshakes) return `${foreignHandshakes} pages of other origins wait for their hello`;
      return arriving.size >= handshakes ? `${handshakes} connections wait for their hello, try again soon` : undefined;
    },
    open(socket) {
      const connection = new Connection(socket, context);
      socket.data.connection = connection;
      connection.send(eventFrame(eventHead(challengeEvent.name, { nonce: connection.nonce, ts: clock.now() })));
      const late = () => {
        log.info("bus.handshake-timeout", { connection: connection.id });
        connection.close(1000);
      };
      arriving.set(connection, clock.after(settings().handshakeMs, late));
    },
    message({ data: { connection } }, data) {
      if (!connection) return;
      connection.heard = true;
      const text = typeof data === "string" ? data : data.toString();
      if (connection.state === "open") onFrame(connection, text);
      else receive(connection, text);
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
      settle(connection);
      if (connections.delete(connection.id)) onClose(connection);
    },
  };

  return {
    handlers,
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

/** A page from elsewhere, which any site can make a browser open here: it may knock, but not fill the doorway. */
const isForeign = ({ headers }: Door): boolean => headers.origin !== undefined && URL.parse(headers.origin)?.host !== headers.host;

/** Of a `connect` that access refused, or failed over. */
export const closeCodeOf = (error: unknown): 1008 | 1011 | 1013 => {
  if (!isGatewayError(error)) return 1011;
  return error.wire === "UNAVAILABLE" ? 1013 : 1008;
};

const mismatchError = ({ minProtocol, maxProtocol }: ConnectParams) =>
  busErrors.PROTOCOL_MISMATCH("protocol mismatch", {
    data: {
      clientMinProtocol: minProtocol,
      clientMaxProtocol: maxProtocol,
      expectedProtocol: protocolVersion,
      minimumProbeProtocol: oldestVersion,
    },
  });
