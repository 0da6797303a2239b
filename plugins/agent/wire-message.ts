/** Entries of a transcript as clients read them (`protocol` section 4.2). */
import type { Entry } from "@pincer/plugin-sdk/contracts/sessions";
import { TranscriptMessage, transcriptMessage } from "@pincer/plugin-sdk/wire/session";
import { type Static, Type } from "@sinclair/typebox";
import { shorten } from "./shorten.ts";

/** Of a history, in which what is too long is shortened. */
export const WireMessage = Type.Object({
  ...TranscriptMessage.properties,
  __openclaw: Type.Object({
    ...TranscriptMessage.properties.__openclaw.properties,
    /** Something was left out; `chat.message.get` has the whole. */
    truncated: Type.Optional(Type.Boolean()),
  }),
});
export type WireMessage = Static<typeof WireMessage>;

interface Shown {
  readonly value: unknown;
  readonly cut: boolean;
}

type Block = Readonly<Record<string, unknown>>;

/** A call's arguments may be a whole file. */
function shownArguments(args: Block, maxChars: number): Shown {
  if (JSON.stringify(args).length <= maxChars) return { value: args, cut: false };
  const each = Math.floor(maxChars / Object.keys(args).length);
  const short = (value: unknown) => {
    const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
    return text.length > each ? shorten(text, each) : value;
  };
  return { value: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, short(value)])), cut: true };
}

function shownBlock(block: Block, maxChars: number, withImages: boolean): Shown {
  if (block["type"] === "image") {
    const data = String(block["data"] ?? "");
    if (withImages && data !== "") return { value: block, cut: false };
    return { value: { type: "image", mimeType: block["mimeType"], omitted: true }, cut: true };
  }
  // Clients know no such block: they are told what was attached, as of every other file.
  if (block["type"] === "document")
    return { value: { type: "text", text: `[attached: ${block["name"] ?? "a document"} (${block["mimeType"]})]` }, cut: false };
  if (block["type"] === "toolCall") {
    const { value, cut } = shownArguments((block["arguments"] ?? {}) as Block, maxChars);
    return cut ? { value: { ...block, arguments: value }, cut } : { value: block, cut };
  }
  for (const field of ["text", "thinking"]) {
    const text = block[field];
    if (typeof text === "string" && text.length > maxChars) return { value: { ...block, [field]: shorten(text, maxChars) }, cut: true };
  }
  return { value: block, cut: false };
}

function shownContent(content: unknown, maxChars: number, withImages: boolean): Shown {
  if (typeof content === "string")
    return content.length > maxChars ? { value: shorten(content, maxChars), cut: true } : { value: content, cut: false };
  const blocks = (content as readonly Block[]).map((block) => shownBlock(block, maxChars, withImages));
  return { value: blocks.map(({ value }) => value), cut: blocks.some(({ cut }) => cut) };
}

/**
 * Notes that nobody wrote, and summaries, are the gateway's own words: they are shown as such, not as the user's. The answer to a command
 * is marked as one.
 */
export function wireMessage(entry: Entry, maxChars = Number.MAX_SAFE_INTEGER, withImages = true): WireMessage {
  const { kind, message } = entry;
  const { value, cut } = shownContent(message.content, maxChars, withImages);
  const ours = kind === "summary" || (kind === "note" && message.role === "user" && message.idempotencyKey === undefined);
  const whole = transcriptMessage(entry);
  return {
    ...whole,
    ...(ours ? { role: "system" } : {}),
    ...(kind === "note" && message.role === "assistant" ? { command: true } : {}),
    content: value,
    __openclaw: { ...whole.__openclaw, ...(cut ? { truncated: true } : {}) },
  };
}

/** The newest messages that fit; images are left out of the older ones first. */
export function wireMessages(entries: readonly Entry[], maxChars: number, maxBytes: number): WireMessage[] {
  let left = maxBytes;
  const shown: WireMessage[] = [];
  for (const entry of entries.toReversed()) {
    let message = wireMessage(entry, maxChars);
    let bytes = JSON.stringify(message).length;
    if (bytes > left) {
      message = wireMessage(entry, Math.min(maxChars, 2_000), false);
      bytes = JSON.stringify(message).length;
    }
    left -= bytes;
    shown.push(message);
  }
  return shown.reverse();
}
