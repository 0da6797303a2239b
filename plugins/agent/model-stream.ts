/** One request to a model, and what of a failure is worth a repetition. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { FailureClass, ModelAnswer, ModelEvent, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, Usage } from "@pincer/plugin-sdk/message";
import type { AgentConfig } from "./config.ts";
import type { ErrorKind } from "./events.ts";
import type { AgentContext } from "./uses.ts";

/** Throws the signal's reason when it aborted: half an answer is nobody's result. */
export async function streamAnswer(
  agent: AgentContext,
  request: LlmRequest,
  signal: AbortSignal,
  on: (event: ModelEvent) => void,
): Promise<ModelAnswer> {
  const stream = agent.uses.llm.stream(request, { signal });
  for (;;) {
    const step = await stream.next();
    if (step.done === true) {
      signal.throwIfAborted();
      return step.value;
    }
    on(step.value);
  }
}

const passing: ReadonlySet<FailureClass> = new Set<FailureClass>(["network", "overloaded", "rate-limit", "timeout"]);

/** Milliseconds to wait before the next attempt; `undefined` when there should be none. */
export function retryDelay(
  failure: ModelFailure | undefined,
  attempt: number,
  settings: Pick<AgentConfig, "modelRetries" | "modelRetryFirstMs" | "modelRetryLongestMs">,
): number | undefined {
  if (failure === undefined || !passing.has(failure.class) || attempt >= settings.modelRetries) return undefined;
  const wait = failure.retryAfterMs ?? settings.modelRetryFirstMs * 2 ** attempt;
  return failure.retryAfterMs !== undefined && wait > settings.modelRetryLongestMs
    ? undefined
    : Math.min(wait, settings.modelRetryLongestMs);
}

export const answerText = (message: AssistantMessage): string =>
  message.content.map((block) => (block.type === "text" ? block.text : "")).join("");

export const noUsage: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0, cost: 0 };

/** An unknown price makes the sum's unknown. */
export const addUsage = (a: Usage, b: Usage): Usage => ({
  input: a.input + b.input,
  output: a.output + b.output,
  cacheRead: a.cacheRead + b.cacheRead,
  cacheWrite: a.cacheWrite + b.cacheWrite,
  totalTokens: a.totalTokens + b.totalTokens,
  cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
});

const kinds: Partial<Record<FailureClass, ErrorKind>> = {
  "rate-limit": "rate_limit",
  timeout: "timeout",
  "context-overflow": "context_length",
  refusal: "refusal",
};
export const errorKind = (failure: FailureClass): ErrorKind => kinds[failure] ?? "unknown";

const advice: Partial<Record<FailureClass, string>> = {
  auth: "The model's provider did not accept the key. Set the right one where it stands: the environment (then `pincer restart`) or `pincer secrets set`.",
  billing: "The account at the model's provider has no credit left.",
  "rate-limit": "The model's provider takes no more requests for now. Try again in a while.",
  overloaded: "The model's provider is overloaded. Try again in a while.",
  network: "The model's provider could not be reached.",
  timeout: "The model's provider did not answer in time.",
  "context-overflow": "The conversation is too long for the model. /compact shortens it, /new begins another.",
  image: "The model could not take an image of this conversation.",
  refusal: "The model refused to answer.",
};
export const failureText = ({ class: kind, message }: ModelFailure): string => {
  const said = advice[kind];
  return said === undefined ? `The model did not answer: ${message}` : `${said} (${message})`;
};
