/** What a scripted vendor is told to answer, in words that fit every vendor; each server turns them into its own events. */
import type { StopReason } from "../message.ts";

export type AnswerStep =
  | { readonly text: readonly string[] }
  | { readonly thinking: readonly string[]; readonly signature?: string }
  /** Thinking that only the vendor can read. */
  | { readonly redacted: string }
  /** `arguments` is the JSON text, so that a script can also send what is none. */
  | { readonly toolCall: { readonly id: string; readonly name: string; readonly arguments: string } }
  | { readonly refusal: readonly string[] };

export interface VendorAnswer {
  readonly steps?: readonly AnswerStep[];
  /** Sends these instead: the text of server-sent events as the vendor would write them. */
  readonly raw?: readonly string[];
  /** Why it ends; absent: by what the steps hold. */
  readonly stop?: Extract<StopReason, "stop" | "length" | "toolUse" | "refusal">;
  readonly usage?: { readonly input: number; readonly output: number; readonly cacheRead?: number; readonly cacheWrite?: number };
  /** An HTTP error instead of a stream. `code` is the vendor's own word for it. */
  readonly error?: {
    readonly status: number;
    readonly code?: string;
    readonly param?: string;
    readonly message: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** Writes pieces of this many bytes, wherever they cut; absent: an event at a time. */
  readonly chunkBytes?: number;
  /** Sends the vendor's keep-alive before every event. */
  readonly keepAlive?: boolean;
  /** Waits for this before the step of that number. */
  readonly hold?: { readonly before: number; readonly until: Promise<void> };
  /**
   * What happens behind the steps instead of the proper end: `reset` and `close` cut the connection (`close` after a well-formed HTTP
   * body), `malformed` sends an event that is no JSON, `error` the vendor's own error event, `hang` nothing more.
   */
  readonly end?: "reset" | "close" | "malformed" | "error" | "hang";
}

export interface VendorCall {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
  /** Resolves when the client goes away before the answer's end. */
  readonly left: Promise<void>;
}

/** What a request says of the form of its answer. */
export interface SentShape {
  /** `auto`, `none`, `required`, or the tool's name; `undefined` when nothing was said. */
  readonly toolChoice: string | undefined;
  readonly parallelTools: boolean | undefined;
  /** Of the answer. */
  readonly schema: unknown;
  readonly stop: readonly string[] | undefined;
  /** Whether the model was told how to think. */
  readonly thinking: boolean;
}

export interface ScriptedVendor extends AsyncDisposable {
  /** Without a trailing slash and without the API's path. */
  readonly origin: string;
  /** Every request, in order. */
  readonly ledger: readonly VendorCall[];
  /** The events that an answer would be sent as, so that a test can spoil them. */
  eventsOf(answer: VendorAnswer, path: string): readonly string[];
  /** The same in one piece. */
  wholeOf(answer: VendorAnswer, path: string): string;
  /** Answers for the next model calls, in order. */
  answer(...answers: readonly VendorAnswer[]): void;
  /** What every call gets for which no answer is left; until then an error that says so. */
  otherwise(answer: (call: VendorCall) => VendorAnswer): void;
  /** Resolves to the call of that number once it has come. */
  received(number: number): Promise<VendorCall>;
}
