/** What has been learnt of an answer so far, whichever API it comes over; how its events are read, and what it comes to in the end. */
import type { ModelAnswer, ModelEvent, ModelFailure, ModelRequest } from "../contracts/provider.ts";
import type { StopReason, Usage } from "../message.ts";
import { type Answer, tokenUsage } from "./answer.ts";
import { apiError, type Told } from "./api-failure.ts";
import { readText } from "./body.ts";
import { cutOffFailure, endedFailure, refusalFailure } from "./failure.ts";
import { type ServerEvent, serverEvents } from "./server-events.ts";
import type { Watch } from "./watch.ts";

export interface Reading {
  /** Why the vendor stopped; `undefined` until it has said so. */
  stop: StopReason | undefined;
  usage: Usage;
  refused: boolean;
  /** What the vendor itself reported inside the stream. */
  failure: ModelFailure | undefined;
}

export const newReading = (): Reading => ({ stop: undefined, usage: tokenUsage({}), refused: false, failure: undefined });

/** Takes an answer event by event, or in one piece. */
export interface Reader {
  read(event: object): Iterable<ModelEvent>;
  readWhole(whole: object): Iterable<ModelEvent>;
}

/** Throws what the server reports inside the stream, as `failureOf` reads it. */
export async function* readResponse(
  { whole }: ModelRequest,
  response: Response,
  watch: Watch,
  reader: Reader,
): AsyncGenerator<ModelEvent, void, void> {
  // A server that streams although it was asked not to is read as one that does.
  if (whole === true && response.headers.get("content-type")?.includes("event-stream") !== true) {
    for (const event of reader.readWhole(objectOf({ event: undefined, data: await readText(response, watch.seen) }))) yield event;
    return;
  }
  for await (const events of serverEvents(response, watch.seen)) {
    const end = events.findIndex(({ data }) => data === "[DONE]");
    // Not `yield*`, which waits for each as if it were promised.
    for (const event of end < 0 ? events : events.slice(0, end)) for (const told of reader.read(objectOf(event))) yield told;
    if (end >= 0) return;
  }
}

function objectOf({ event, data }: ServerEvent): object {
  const object = JSON.parse(data) as { readonly error?: Told | string };
  const error = event === "error" ? (object.error ?? (object as Told)) : object.error;
  if (!error) return object;
  // Local servers tell it in a bare word.
  const told: Told = typeof error === "string" ? { message: error } : error;
  throw apiError({ ...told, message: told.message ?? data });
}

/** A stream that is cut off ends quietly: what is missing tells that from a proper end. `where` is told to people. */
export function conclude(answer: Answer, reading: Reading, watch: Watch, where: string, model: string): ModelAnswer {
  const { usage, stop, refused, failure } = reading;
  const error = (found: ModelFailure) => answer.finish({ stopReason: "error", usage, failure: found });
  if (watch.ended === "aborted") return answer.finish({ stopReason: "aborted", usage });
  if (watch.ended !== undefined) return error(endedFailure(watch.ended, where, model));
  if (failure) return error(failure);
  if (stop === undefined) return error(cutOffFailure(where, model));
  if (!refused) return answer.finish({ stopReason: stop, usage });
  return answer.finish({ stopReason: "refusal", usage, failure: refusalFailure(model) });
}
