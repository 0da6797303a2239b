/** Reads one answer of `/api/chat`: events to the caller as they come, and the whole at the end. */
import type { ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { tokenLogprobs } from "@pincer/plugin-sdk/provider/chat-shape";
import type { Reading } from "@pincer/plugin-sdk/provider/reading";
import { type FaultLine, lineFailure } from "./failure.ts";

interface ToolCall {
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: unknown } | null;
}

/** One line of a stream, or an answer in one piece. */
export interface ChatLine extends FaultLine {
  readonly message?: {
    readonly content?: string;
    readonly thinking?: string;
    readonly tool_calls?: readonly (ToolCall | null)[] | null;
  } | null;
  readonly done?: boolean;
  readonly done_reason?: string;
  readonly prompt_eval_count?: number;
  readonly eval_count?: number;
  readonly logprobs?: unknown;
}

export class ChatReader {
  readonly #answer: Answer;
  readonly #reading: Reading;
  /** Further calls beside the first are left out where one was asked for. */
  readonly #most: number;
  #calls = 0;

  constructor(answer: Answer, reading: Reading, parallelTools: boolean) {
    this.#answer = answer;
    this.#reading = reading;
    this.#most = parallelTools ? Number.POSITIVE_INFINITY : 1;
  }

  *read(line: ChatLine): Generator<ModelEvent, void, void> {
    if (line.error !== undefined && line.error !== null && line.error !== "") {
      this.#reading.failure = lineFailure(line);
      return;
    }
    const { message } = line;
    yield* this.#answer.thinking("thinking", message?.thinking);
    yield* this.#answer.text("text", message?.content, tokenLogprobs(line.logprobs));
    if (Array.isArray(message?.tool_calls)) for (const call of message.tool_calls) yield* this.#readCall(call);
    if (line.done === true) this.#end(line);
  }

  *#readCall(call: ToolCall | null): Generator<ModelEvent, void, void> {
    const called = call?.function;
    if (typeof called?.name !== "string" || this.#calls >= this.#most) return;
    const key = `call:${this.#calls++}`;
    yield* this.#answer.toolCall(key, { id: call?.id, name: called.name });
    const given = called.arguments ?? {};
    this.#answer.setArguments(key, typeof given === "string" ? given : JSON.stringify(given));
  }

  #end({ done_reason, prompt_eval_count: input, eval_count: output }: ChatLine): void {
    this.#reading.usage = tokenUsage({ input, output });
    this.#reading.stop = done_reason === "length" ? "length" : this.#answer.hasToolCalls ? "toolUse" : "stop";
  }
}
