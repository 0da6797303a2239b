/** Reads one answer of the Responses API: events to the caller as they come, and the whole at the end. */
import type { ModelEvent, TokenLogprob } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { streamFailure } from "@pincer/plugin-sdk/provider/api-failure";
import { tokenLogprobs } from "@pincer/plugin-sdk/provider/chat-shape";
import type { Reading } from "@pincer/plugin-sdk/provider/reading";
import type { Response, ResponseOutputItem, ResponseStreamEvent } from "openai/resources/responses/responses";

export class ResponsesReader {
  readonly #answer: Answer;
  readonly #reading: Reading;
  /** Blocks that have had a delta, by key; and the part of a summary that each thinking block is at. */
  readonly #begun = new Set<string>();
  readonly #parts = new Map<string, number>();

  constructor(answer: Answer, reading: Reading) {
    this.#answer = answer;
    this.#reading = reading;
  }

  /** An answer in one piece holds the items that are told one by one otherwise. */
  *readWhole(response: Response): Generator<ModelEvent, void, void> {
    for (const [index, item] of (response.output ?? []).entries()) yield* this.#itemDone(item, index);
    this.#end(response);
  }

  *read(event: ResponseStreamEvent): Generator<ModelEvent, void, void> {
    switch (event.type) {
      case "response.output_text.delta":
        return yield* this.#text(`text:${event.output_index}:${event.content_index}`, event.delta, tokenLogprobs(event.logprobs));
      case "response.refusal.delta":
        this.#reading.refused = true;
        return yield* this.#text(`text:${event.output_index}:${event.content_index}`, event.delta);
      case "response.reasoning_summary_text.delta":
        return yield* this.#thinking(`thinking:${event.output_index}`, event.summary_index, event.delta);
      case "response.reasoning_text.delta":
        return yield* this.#thinking(`thinking:${event.output_index}`, event.content_index, event.delta);
      case "response.output_item.added":
        if (event.item.type === "function_call")
          yield* this.#answer.toolCall(`call:${event.output_index}`, { id: event.item.call_id, name: event.item.name });
        return;
      case "response.function_call_arguments.delta":
        return this.#answer.addArguments(`call:${event.output_index}`, event.delta);
      case "response.output_item.done":
        return yield* this.#itemDone(event.item, event.output_index);
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        return this.#end(event.response);
      case "error":
        this.#reading.failure = streamFailure(event.code, event.message);
    }
  }

  *#text(key: string, delta: string, logprobs?: readonly TokenLogprob[]): Generator<ModelEvent, void, void> {
    this.#begun.add(key);
    yield* this.#answer.text(key, delta, logprobs);
  }

  *#thinking(key: string, part: number, delta: string): Generator<ModelEvent, void, void> {
    const at = this.#parts.get(key);
    this.#parts.set(key, part);
    yield* this.#answer.thinking(key, at !== undefined && at !== part ? `\n\n${delta}` : delta);
  }

  /** The finished item is the whole of it, also where a server sent no deltas. */
  *#itemDone(item: ResponseOutputItem, index: number): Generator<ModelEvent, void, void> {
    if (item.type === "function_call") {
      yield* this.#answer.toolCall(`call:${index}`, { id: item.call_id, name: item.name });
      this.#answer.setArguments(`call:${index}`, item.arguments);
    } else if (item.type === "reasoning") {
      const key = `thinking:${index}`;
      const readable = this.#parts.has(key);
      if (!readable) for (const [part, { text }] of item.summary.entries()) yield* this.#thinking(key, part, text);
      const { status: _, ...proof } = item;
      if (item.encrypted_content) this.#answer.sign(key, JSON.stringify(proof), { redacted: !this.#parts.has(key) });
    } else if (item.type === "message") {
      for (const [part, content] of item.content.entries()) {
        const key = `text:${index}:${part}`;
        this.#reading.refused ||= content.type === "refusal";
        if (this.#begun.has(key)) continue;
        if (content.type === "refusal") yield* this.#text(key, content.refusal);
        else yield* this.#text(key, content.text, tokenLogprobs(content.logprobs));
      }
    }
  }

  #end({ status, usage, error, incomplete_details }: Response): void {
    if (usage) {
      const { cached_tokens: cacheRead = 0, cache_write_tokens: cacheWrite = 0 } = usage.input_tokens_details ?? {};
      const input = usage.input_tokens - cacheRead - cacheWrite;
      this.#reading.usage = tokenUsage({ input, output: usage.output_tokens, cacheRead, cacheWrite });
    }
    if (status === "failed") {
      this.#reading.failure = streamFailure(error?.code, error?.message ?? "the vendor says that the answer failed, and not why");
    } else if (status === "incomplete") {
      this.#reading.refused ||= incomplete_details?.reason === "content_filter";
      this.#reading.stop = incomplete_details?.reason === "max_output_tokens" ? "length" : "stop";
    } else this.#reading.stop = this.#answer.hasToolCalls ? "toolUse" : "stop";
  }
}
