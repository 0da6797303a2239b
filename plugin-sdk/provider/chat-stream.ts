/** Reads one answer of Chat Completions: events to the caller as they come, and the whole at the end. */
import type { ModelEvent } from "../contracts/provider.ts";
import type { StopReason, Usage } from "../message.ts";
import { type Answer, tokenUsage } from "./answer.ts";
import { streamFailure } from "./api-failure.ts";
import type { ThinkingProof } from "./chat-request.ts";
import { tokenLogprobs } from "./chat-shape.ts";
import type { ChatCallDelta, ChatChoice, ChatChunk, ChatDelta, ChatUsage, WholeChat } from "./chat-wire.ts";
import type { Reading } from "./reading.ts";

const STOPS: Readonly<Record<string, StopReason>> = {
  stop: "stop",
  length: "length",
  tool_calls: "toolUse",
  function_call: "toolUse",
  content_filter: "refusal",
};

/** What a delta may call the text of its thinking. */
const THINKING = ["reasoning_content", "reasoning", "reasoning_text"] as const;

export class ChatReader {
  readonly #answer: Answer;
  readonly #reading: Reading;
  readonly #details: unknown[] = [];
  #field: string | undefined;
  #opaque: string | undefined;
  /** Names that came before their id, or the other way round. */
  readonly #announced = new Set<number>();
  readonly #ids = new Map<number, string>();

  constructor(answer: Answer, reading: Reading) {
    this.#answer = answer;
    this.#reading = reading;
  }

  /** An answer in one piece is a chunk that holds all of it. */
  readWhole({ choices, usage }: WholeChat): readonly ModelEvent[] {
    const [first] = choices ?? [];
    if (first === undefined) return this.read({ choices: [], usage: usage ?? null });
    const { message, ...ending } = first;
    const calls = message?.tool_calls?.map((call, index) => ({ index, ...call }));
    const delta = calls === undefined ? message : { ...message, tool_calls: calls };
    return this.read({ choices: [{ ...ending, delta }], usage: usage ?? null });
  }

  read(chunk: ChatChunk): readonly ModelEvent[] {
    if (chunk.usage) this.#reading.usage = usageOf(chunk.usage);
    const choice = chunk.choices?.[0];
    if (!choice) return [];
    const delta = choice.delta ?? {};
    const events = [...this.#readThinking(delta), ...this.#answer.text("text", delta.content, tokenLogprobs(choice.logprobs?.content))];
    if (delta.refusal) {
      this.#reading.refused = true;
      events.push(...this.#answer.text("text", delta.refusal));
    }
    for (const call of delta.tool_calls ?? []) events.push(...this.#readCall(call));
    if (choice.finish_reason === "error") this.#fail(choice.error);
    else if (choice.finish_reason) this.#end(choice.finish_reason);
    return events;
  }

  #readThinking(delta: ChatDelta): readonly ModelEvent[] {
    if (delta.reasoning_details) this.#details.push(...delta.reasoning_details);
    if (typeof delta.reasoning_opaque === "string") this.#opaque = delta.reasoning_opaque;
    const field = THINKING.find((name) => delta[name]);
    if (field === undefined) return [];
    this.#field ??= field;
    return this.#answer.thinking("thinking", delta[field]);
  }

  #readCall(call: ChatCallDelta): readonly ModelEvent[] {
    const index = call.index ?? 0;
    const key = `call:${index}`;
    if (call.id) this.#ids.set(index, call.id);
    const isNew = Boolean(call.function?.name) && !this.#announced.has(index);
    if (isNew) this.#announced.add(index);
    const events = isNew ? this.#answer.toolCall(key, { id: this.#ids.get(index), name: call.function?.name as string }) : [];
    this.#answer.addArguments(key, call.function?.arguments);
    return events;
  }

  #fail(error: ChatChoice["error"]): void {
    const said = typeof error?.message === "string" ? error.message : "the server says that the answer failed, and not why";
    this.#reading.failure = streamFailure(error?.code, said);
  }

  #end(reason: string): void {
    const stop = STOPS[reason] ?? "stop";
    // Some servers end with "stop" although they called tools.
    this.#reading.stop = stop === "stop" && this.#answer.hasToolCalls ? "toolUse" : stop;
    this.#reading.refused ||= stop === "refusal";
    const [field, opaque] = [this.#field, this.#opaque];
    const proof: ThinkingProof =
      this.#details.length > 0 ? { details: joined(this.#details) } : { ...(field ? { field } : {}), ...(opaque ? { opaque } : {}) };
    if (Object.keys(proof).length > 0) this.#answer.sign("thinking", JSON.stringify(proof), { redacted: field === undefined });
  }
}

/** A router's records come in pieces: those of the same kind and place belong together. */
function joined(details: readonly unknown[]): readonly unknown[] {
  const found: Record<string, unknown>[] = [];
  for (const detail of details as readonly Record<string, unknown>[]) {
    const last = found.at(-1);
    if (last && typeof detail.index === "number" && last.index === detail.index && last.type === detail.type) {
      for (const [name, value] of Object.entries(detail)) {
        const grows = (name === "text" || name === "summary" || name === "data") && typeof value === "string";
        last[name] = grows && typeof last[name] === "string" ? last[name] + value : (value ?? last[name]);
      }
    } else found.push({ ...detail });
  }
  return found;
}

function usageOf(counts: ChatUsage): Usage {
  const cacheRead = counts.prompt_tokens_details?.cached_tokens ?? 0;
  const cacheWrite = counts.prompt_tokens_details?.cache_write_tokens ?? 0;
  return tokenUsage({
    input: counts.prompt_tokens - cacheRead - cacheWrite,
    output: counts.completion_tokens,
    cacheRead,
    cacheWrite,
    ...(typeof counts.cost === "number" ? { cost: counts.cost } : {}),
  });
}
