/** Frames after hello: each request is answered, whatever comes instead is survived (`protocol` section 1.10). */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Connection } from "./connection.ts";
import { atMost } from "./deadline.ts";
import type { Dispatch } from "./dispatch.ts";
import { errorEntry } from "./error-frame.ts";
import { busErrors, stoppingError } from "./errors.ts";
import { answerId, errorFrame, parse, type RequestFrame, requestProblem, resultFrame } from "./frames.ts";
import type { BusSettings } from "./settings.ts";
import type { Stability } from "./stability.ts";

export interface RequestsDeps {
  readonly dispatch: Dispatch;
  readonly isStopping: () => boolean;
  readonly clock: Clock;
  readonly settings: () => BusSettings;
  readonly stability: Stability;
  readonly log: Logger;
}

export interface Requests {
  receive(connection: Connection, text: string): void;
  /** Resolves when every running request has been answered, at the latest after `ms`. Those that were accepted go on by themselves. */
  drain(ms: number): Promise<void>;
}

export function createRequests({ dispatch, isStopping, clock, settings, stability, log }: RequestsDeps): Requests {
  /** Requests without any answer yet. */
  let open = 0;
  let idle: (() => void) | undefined;

  const settled = () => {
    if (--open === 0) idle?.();
  };

  const refuse = (connection: Connection, id: string, method: string, error: unknown) => {
    if (!isGatewayError(error)) stability.note("bus.fault", { method });
    connection.send(errorFrame(id, errorEntry(error, log, method)));
    if (!hasCode(error, "BUS_ROLE_UNAUTHORIZED") || ++connection.wrongRoleCalls <= settings().wrongRoleCalls) return;
    connection.close(1008, "repeated calls of another role's methods");
  };

  const answer = async (connection: Connection, { id, method, params }: RequestFrame) => {
    let accepted = false;
    open++;
    connection.running++;
    try {
      const result = await dispatch(method, params, connection, (payload) => {
        if (accepted) return;
        connection.send(resultFrame(id, payload));
        accepted = true;
        settled();
      });
      const frame = resultFrame(id, result);
      const { frameBytes } = settings();
      if (frame.length > frameBytes)
        throw busErrors.BUS_RESULT_TOO_LARGE(`${method} answered ${frame.length} bytes, at most ${frameBytes} fit`);
      connection.send(frame);
    } catch (error) {
      refuse(connection, id, method, error);
    } finally {
      connection.running--;
      if (!accepted) settled();
    }
  };

  return {
    receive(connection, text) {
      const frame = parse(text);
      if (frame === undefined) return;
      const problem = requestProblem(frame);
      if (problem !== undefined) {
        return refuse(connection, answerId(frame), "request", busErrors.BUS_FRAME_INVALID(`invalid request frame: ${problem}`));
      }
      const request = frame as RequestFrame;
      const { id, method } = request;
      if (method === "connect") return refuse(connection, id, method, busErrors.BUS_HANDSHAKE_INVALID("connect is only the first request"));
      if (isStopping()) return refuse(connection, id, method, stoppingError());
      const { requests } = settings();
      if (connection.running >= requests) {
        stability.note("bus.busy", { connection: connection.id, running: connection.running });
        const message = `${requests} requests are running on this connection; ${method} was not run, try again when one has been answered`;
        return refuse(connection, id, method, busErrors.BUS_BUSY(message));
      }
      void answer(connection, request);
    },
    async drain(ms) {
      if (open === 0) return;
      const answered = new Promise<void>((resolve) => {
        idle = resolve;
      });
      await atMost(ms, clock, answered);
      if (open > 0) log.warn("bus.drain-late", { running: open, waitedMs: ms });
    },
  };
}
