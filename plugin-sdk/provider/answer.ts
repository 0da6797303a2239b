/** Gathers what a vendor streams into the events and the answer of the `provider` contract, so that every provider orders them alike. */
import type { ModelAnswer, ModelEvent, ModelFailure, TokenLogprob } from "../contracts/provider.ts";
import type { AssistantMessage, StopReason, Usage } from "../message.ts";

const count = (value: unknown): number => (Number.isFinite(value) ? Math.max(0, Math.round(value as number)) : 0);

/** What no vendor can have charged is not known. */
const isMoney = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;

/** Token counts as every provider reports them: `input` without what the cache read or wrote. */
export const tokenUsage = (counts: {
  readonly input?: number | null | undefined;
  readonly output?: number | null | undefined;
  readonly cacheRead?: number | null | undefined;
  readonly cacheWrite?: number | null | undefined;
  /** US dollars as the vendor charged them; absent: unknown. */
  readonly cost?: number | undefined;
}): Usage => {
  const [input, output] = [count(counts.input), count(counts.output)];
  const [cacheRead, cacheWrite] = [count(counts.cacheRead), count(counts.cacheWrite)];
  return {
    input,
    output,
    cacheRead,
    cacheWrite,
    totalTokens: input + output + cacheRead + cacheWrite,
    cost: isMoney(counts.cost) ? counts.cost : null,
  };
};

export interface AnswerHead {
  readonly provider: string;
  readonly model: string;
  /** The vendor's way of speaking, so that only it is given its own signatures back. */
  readonly api: string;
  readonly timestamp: number;
}

export interface AnswerEnd {
  readonly stopReason: StopReason;
  readonly usage: Usage;
  readonly failure?: ModelFailure;
}

/** A tool call whose arguments were not JSON carries them here, so that the tool refuses them and the model reads why. */
export const INVALID_ARGUMENTS = "argumentsThatAreNotJson";

/** `key` is the vendor's own name for a block; what it returns goes to the caller as it is (`yield* answer.text(...)`). */
export interface Answer {
  text(key: string, delta: string | null | undefined, logprobs?: readonly TokenLogprob[]): readonly ModelEvent[];
  thinking(key: string, delta: string | null | undefined): readonly ModelEvent[];
  /** The vendor's proof of a thinking block; makes the block when it had no text. */
  sign(key: string, signature: string, options?: { readonly redacted?: boolean }): void;
  /** Tells of a call once, when its name is known. Without an id from the vendor it gets one. */
  toolCall(key: string, call: { readonly id?: string | undefined; readonly name: string }): readonly ModelEvent[];
  addArguments(key: string, json: string | null | undefined): void;
  setArguments(key: string, json: string): void;
  readonly hasToolCalls: boolean;
  /** A broken or aborted answer keeps its text and thinking, and no tool call: half a call must not run. */
  finish(end: AnswerEnd): ModelAnswer;
}

/** Reads a stream for its end alone. */
export async function endOf(stream: AsyncGenerator<ModelEvent, ModelAnswer, void>): Promise<ModelAnswer> {
  for (;;) {
    const step = await stream.next();
    if (step.done === true) return step.value;
  }
}

type Content = AssistantMessage["content"][number];
type Block =
  | { readonly type: "text"; readonly index: number; text: string }
  | { readonly type: "thinking"; readonly index: number; text: string; signature?: string; redacted?: boolean }
  | { readonly type: "toolCall"; readonly index: number; readonly id: string; readonly name: string; json: string };

export function createAnswer(head: AnswerHead): Answer {
  const blocks = new Map<string, Block>();

  const readable = (type: "text" | "thinking", key: string): Extract<Block, { type: "text" | "thinking" }> => {
    const known = blocks.get(key);
    if (known?.type === type) return known;
    const block = { type, index: blocks.size, text: "" };
    blocks.set(key, block);
    return block;
  };
  // What vendors send is checked by nobody before: a delta that is no text is none.
  const readableDelta = (type: "text" | "thinking", key: string, delta: unknown): readonly ModelEvent[] => {
    if (typeof delta !== "string" || delta === "") return [];
    const block = readable(type, key);
    block.text += delta;
    return [{ type, index: block.index, delta }];
  };
  const textDelta = (key: string, delta: unknown, logprobs: readonly TokenLogprob[] = []): readonly ModelEvent[] => {
    const told = readableDelta("text", key, delta);
    if (logprobs.length === 0) return told;
    // A token may be half a character, and then has no text yet.
    return [
      { type: "text", index: readable("text", key).index, delta: told.length === 0 ? "" : (delta as string), logprobs: [...logprobs] },
    ];
  };
  const callOf = (key: string) => {
    const block = blocks.get(key);
    return block?.type === "toolCall" ? block : undefined;
  };

  return {
    text: textDelta,
    thinking: (key, delta) => readableDelta("thinking", key, delta),
    sign(key, signature, options) {
      if (typeof signature !== "string") return;
      const block = readable("thinking", key);
      if (block.type !== "thinking") return;
      block.signature = signature;
      if (options?.redacted === true) block.redacted = true;
    },
    toolCall(key, { id, name }) {
      if (blocks.has(key) || typeof name !== "string") return [];
      const given = typeof id === "string" && id !== "" ? id : `call_${crypto.randomUUID()}`;
      const block = { type: "toolCall" as const, index: blocks.size, id: given, name, json: "" };
      blocks.set(key, block);
      return [{ type: "tool-call", index: block.index, id: block.id, name }];
    },
    addArguments(key, json) {
      const block = callOf(key);
      if (block && typeof json === "string") block.json += json;
    },
    setArguments(key, json) {
      const block = callOf(key);
      if (block && typeof json === "string") block.json = json;
    },
    get hasToolCalls() {
      return blocks.values().some(({ type }) => type === "toolCall");
    },
    finish({ stopReason, usage, failure }) {
      const content: Content[] = [];
      for (const block of blocks.values()) content.push(...contentOf(block, stopReason));
      return {
        message: {
          role: "assistant",
          content,
          timestamp: head.timestamp,
          provider: head.provider,
          model: head.model,
          api: head.api,
          usage,
          stopReason,
          ...(failure === undefined ? {} : { errorMessage: failure.message }),
        },
        stopReason,
        usage,
        ...(failure === undefined ? {} : { failure }),
      };
    },
  };
}

function contentOf(block: Block, stopReason: StopReason): readonly Content[] {
  if (block.type === "text") return block.text === "" ? [] : [{ type: "text", text: block.text }];
  if (block.type === "thinking") {
    const { text: thinking, signature, redacted } = block;
    if (thinking === "" && signature === undefined) return [];
    return [{ type: "thinking", thinking, ...(signature === undefined ? {} : { signature }), ...(redacted ? { redacted } : {}) }];
  }
  if (stopReason === "error" || stopReason === "aborted") return [];
  const given = parseArguments(block.json);
  // An answer that ran into its limit ends in half a call.
  if (given === undefined && stopReason === "length") return [];
  return [{ type: "toolCall", id: block.id, name: block.name, arguments: given ?? { [INVALID_ARGUMENTS]: block.json } }];
}

function parseArguments(json: string): Record<string, unknown> | undefined {
  if (json.trim() === "") return {};
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    // silent-ok: the model's text is handed on for the tool to refuse
    return undefined;
  }
}
