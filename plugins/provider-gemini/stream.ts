/** Reads one answer of the Gemini API: events to the caller as they come, and the whole at the end. */
import type { BlockedReason, FinishReason, LogprobsResultCandidate, Part } from "@google/genai";
import type { ModelEvent, ModelFailure, TokenLogprob } from "@pincer/plugin-sdk/contracts/provider";
import type { StopReason, Usage } from "@pincer/plugin-sdk/message";
import { type Answer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { plainMessage } from "@pincer/plugin-sdk/provider/failure";
import type { Reader, Reading } from "@pincer/plugin-sdk/provider/reading";
import { writeProof } from "./proof.ts";

/** One event; what is no field of the right kind is checked where it is read. */
interface Chunk {
  readonly candidates?: readonly {
    readonly content?: { readonly parts?: readonly Part[] };
    readonly finishReason?: `${FinishReason}`;
    readonly finishMessage?: string;
    readonly logprobsResult?: {
      readonly chosenCandidates?: readonly LogprobsResultCandidate[];
      readonly topCandidates?: readonly { readonly candidates?: readonly LogprobsResultCandidate[] }[];
    };
  }[];
  readonly promptFeedback?: { readonly blockReason?: `${BlockedReason}`; readonly blockReasonMessage?: string };
  readonly usageMetadata?: {
    readonly promptTokenCount?: number;
    readonly cachedContentTokenCount?: number;
    readonly candidatesTokenCount?: number;
    readonly thoughtsTokenCount?: number;
    readonly toolUsePromptTokenCount?: number;
  };
}

type Ending = Extract<StopReason, "stop" | "length"> | ModelFailure["class"];

/** What each reason means: how the answer ended, or the class of what went wrong. */
const ENDINGS: Readonly<Record<`${FinishReason}`, Ending>> = {
  FINISH_REASON_UNSPECIFIED: "unknown",
  STOP: "stop",
  MAX_TOKENS: "length",
  CONTINUATION: "length",
  SAFETY: "refusal",
  RECITATION: "refusal",
  LANGUAGE: "refusal",
  BLOCKLIST: "refusal",
  PROHIBITED_CONTENT: "refusal",
  SPII: "refusal",
  IMAGE_SAFETY: "refusal",
  IMAGE_PROHIBITED_CONTENT: "refusal",
  IMAGE_RECITATION: "refusal",
  MODEL_ARMOR: "refusal",
  ESCALATION: "refusal",
  PUP_LIMITED_DISABLED: "auth",
  MISSING_THOUGHT_SIGNATURE: "bad-request",
  MALFORMED_FUNCTION_CALL: "unknown",
  MALFORMED_RESPONSE: "unknown",
  UNEXPECTED_TOOL_CALL: "unknown",
  TOO_MANY_TOOL_CALLS: "unknown",
  IMAGE_OTHER: "unknown",
  NO_IMAGE: "unknown",
  OTHER: "unknown",
};

const isStop = (ending: Ending): ending is "stop" | "length" => ending === "stop" || ending === "length";

export class GeminiReader implements Reader {
  readonly #answer: Answer;
  readonly #reading: Reading;
  readonly #model: string;
  /** Why the vendor refuses, once it does. */
  refusal: string | undefined;
  /** Parts have no number of their own: what follows its like goes on with it. */
  #block = 0;
  #kind: "text" | "thought" | "call" | undefined;

  constructor(answer: Answer, reading: Reading, model: string) {
    this.#answer = answer;
    this.#reading = reading;
    this.#model = model;
  }

  readWhole(whole: Chunk): Generator<ModelEvent, void, void> {
    return this.read(whole);
  }

  *read({ candidates, promptFeedback, usageMetadata }: Chunk): Generator<ModelEvent, void, void> {
    if (usageMetadata) this.#reading.usage = usageOf(usageMetadata);
    const blocked = promptFeedback?.blockReason;
    if (blocked) this.#end("refusal", `the vendor refused the request (${blocked})`, promptFeedback.blockReasonMessage);
    const candidate = candidates?.[0];
    if (!candidate) return;
    let logprobs = tokenLogprobs(candidate.logprobsResult);
    for (const part of candidate.content?.parts ?? []) {
      yield* this.#part(part, logprobs);
      if (typeof part.text === "string" && part.thought !== true) logprobs = [];
    }
    const { finishReason, finishMessage } = candidate;
    if (!finishReason) return;
    const ending = Object.hasOwn(ENDINGS, finishReason) ? ENDINGS[finishReason] : "unknown";
    this.#end(ending, `${this.#model} stopped: ${finishReason}`, finishMessage);
  }

  *#part(part: Part, logprobs: readonly TokenLogprob[]): Generator<ModelEvent, void, void> {
    const { text, thought, functionCall, thoughtSignature } = part;
    if (functionCall) {
      const key = this.#key("call", true);
      // It stands before its call, and a signature that is none makes no block.
      if (thoughtSignature) this.#sign(`${key}:proof`, "call", thoughtSignature);
      yield* this.#answer.toolCall(key, { id: functionCall.id, name: functionCall.name as string });
      if (functionCall.args !== undefined) this.#answer.setArguments(key, JSON.stringify(functionCall.args));
    } else if (thought === true) {
      const key = this.#key("thought");
      yield* this.#answer.thinking(key, text);
      if (thoughtSignature) this.#answer.sign(key, writeProof({ on: "thought", signature: thoughtSignature }));
    } else if (typeof text === "string") {
      if (text !== "") yield* this.#answer.text(this.#key("text"), text, logprobs);
      if (thoughtSignature) this.#sign(`${this.#block}:proof`, "text", thoughtSignature);
    }
  }

  #sign(key: string, on: "text" | "call", signature: string): void {
    if (typeof signature === "string") this.#answer.sign(key, writeProof({ on, signature }), { redacted: true });
  }

  #key(kind: "text" | "thought" | "call", fresh = false): string {
    if (fresh || kind !== this.#kind) this.#block++;
    this.#kind = kind;
    return String(this.#block);
  }

  #end(ending: Ending, what: string, said: unknown): void {
    if (isStop(ending)) {
      this.#reading.stop = ending === "stop" && this.#answer.hasToolCalls ? "toolUse" : ending;
      return;
    }
    const message = plainMessage(typeof said === "string" && said !== "" ? `${what} (${said})` : what);
    if (ending === "refusal") this.refusal = message;
    else this.#reading.failure = { class: ending, message };
  }
}

