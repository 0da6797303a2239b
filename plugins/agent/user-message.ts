/** What people write: as the transcript keeps it, and as the model reads it. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import type { DocumentBlock, ImageBlock, TextBlock, UserMessage } from "@pincer/plugin-sdk/message";
import type { AgentConfig } from "./config.ts";
import { shorten } from "./shorten.ts";
import { entryIds, type TurnInput } from "./turn-input.ts";

const readableImages = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const textual = /^(text\/|application\/(json|xml|x-yaml|yaml|toml|javascript|x-sh|sql|csv)\b|.*\+(json|xml)\b)/;

const sizeOf = (base64: string) => Math.floor((base64.length * 3) / 4);
const bytesText = (bytes: number) => (bytes < 10_000 ? `${bytes} bytes` : `${Math.round(bytes / 1000)} kB`);

type Limits = Pick<AgentConfig, "documentChars" | "documentBytes" | "imageBytes">;

function blockOf(attachment: Attachment, limits: Limits): TextBlock | ImageBlock | DocumentBlock {
  const { mimeType, data } = attachment;
  const name = attachment.fileName ?? attachment.kind;
  const size = sizeOf(data);
  const described = `${name} (${mimeType}, ${bytesText(size)})`;
  if (readableImages.has(mimeType)) {
    return size <= limits.imageBytes
      ? { type: "image", data, mimeType }
      : { type: "text", text: `[attached, but too large to look at: ${described}]` };
  }
  if (mimeType === "application/pdf") {
    return size <= limits.documentBytes
      ? { type: "document", data, mimeType, name }
      : { type: "text", text: `[attached, but too large to read: ${described}]` };
  }
  if (textual.test(mimeType)) {
    const text = new TextDecoder().decode(Buffer.from(data, "base64"));
    return { type: "text", text: `[attached: ${described}]\n${shorten(text, limits.documentChars)}` };
  }
  return { type: "text", text: `[attached, but of a kind that cannot be read here: ${described}]` };
}

export function userMessage(input: TurnInput, limits: Limits): UserMessage {
  const blocks = (input.attachments ?? []).map((attachment) => blockOf(attachment, limits));
  const text: readonly TextBlock[] = input.text === "" ? [] : [{ type: "text", text: input.text }];
  return {
    role: "user",
    content: blocks.length === 0 ? input.text : [...text, ...blocks],
    timestamp: input.writtenAt ?? input.at,
    idempotencyKey: entryIds.user(input.runId),
    ...(input.sender === undefined ? {} : { sender: input.sender }),
  };
}

/** The same moment always gives the same text, so that providers' caches of a conversation hold. */
export function createStamp(timeZone: string = Intl.DateTimeFormat().resolvedOptions().timeZone): (timestamp: number) => string {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
  const weekday = new Intl.DateTimeFormat("en-US", { timeZone, weekday: "short" });
  return (timestamp) => `${weekday.format(timestamp)} ${format.format(timestamp)}`;
}

const unclosable = (text: string) => text.replace(/<(\/?)message/gi, "‹$1message");

/**
 * Every message says when it was written, so that nothing in front of it changes with time. In sessions that are not the owner's own it
 * is marked as somebody else's text, which no text inside it can undo.
 */
export function messageForModel(message: UserMessage, owner: boolean, stamp: (timestamp: number) => string): UserMessage {
  const { sender } = message;
  const from = sender === undefined ? "" : `, ${oneLine(sender.name ?? sender.id)} on ${sender.channel}`;
  const head = `[${stamp(message.timestamp)}${from}]`;
  const shown = (text: string) => (owner ? text : `<message>\n${unclosable(text)}\n</message>`);
  if (typeof message.content === "string") return { ...message, content: `${head} ${shown(message.content)}` };
  const blocks = message.content.map((block) => (block.type === "text" ? { ...block, text: shown(block.text) } : block));
  return { ...message, content: [{ type: "text", text: head }, ...blocks] };
}

const oneLine = (text: string) => unclosable(text.replace(/[\p{Cc}[\]]+/gu, " ").trim()).slice(0, 80);

/** User messages as the model reads them, each made once. */
export class RenderedMessages {
  readonly stamp = createStamp();
  readonly #owners = new WeakMap<UserMessage, UserMessage>();
  readonly #others = new WeakMap<UserMessage, UserMessage>();

  of(message: UserMessage, owner: boolean): UserMessage {
    const known = owner ? this.#owners : this.#others;
    const shown = known.get(message) ?? messageForModel(message, owner, this.stamp);
    known.set(message, shown);
    return shown;
  }
}
