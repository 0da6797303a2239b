/** Frames after hello: each request is answered, whatever comes instead is survived (`protocol` section 1.10). */
import { type GatewayError, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { busErrors, stoppingError } from "@pincer/plugin-sdk/wire/errors";
import { answerId, errorFrame, parse, type RequestFrame, requestProblem, resultFrame } from "@pincer/plugin-sdk/wire/frames";
import type { Connection } from "./connection.ts";
import type { BusContext } from "./context.ts";
import type { Dispatch } from "./dispatch.ts";
import { toldOf } from "./fault.ts";

/** A request that runs. */
interface Exchange extends Pick<RequestFrame, "id" | "method"> {
  readonly connection: Connection;
  accepted: boolean;
}

export function createRequests({ settings, stability, log, phase }: BusContext, dispatch: Dispatch) {
  /** Requests without any answer yet. */
  let open = 0;
  let idle: (() => void) | undefined;

  const settled = () => {
    if (--open === 0) idle?.();
  };

  const refuse = (connection: Connection, id: string, method: string, error: unknown) => {
    if (!isGatewayError(error)) stability.note("bus.fault", { method });
    connection.send(errorFrame(id, toldOf(error, log, method)));
    if (hasCode(error, "BUS_ROLE_UNAUTHORIZED") && ++connection.wrongRoleCalls > settings().wrongRoleCalls)
      connection.close(1008, "repeated calls of another role's methods");
  };

  const ended = (exchange: Exchange) => {
    exchange.connection.running--;
    if (!exchange.accepted) settled();
  };

  const failed = (exchange: Exchange, error: unknown) => {
    const { connection, id, method } = exchange;
    // Whoever has left is owed no answer, and a handler that stopped over it is no fault.
    if (connection.state !== "closed" || error !== connection.signal.reason) refuse(connection, id, method, error);
    ended(exchange);
  };

  const answered = (exchange: Exchange, result: unknown) => {
    const { connection, id, method } = exchange;
    const frame = resultFrame(id, result);
    const { frameBytes } = settings();
    if (frame.length > frameBytes)
      throw busErrors.BUS_RESULT_TOO_LARGE(`${method} answered ${frame.length} bytes, at most ${frameBytes} fit`);
    connection.send(frame);
    ended(exchange);
  };

  /** No promise where the method answers at once: what came in one piece is answered in one piece, too. */
  const answer = (connection: Connection, { id, method, params }: RequestFrame): void => {
    const exchange: Exchange = { connection, id, method, accepted: false };
    open++;
    connection.running++;
    try {
      const result = dispatch(method, params, connection, (payload) => {
        if (exchange.accepted) return;
        connection.send(resultFrame(id, payload));
        exchange.accepted = true;
        settled();
      });
      if (result instanceof Promise) result.then((late) => answered(exchange, late)).catch((error: unknown) => failed(exchange, error));
      else answered(exchange, result);
    } catch (error) {
      failed(exchange, error);
    }
  };

  const whyNot = ({ id, running }: Connection, { method }: RequestFrame): GatewayError | undefined => {
    if (method === "connect") return busErrors.BUS_HANDSHAKE_INVALID("connect is only the first request");
    if (phase() === "stopping") return stoppingError();
    const { requests } = settings();
    if (running < requests) return undefined;
    stability.note("bus.busy", { connection: id, running });
    const message = `${requests} requests are running on this connection; ${method} was not run, try again when one has been answered`;
    return busErrors.BUS_BUSY(message);
  };

  return {
    receive(connection: Connection, text: string): void {
      const frame = parse(text);
      if (frame === undefined) return;
      const problem = requestProblem(frame);
      if (problem !== undefined) {
        const error = busErrors.BUS_FRAME_INVALID(`invalid request frame: ${problem}`);
        return void refuse(connection, answerId(frame), "request", error);
      }
      const request = frame as RequestFrame;
      const unfit = whyNot(connection, request);
      if (unfit) refuse(connection, request.id, request.method, unfit);
      else answer(connection, request);
    },
    running: () => open,
    /** Resolves when every running request has been answered. Those that were accepted go on by themselves. */
    answered: async (): Promise<void> => {
      if (open > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}