/** The prompt's count holds what the cache read; the candidates' does not hold the thinking. */
function usageOf(counts: NonNullable<Chunk["usageMetadata"]>): Usage {
  const { promptTokenCount = 0, cachedContentTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = counts;
  return tokenUsage({
    input: promptTokenCount - cachedContentTokenCount + (counts.toolUsePromptTokenCount ?? 0),
    output: candidatesTokenCount + thoughtsTokenCount,
    cacheRead: cachedContentTokenCount,
  });
}

type Logprobs = NonNullable<NonNullable<Chunk["candidates"]>[number]["logprobsResult"]>;

const plain = ({ token, logProbability }: LogprobsResultCandidate) => ({
  token: token as string,
  logprob: logProbability as number,
  bytes: null,
});
const isLogprob = ({ token, logProbability }: LogprobsResultCandidate): boolean =>
  typeof token === "string" && typeof logProbability === "number" && Number.isFinite(logProbability);

function tokenLogprobs(given: Logprobs | undefined): readonly TokenLogprob[] {
  const chosen = given?.chosenCandidates;
  if (!Array.isArray(chosen) || !chosen.every(isLogprob)) return [];
  return (chosen as readonly LogprobsResultCandidate[]).map((one, at) => {
    const top = given?.topCandidates?.[at]?.candidates;
    return { ...plain(one), top: Array.isArray(top) ? top.filter(isLogprob).map(plain) : [] };
  });
}
