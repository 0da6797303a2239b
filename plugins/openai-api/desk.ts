/** What the handlers of the API's paths are given. */
import type { Logger } from "@pincer/plugin-sdk";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Agents } from "./agent-stream.ts";
import { ApiFailure, type ErrorBody, failureOf } from "./failure.ts";
import type { InFlight } from "./in-flight.ts";
import type { ApiContext } from "./uses.ts";

export interface Desk {
  readonly ctx: ApiContext;
  readonly agents: Agents;
  readonly inFlight: InFlight;
  /** Of what is kept. Somebody whose calls all run in the background can still look at them. */
  readonly readers: InFlight;
}

/** What a reader is told of something that went wrong in the middle of an answer. */
export function toldOf(log: Logger, error: unknown): ErrorBody {
  const failure = failureOf(error);
  if (failure) return failure.body;
  log.error("api.fault", { error: errorMessage(error), stack: error instanceof Error ? error.stack : undefined });
  return new ApiFailure("internal_error", "internal error").body;
}
