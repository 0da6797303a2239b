/** From an opened socket to its hello (`protocol` sections 1.2 to 1.7). */
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import { ConnectParams, oldestVersion, protocolVersion, speaks } from "@pincer/plugin-sdk/wire/connect";
import { busErrors, startingError, stoppingError } from "@pincer/plugin-sdk/wire/errors";
import { challengeEvent } from "@pincer/plugin-sdk/wire/events";
import { errorFrame, eventFrame, eventHead, parse, type RequestFrame, requestProblem, resultFrame } from "@pincer/plugin-sdk/wire/frames";
import type { Admitted, ConnectAttempt, ConnectDecision } from "../access/decision.ts";
import type { Connection } from "./connection.ts";
import type { BusContext } from "./context.ts";
import { toldOf } from "./fault.ts";

interface HandshakeDeps {
  readonly connect: (attempt: ConnectAttempt) => Promise<ConnectDecision>;
  /** Takes in a connection that has been admitted, and gives the payload of its hello-ok. */
  readonly enter: (connection: Connection, admitted: Admitted) => object;
  /** The hello has been sent. */
  readonly onOpen: (connection: Connection) => void;
  /** A frame that waited for the hello. */
  readonly onFrame: (connection: Connection, text: string) => void;
}

export type Handshake = ReturnType<typeof createHandshake>;

export function createHandshake({ clock, settings, log, phase }: BusContext, { connect, enter, onOpen, onFrame }: HandshakeDeps) {
  const deadlines = new Map<Connection, Disposable>();

  const settle = (connection: Connection) => {
    deadlines.get(connection)?.[Symbol.dispose]();
    deadlines.delete(connection);
  };

  const refuse = (connection: Connection, id: string, error: unknown, closeCode: number) => {
    const entry = toldOf(error, log, "connect");
    log.info("bus.connect-refused", {
      connection: connection.id,
      remoteAddress: connection.socket.data.door.remoteAddress,
      ...entry.details,
    });
    connection.send(errorFrame(id, entry));
    connection.close(closeCode, entry.message);
  };

  const admit = async (connection: Connection, { id, method, params }: RequestFrame) => {
    if (method !== "connect") return refuse(connection, id, busErrors.BUS_HANDSHAKE_INVALID(), 1008);
    if (phase() === "starting") return refuse(connection, id, startingError(), 1013);
    if (phase() === "stopping") return refuse(connection, id, stoppingError(), 1012);
    const check = await checker(ConnectParams);
    if (!check.Check(params)) {
      const mismatch = mismatchOf(check, params);
      const message = `invalid connect params: ${describeMismatch(mismatch)}`;
      return refuse(connection, id, busErrors.BUS_PARAMS_INVALID(message, { data: { ...mismatch } }), 1008);
    }
    const asked = params as ConnectParams;
    if (!speaks(asked)) return refuse(connection, id, mismatchError(asked), 1002);
    const decision = await connect({ door: connection.socket.data.door, nonce: connection.nonce, params: asked });
    if (connection.state === "closed") return;
    if (!decision.ok) return refuse(connection, id, decision.error, decision.closeCode);
    settle(connection);
    connection.admit(asked, decision);
    connection.send(resultFrame(id, enter(connection, decision)));
    onOpen(connection);
    for (const text of connection.waiting.splice(0)) if (connection.state === "open") onFrame(connection, text);
  };

  return {
    begin(connection: Connection): void {
      connection.send(eventFrame(eventHead(challengeEvent.name, { nonce: connection.nonce, ts: clock.now() })));
      const late = () => {
        log.info("bus.handshake-timeout", { connection: connection.id });
        connection.close(1000);
      };
      deadlines.set(connection, clock.after(settings().handshakeMs, late));
    },
    /** The socket has closed. */
    abandon: settle,
    /** Those that wait for their hello. */
    waiting: deadlines as ReadonlyMap<Connection, unknown>,
    /** Takes every frame that arrives before the hello. */
    receive(connection: Connection, text: string): void {
      if (text.length > settings().handshakeBytes || Buffer.byteLength(text) > settings().handshakeBytes) {
        connection.close(1009, "preauth payload too large");
        return;
      }
      if (connection.state === "connecting") {
        if (connection.waiting.push(text) > settings().handshakeFrames) connection.close(1008, "too many frames before hello");
        return;
      }
      const frame = parse(text);
      if (requestProblem(frame) !== undefined) {
        connection.close(1000);
        return;
      }
      connection.state = "connecting";
      const request = frame as RequestFrame;
      admit(connection, request).catch((error: unknown) => refuse(connection, request.id, error, 1011));
    },
  };
}

const mismatchError = ({ minProtocol, maxProtocol }: ConnectParams) =>
  busErrors.PROTOCOL_MISMATCH("protocol mismatch", {
    data: {
      clientMinProtocol: minProtocol,
      clientMaxProtocol: maxProtocol,
      expectedProtocol: protocolVersion,
      minimumProbeProtocol: oldestVersion,
    },
  });
