/** Running what a response is asked of, and what is kept of it. */
import type { ModelAnswer } from "@pincer/plugin-sdk/contracts/provider";
import type { Desk } from "./desk.ts";
import type { ResponseObject } from "./responses-shape.ts";
import type { Run, StoredResponse } from "./responses-store.ts";
import type { AnswerStream } from "./uses.ts";

export const streamOf = (
  { ctx, agents }: Desk,
  run: Run,
  signal: AbortSignal,
  options: { readonly detached?: boolean } = {},
): AnswerStream => (run.kind === "agent" ? agents.stream(run.turn, signal, options) : ctx.uses.llm.stream(run.call, { signal }));

/** With its end, and without what it took to get there. */
export function finished({ run, ...stored }: StoredResponse, response: ResponseObject, answer: ModelAnswer | undefined): StoredResponse {
  const before = run?.kind === "model" ? run.call.messages : stored.messages;
  const messages = answer === undefined || stored.sessionKey !== undefined ? before : [...before, answer.message];
  return { ...stored, response, messages };
}
