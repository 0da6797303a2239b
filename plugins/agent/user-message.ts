/** What people write: as the transcript keeps it, and as the model reads it. */
import type { Attachment } from "@pincer/plugin-sdk/contracts/inbox";
import type { DocumentBlock, ImageBlock, TextBlock, ToolResultMessage, UserMessage } from "@pincer/plugin-sdk/message";
import { fencedText, newBoundary, type UntrustedSource, untrustedSource } from "@pincer/plugin-sdk/untrusted";
import type { AgentConfig } from "./config.ts";
import { shorten } from "./shorten.ts";
import { entryIds, type TurnInput } from "./turn-input.ts";

const readableImages = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const textual = /^(text\/|application\/(json|xml|x-yaml|yaml|toml|javascript|x-sh|sql|csv)\b|.*\+(json|xml)\b)/;

const sizeOf = (base64: string) => Math.floor((base64.length * 3) / 4);
const bytesText = (bytes: number) => (bytes < 10_000 ? `${bytes} bytes` : `${Math.round(bytes / 1000)} kB`);

type Limits = Pick<AgentConfig, "documentChars" | "documentBytes" | "imageBytes">;

const sourceOf = ({ fileName, kind }: Attachment) => untrustedSource("attachment", fileName ?? kind);

/** Who wrote the text, where that is not the owner. A client of the gateway has no sender, and is the owner. */
function writerOf({ owner, byOwner, sender, forwarded }: TurnInput): UntrustedSource | undefined {
  if (forwarded !== undefined) return untrustedSource("forwarded", forwarded.from ?? "somebody");
  if (owner || byOwner === true || sender === undefined) return undefined;
  return untrustedSource("sender", `${sender.name ?? sender.id} on ${sender.channel}`);
}

function blockOf(attachment: Attachment, limits: Limits): TextBlock | ImageBlock | DocumentBlock {
  const { mimeType, data } = attachment;
  const source = sourceOf(attachment);
  const name = source.label;
  const size = sizeOf(data);
  const described = `${name} (${mimeType}, ${bytesText(size)})`;
  if (readableImages.has(mimeType)) {
    return size <= limits.imageBytes
      ? { type: "image", data, mimeType }
      : { type: "text", text: `[attached, but too large to look at: ${described}]`, source };
  }
  if (mimeType === "application/pdf") {
    return size <= limits.documentBytes
      ? { type: "document", data, mimeType, name }
      : { type: "text", text: `[attached, but too large to read: ${described}]`, source };
  }
  if (textual.test(mimeType)) {
    const text = new TextDecoder().decode(Buffer.from(data, "base64"));
    return { type: "text", text: `[attached: ${described}]\n${shorten(text, limits.documentChars)}`, source };
  }
  return { type: "text", text: `[attached, but of a kind that cannot be read here: ${described}]`, source };
}

/** What became of attachments that are not here: in the words of whoever named them, or of a server that failed at them. */
function missing({ untaken = [] }: TurnInput, notes: readonly string[]): readonly TextBlock[] {
  const said = [...(untaken.length === 0 ? [] : [`attached, but too much to take: ${untaken.join(", ")}`]), ...notes];
  const source = untrustedSource("attachment", "that could not be read");
  return said.length === 0 ? [] : [{ type: "text", text: said.map((each) => `[${each}]`).join("\n"), source }];
}

/** @param notes sentences about attachments that could not be read, or not all of them */
export function userMessage(input: TurnInput, limits: Limits, notes: readonly string[] = []): UserMessage {
  const unread = missing(input, notes);
  const blocks = [...(input.attachments ?? []).map((attachment) => blockOf(attachment, limits)), ...unread];
  const writer = writerOf(input);
  const text: readonly TextBlock[] =
    input.text === "" ? [] : [{ type: "text", text: input.text, ...(writer === undefined ? {} : { source: writer }) }];
  const quotation = input.quoted === undefined ? [] : [untrustedSource("quoted", input.quoted.from ?? "an earlier message")];
  const quoted = quotation.map((source): TextBlock => ({ type: "text", text: input.quoted?.text ?? "", source }));
  const sources = [
    ...(writer === undefined ? [] : [writer]),
    ...quotation,
    ...(input.attachments ?? []).map(sourceOf),
    ...unread.flatMap(({ source }) => source ?? []),
  ];
  return {
    role: "user",
    content: blocks.length + quoted.length === 0 ? input.text : [...quoted, ...text, ...blocks],
    timestamp: input.writtenAt ?? input.at,
    idempotencyKey: entryIds.user(input.runId),
    ...(input.sender === undefined ? {} : { sender: input.sender }),
    ...(sources.length === 0 ? {} : { untrusted: { boundary: input.boundary ?? newBoundary(), sources } }),
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

/**
 * Every message says when it was written, so that nothing in front of it changes with time. What the owner did not write is marked with
 * where it came from, which no text inside it can undo; in sessions that are not the owner's own that is every message. `boundary` is for those
 * that have none.
 */
export function messageForModel(
  { untrusted, ...message }: UserMessage,
  owner: boolean,
  stamp: (timestamp: number) => string,
  boundary: string,
): UserMessage {
  const { sender } = message;
  const from = sender === undefined ? "" : `, ${untrustedSource("sender", sender.name ?? sender.id).label} on ${sender.channel}`;
  const head = `[${stamp(message.timestamp)}${from}]`;
  const mark = untrusted?.boundary ?? boundary;
  const unnamed = owner ? undefined : untrustedSource("sender", sender?.name ?? sender?.id ?? "somebody");
  const shown = (text: string, source: UntrustedSource | undefined) => (source === undefined ? text : fencedText(text, mark, [source]));
  if (typeof message.content === "string")
    return { ...message, content: `${head} ${shown(message.content, untrusted?.sources[0] ?? unnamed)}` };
  const blocks = message.content.map((block) =>
    block.type === "text" ? { type: block.type, text: shown(block.text, block.source ?? unnamed) } : block,
  );
  return { ...message, content: [{ type: "text", text: head }, ...blocks] };
}

/** What a tool brought from elsewhere, marked as such. */
export function resultForModel({ untrusted, ...message }: ToolResultMessage): ToolResultMessage {
  if (untrusted === undefined) return message;
  const { boundary, sources } = untrusted;
  return {
    ...message,
    content: message.content.map((block) =>
      block.type === "text" ? { type: block.type, text: fencedText(block.text, boundary, sources) } : block,
    ),
  };
}

/** User messages and results as the model reads them, each made once. */
export class RenderedMessages {
  readonly stamp = createStamp();
  readonly #boundary = newBoundary();
  readonly #owners = new WeakMap<UserMessage, UserMessage>();
  readonly #others = new WeakMap<UserMessage, UserMessage>();

  of(message: UserMessage, owner: boolean): UserMessage {
    const known = owner ? this.#owners : this.#others;
    const shown = known.get(message) ?? messageForModel(message, owner, this.stamp, this.#boundary);
    known.set(message, shown);
    return shown;
  }
}
