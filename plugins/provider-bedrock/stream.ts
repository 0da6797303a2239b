/** Reads one answer of Converse: events to the caller as they come, and the whole at the end. */
import type { ContentBlock, ContentBlockDelta, ConverseResponse, ConverseStreamOutput, TokenUsage } from "@aws-sdk/client-bedrock-runtime";
import type { ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import type { StopReason, Usage } from "@pincer/plugin-sdk/message";
import { type Answer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";

export interface Reading {
  /** `undefined` until the vendor has said why it stopped. */
  stop: string | undefined;
  usage: Usage;
  /** Signatures come in pieces too. */
  readonly signatures: Map<string, string>;
}

export const newReading = (): Reading => ({ stop: undefined, usage: tokenUsage({}), signatures: new Map() });

const STOPS: Readonly<Record<string, StopReason>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  tool_use: "toolUse",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  content_filtered: "refusal",
  guardrail_intervened: "refusal",
  refusal: "refusal",
  malformed_model_output: "error",
  malformed_tool_use: "error",
};
export const stopReasonOf = (stop: string): StopReason => STOPS[stop] ?? "stop";

/** Why there is no proper answer, in words for people. */
export const stopDetail = (stop: string, model: string): string | undefined => {
  if (stop === "guardrail_intervened") return "a guardrail of Bedrock stopped the answer";
  if (stop === "content_filtered") return `the content filter of ${model} stopped the answer`;
  if (stop === "malformed_tool_use") return `${model} called a tool in a way that cannot be read`;
  return stop === "malformed_model_output" ? `${model} gave an answer that cannot be read` : undefined;
};

export function* readEvent(event: ConverseStreamOutput, answer: Answer, reading: Reading): Generator<ModelEvent, void, void> {
  if (event.contentBlockDelta) {
    const { contentBlockIndex, delta } = event.contentBlockDelta;
    if (delta) yield* addDelta(String(contentBlockIndex), delta, answer, reading);
  } else if (event.contentBlockStart) {
    const { contentBlockIndex, start } = event.contentBlockStart;
    const call = start?.toolUse;
    if (call) yield* answer.toolCall(String(contentBlockIndex), { id: call.toolUseId, name: call.name as string });
  } else if (event.messageStop) {
    const { stopReason } = event.messageStop;
    if (typeof stopReason === "string") reading.stop = stopReason;
  } else if (event.metadata?.usage) reading.usage = usageOf(event.metadata.usage);
}

function* addDelta(key: string, delta: ContentBlockDelta, answer: Answer, reading: Reading): Generator<ModelEvent, void, void> {
  if (delta.text !== undefined) yield* answer.text(key, delta.text);
  else if (delta.toolUse) answer.addArguments(key, delta.toolUse.input);
  else if (delta.reasoningContent) {
    const { text, signature, redactedContent } = delta.reasoningContent;
    if (text !== undefined) yield* answer.thinking(key, text);
    else if (signature !== undefined) sign(key, signature, answer, reading);
    else if (redactedContent) answer.sign(key, base64(redactedContent), { redacted: true });
  }
}

function sign(key: string, piece: string, answer: Answer, { signatures }: Reading): void {
  const signature = `${signatures.get(key) ?? ""}${piece}`;
  signatures.set(key, signature);
  answer.sign(key, signature);
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

/** An answer in one piece. */
export function* readWhole(response: ConverseResponse, answer: Answer, reading: Reading): Generator<ModelEvent, void, void> {
  const blocks = response.output?.message?.content ?? [];
  for (const [index, block] of blocks.entries()) yield* addBlock(String(index), block, answer);
  if (typeof response.stopReason === "string") reading.stop = response.stopReason;
  if (response.usage) reading.usage = usageOf(response.usage);
}

function* addBlock(key: string, block: ContentBlock, answer: Answer): Generator<ModelEvent, void, void> {
  if (block.text !== undefined) yield* answer.text(key, block.text);
  else if (block.toolUse) {
    const { toolUseId, name, input } = block.toolUse;
    yield* answer.toolCall(key, { id: toolUseId, name: name as string });
    // What was no JSON comes as the text that it was.
    answer.setArguments(key, typeof input === "string" ? input : JSON.stringify(input ?? {}));
  } else if (block.reasoningContent) {
    const { reasoningText, redactedContent } = block.reasoningContent;
    if (reasoningText) {
      yield* answer.thinking(key, reasoningText.text);
      if (reasoningText.signature !== undefined) answer.sign(key, reasoningText.signature);
    } else if (redactedContent) answer.sign(key, base64(redactedContent), { redacted: true });
  }
}

/** What the cache read and wrote is not among the input's tokens there either. */
const usageOf = ({ inputTokens, outputTokens, cacheReadInputTokens, cacheWriteInputTokens }: TokenUsage): Usage =>
  tokenUsage({ input: inputTokens, output: outputTokens, cacheRead: cacheReadInputTokens, cacheWrite: cacheWriteInputTokens });
