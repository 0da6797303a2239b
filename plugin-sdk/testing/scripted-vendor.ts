/** The part that all scripted vendors share: the ledger, the queue of answers, and how an answer goes over the wire. */

import { type Exchange, serveHttp } from "./http-server.ts";
import type { AnswerStep, ScriptedVendor, VendorAnswer, VendorCall } from "./vendor-script.ts";

/** One server-sent event, with the blank line that ends it. */
export const sse = (data: unknown, event?: string): string =>
  `${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;

export interface Dialect {
  /** Answers requests that are no model calls, such as the list of models; false: this is a model call. */
  other(exchange: Exchange): boolean;
  /** The events of an answer, step by step; the last entry is the proper end. */
  events(answer: VendorAnswer, call: VendorCall): { readonly steps: readonly (readonly string[])[]; readonly end: readonly string[] };
  /** An answer in one piece, for a request that does not ask for a stream. Absent: every answer streams. */
  whole?(answer: VendorAnswer, call: VendorCall): string;
  readonly keepAlive: string;
  /** What cannot be read, where an event should be; absent: a server-sent event that is no JSON. */
  readonly malformed?: string;
  errorEvent(call: VendorCall): string;
  errorBody(error: NonNullable<VendorAnswer["error"]>): string;
  /** Beside those of the script. */
  errorHeaders?(error: NonNullable<VendorAnswer["error"]>): Readonly<Record<string, string>>;
  /** Whether a call asks for one piece; absent: its body says nothing of a stream. */
  asksWhole?(call: VendorCall): boolean;
  /** What an event's text is on the wire, where that is something else than the text itself. */
  readonly wire?: { readonly contentType: string; encode(event: string): Uint8Array };
}

export const stopOf = ({ stop, steps = [] }: VendorAnswer): NonNullable<VendorAnswer["stop"]> => {
  if (stop) return stop;
  if (steps.some((step) => "refusal" in step)) return "refusal";
  return steps.some((step) => "toolCall" in step) ? "toolUse" : "stop";
};

/** Cuts a text into pieces of uneven length, as vendors do with a tool's arguments. */
export const pieces = (text: string): readonly string[] => text.match(/[\s\S]{1,7}/gu) ?? [];

export const isToolCall = (step: AnswerStep): step is Extract<AnswerStep, { toolCall: unknown }> => "toolCall" in step;

const callOf = (path: string): VendorCall => ({ method: "POST", path, headers: new Headers(), body: {}, left: Promise.resolve() });

export function startScriptedVendor(dialect: Dialect): ScriptedVendor {
  const ledger: VendorCall[] = [];
  const queue: VendorAnswer[] = [];
  const waiting: { number: number; resolve: (call: VendorCall) => void }[] = [];
  let fallback = (_: VendorCall): VendorAnswer => ({
    error: { status: 500, message: `nothing is scripted for call ${ledger.length}` },
  });
  const server = serveHttp(async (exchange) => {
    if (dialect.other(exchange)) return;
    const { method, path, headers, body, left } = exchange;
    const call: VendorCall = { method, path, headers, body: JSON.parse(body || "{}"), left };
    ledger.push(call);
    for (const { number, resolve } of waiting) if (ledger.length >= number) resolve(ledger[number - 1] as VendorCall);
    await play(dialect, exchange, call, queue.shift() ?? fallback(call));
  });
  return {
    origin: server.origin,
    ledger,
    answer: (...answers) => void queue.push(...answers),
    otherwise(answer) {
      fallback = answer;
    },
    wholeOf: (answer, path) => dialect.whole?.(answer, callOf(path)) ?? "",
    eventsOf(answer, path) {
      const { steps, end } = dialect.events(answer, callOf(path));
      return [...steps.flat(), ...end];
    },
    received: (number) => {
      const known = ledger[number - 1];
      return known ? Promise.resolve(known) : new Promise((resolve) => void waiting.push({ number, resolve }));
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Cut off where a stream would be; its pieces are as large as those of a stream. */
async function playWhole(exchange: Exchange, { hold, end, chunkBytes }: VendorAnswer, body: string): Promise<void> {
  exchange.begin(200, { "content-type": "application/json" });
  const bytes = Buffer.from(body);
  const sent = end === undefined ? bytes : bytes.subarray(0, bytes.length >> 1);
  if (hold) await Promise.race([hold.until, exchange.left]);
  const size = chunkBytes ?? sent.length;
  for (let at = 0; at < sent.length; at += size) await exchange.write(sent.subarray(at, at + size));
  if (end === "hang") return;
  if (end === "reset") exchange.reset();
  else exchange.end();
}

async function play(dialect: Dialect, exchange: Exchange, call: VendorCall, answer: VendorAnswer): Promise<void> {
  if (answer.error) {
    if (answer.hold) await Promise.race([answer.hold.until, exchange.left]);
    const { status, headers } = answer.error;
    const said = { "content-type": "application/json", ...dialect.errorHeaders?.(answer.error), ...headers };
    return exchange.send(status, dialect.errorBody(answer.error), said);
  }
  const asksWhole = dialect.asksWhole?.(call) ?? call.body.stream !== true;
  if (dialect.whole && asksWhole) return playWhole(exchange, answer, answer.raw?.join("") ?? dialect.whole(answer, call));
  const { contentType, encode } = dialect.wire ?? { contentType: "text/event-stream", encode: (event: string) => Buffer.from(event) };
  exchange.begin(200, { "content-type": contentType });
  let present = true;
  void exchange.left.then(() => {
    present = false;
  });
  const send = async (events: readonly string[]) => {
    const size = answer.chunkBytes;
    const texts = answer.keepAlive ? events.flatMap((event) => [dialect.keepAlive, event]) : events;
    for (const text of texts) {
      const bytes = encode(text);
      for (let at = 0; at < bytes.length && present; at += size ?? bytes.length) {
        await exchange.write(bytes.subarray(at, at + (size ?? bytes.length)));
      }
    }
  };
  const { steps, end } = answer.raw ? { steps: [answer.raw], end: [] } : dialect.events(answer, call);
  for (const [number, events] of steps.entries()) {
    if (answer.hold?.before === number) await Promise.race([answer.hold.until, exchange.left]);
    await send(events);
  }
  if (answer.hold?.before === steps.length) await Promise.race([answer.hold.until, exchange.left]);
  if (!present || answer.end === "hang") return;
  if (answer.end === "reset") return exchange.reset();
  if (answer.end === "malformed") await send([dialect.malformed ?? sse("{this is no JSON", "message")]);
  else if (answer.end === "error") await send([dialect.errorEvent(call)]);
  else if (answer.end === undefined) await send(end);
  exchange.end();
}
