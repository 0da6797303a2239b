/** Running what a response is asked of, and what is kept of it. */
import type { ModelAnswer } from "@pincer/plugin-sdk/contracts/provider";
import { localOnly } from "./agent-turn.ts";
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

/** With its end. What an agent's session was found to be private by is private here too, also when the session is begun anew. */
export async function ended(
  { ctx }: Desk,
  stored: StoredResponse,
  response: ResponseObject,
  answer: ModelAnswer | undefined,
): Promise<StoredResponse> {
  const { sessionKey: key, isPrivate = false } = stored;
  const session = key === undefined || isPrivate ? null : await ctx.uses.sessions.get({ key }, { signal: ctx.signal });
  return finished(session?.facets[localOnly] === true ? { ...stored, isPrivate: true } : stored, response, answer);
}

/** With its end, and without what it took to get there. */
export function finished({ run, ...stored }: StoredResponse, response: ResponseObject, answer: ModelAnswer | undefined): StoredResponse {
  const before = run?.kind === "model" ? run.call.messages : stored.messages;
  const messages = answer === undefined || stored.sessionKey !== undefined ? before : [...before, answer.message];
  return { ...stored, response, messages };
}
