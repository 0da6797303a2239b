/** A streamed answer as the chunks of Chat Completions, however many answers there are at once. */
import type { ModelAnswer, ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import type { Usage } from "@pincer/plugin-sdk/message";
import { type ChatHead, finishOf, logprobsOf, toolCallsOf, usageOf } from "./chat-completion.ts";
import { dataEvent, doneEvent } from "./event-stream.ts";

export class ChatChunks {
  readonly #head: ChatHead;
  /** Whether the caller wants the usage in a chunk of its own, and in the others that it is not there yet. */
  readonly #withUsage: boolean;
  readonly #usages: Usage[] = [];
  /** By choice: the place of each tool call, by its id. */
  readonly #calls = new Map<number, Map<string, number>>();

  constructor(head: ChatHead, withUsage: boolean) {
    this.#head = head;
    this.#withUsage = withUsage;
  }

  event(choice: number, event: ModelEvent): string {
    const opening = this.#opening(choice);
    if (event.type === "text") return opening + this.#chunk(choice, { content: event.delta }, { logprobs: logprobsOf(event.logprobs) });
    if (event.type === "thinking") return opening + this.#chunk(choice, { reasoning_content: event.delta });
    const { id, name } = event;
    const calls = this.#calls.get(choice)!;
    const index = calls.size;
    calls.set(id, index);
    return opening + this.#chunk(choice, { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] });
  }

  /** The rest of a choice: the arguments of its calls, which are known now, and why it ended. */
  end(choice: number, answer: ModelAnswer): string {
    this.#usages.push(answer.usage);
    const opening = this.#opening(choice);
    const known = this.#calls.get(choice)!;
    const calls = toolCallsOf(answer).map((call) => {
      const index = known.get(call.id);
      if (index !== undefined) return { index, function: { arguments: call.function.arguments } };
      known.set(call.id, known.size);
      return { index: known.size - 1, ...call };
    });
    const rest = calls.map((call) => this.#chunk(choice, { tool_calls: [call] })).join("");
    return opening + rest + this.#chunk(choice, {}, { finish_reason: finishOf(answer) });
  }

  /** Behind the last choice. */
  done(): string {
    return (this.#withUsage ? this.#event([], usageOf(this.#usages)) : "") + doneEvent;
  }

  #opening(choice: number): string {
    if (this.#calls.has(choice)) return "";
    this.#calls.set(choice, new Map());
    return this.#chunk(choice, { role: "assistant", content: "" });
  }

  #chunk(index: number, delta: object, more: { readonly logprobs?: unknown; readonly finish_reason?: string } = {}): string {
    return this.#event([{ index, delta, logprobs: null, finish_reason: null, ...more }], null);
  }

  #event(choices: readonly unknown[], usage: unknown): string {
    const { id, created, model } = this.#head;
    return dataEvent({ id, object: "chat.completion.chunk", created, model, choices, ...(this.#withUsage ? { usage } : {}) });
  }
}
