/** Reads the server's events one by one. Nothing of what a server sends is believed: each field is looked at before it is used. */
import type { ModelEvent, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { StopReason, Usage } from "@pincer/plugin-sdk/message";
import { type Answer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { httpFailure } from "@pincer/plugin-sdk/provider/failure";

/** One `data:` of the stream. A server of yours says it otherwise: then this and `read` are what changes. */
interface StreamEvent {
  readonly text?: string;
  readonly thinking?: string;
  /** A tool call begins; its arguments follow in pieces, under the same number. */
  readonly call?: { readonly number: number; readonly id: string; readonly name: string };
  readonly arguments?: { readonly number: number; readonly json: string };
  readonly end?: {
    readonly stop: string;
    readonly usage?: { readonly input: number; readonly output: number; readonly cacheRead?: number; readonly cacheWrite?: number };
  };
  readonly error?: { readonly status?: number; readonly message?: string };
}

const stops: Readonly<Record<string, StopReason>> = { done: "stop", length: "length", tools: "toolUse", refused: "refusal" };

export interface Reader {
  /** Why the server stopped; `undefined` until it has said so. */
  readonly stop: StopReason | undefined;
  readonly usage: Usage;
  /** What the server itself reported inside the stream. */
  readonly failure: ModelFailure | undefined;
  /** Throws for what is no event. */
  read(event: unknown): readonly ModelEvent[];
}

export function createReader(answer: Answer): Reader {
  let stop: StopReason | undefined;
  let usage = tokenUsage({});
  let failure: ModelFailure | undefined;

  return {
    get stop() {
      return stop;
    },
    get usage() {
      return usage;
    },
    get failure() {
      return failure;
    },
    read(event) {
      if (typeof event !== "object" || event === null) throw new TypeError("the server sent something that is no event");
      const { text, thinking, call, arguments: piece, end, error } = event as StreamEvent;
      if (error) failure = httpFailure(error.status ?? 500, String(error.message ?? "the server reports an error"), { now: 0 });
      if (piece) answer.addArguments(`call:${piece.number}`, piece.json);
      if (end) {
        stop = stops[end.stop] ?? "stop";
        if (end.usage) usage = tokenUsage(end.usage);
      }
      return [
        ...answer.thinking("thinking", thinking),
        ...answer.text("text", text),
        ...(call ? answer.toolCall(`call:${call.number}`, call) : []),
      ];
    },
  };
}
