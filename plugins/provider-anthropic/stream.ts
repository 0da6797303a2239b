/** Reads one answer of the Messages API: events to the caller as they come, and the whole at the end. */
import type Anthropic from "@anthropic-ai/sdk";
import type { ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import type { StopReason, Usage } from "@pincer/plugin-sdk/message";
import { type Answer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";

type Event = Anthropic.RawMessageStreamEvent;

export interface Reading {
  /** `undefined` until the vendor has said why it stopped. */
  stop: Anthropic.StopReason | undefined;
  /** Whether the vendor has said that the message is over. */
  ended: boolean;
  usage: Usage;
  refusal: string | undefined;
  /** The vendor's own blocks, for a turn that it pauses and wants back as it was. */
  readonly blocks: Anthropic.ContentBlockParam[];
}

export const newReading = (): Reading => ({ stop: undefined, ended: false, usage: tokenUsage({}), refusal: undefined, blocks: [] });

const STOPS: Readonly<Record<Anthropic.StopReason, StopReason>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  tool_use: "toolUse",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "refusal",
  pause_turn: "stop",
};
export const stopReasonOf = (stop: Anthropic.StopReason): StopReason => STOPS[stop] ?? "stop";

/** `round` tells apart the blocks of a turn that was paused and continued. */
export function* readEvent(event: Event, answer: Answer, reading: Reading, round: number): Generator<ModelEvent, void, void> {
  if (event.type === "message_start") return addUsage(reading, event.message.usage);
  if (event.type === "message_stop") {
    reading.ended = true;
    return;
  }
  if (event.type === "message_delta") {
    addUsage(reading, event.usage);
    reading.stop = event.delta.stop_reason ?? reading.stop;
    const details = event.delta.stop_details;
    if (details?.type === "refusal") reading.refusal = details.explanation ?? details.category ?? undefined;
    return;
  }
  const key = `${round}:${event.index}`;
  if (event.type === "content_block_start") yield* startBlock(event.content_block, key, answer, reading);
  else if (event.type === "content_block_delta") yield* addDelta(event.delta, key, answer, reading.blocks.at(-1));
}

function* startBlock(block: Anthropic.ContentBlock, key: string, answer: Answer, reading: Reading): Generator<ModelEvent, void, void> {
  reading.blocks.push({ ...block } as Anthropic.ContentBlockParam);
  if (block.type === "text") yield* answer.text(key, block.text);
  else if (block.type === "thinking") {
    yield* answer.thinking(key, block.thinking);
    if (block.signature) answer.sign(key, block.signature);
  } else if (block.type === "redacted_thinking") answer.sign(key, block.data, { redacted: true });
  else if (block.type === "tool_use") {
    yield* answer.toolCall(key, block);
    const given = block.input as object;
    if (given && Object.keys(given).length > 0) answer.setArguments(key, JSON.stringify(given));
  }
}

function* addDelta(
  delta: Anthropic.RawContentBlockDelta,
  key: string,
  answer: Answer,
  block: Anthropic.ContentBlockParam | undefined,
): Generator<ModelEvent, void, void> {
  if (delta.type === "text_delta") {
    if (block?.type === "text") block.text += delta.text;
    yield* answer.text(key, delta.text);
  } else if (delta.type === "thinking_delta") {
    if (block?.type === "thinking") block.thinking += delta.thinking;
    yield* answer.thinking(key, delta.thinking);
  } else if (delta.type === "signature_delta") {
    if (block?.type === "thinking") block.signature = delta.signature;
    answer.sign(key, delta.signature);
  } else if (delta.type === "input_json_delta") answer.addArguments(key, delta.partial_json);
}

/** Counts are cumulative within a round; a later event repeats or raises them. */
function addUsage(reading: Reading, counts: Anthropic.Usage | Anthropic.MessageDeltaUsage): void {
  const { usage } = reading;
  reading.usage = tokenUsage({
    input: counts.input_tokens ?? usage.input,
    output: counts.output_tokens ?? usage.output,
    cacheRead: counts.cache_read_input_tokens ?? usage.cacheRead,
    cacheWrite: counts.cache_creation_input_tokens ?? usage.cacheWrite,
  });
}
