/** The shape of messages in transcripts, on the wire (`protocol` section 4.2) and towards model providers. */
import { type Static, Type } from "@sinclair/typebox";
import { Selection } from "./selection.ts";
import { Untrusted, UntrustedSource } from "./untrusted.ts";

export const TextBlock = Type.Object({
  type: Type.Literal("text"),
  text: Type.String(),
  /** In a message that holds other text as well: where this one came from. */
  source: Type.Optional(UntrustedSource),
});
export type TextBlock = Static<typeof TextBlock>;

/** `data` is base64. */
export const ImageBlock = Type.Object({ type: Type.Literal("image"), data: Type.String(), mimeType: Type.String() });
export type ImageBlock = Static<typeof ImageBlock>;

/** What a model opens by itself, such as `application/pdf`; `data` is base64. */
export const DocumentBlock = Type.Object({
  type: Type.Literal("document"),
  data: Type.String(),
  mimeType: Type.String(),
  name: Type.Optional(Type.String()),
});
export type DocumentBlock = Static<typeof DocumentBlock>;

/** `signature` is the provider's own proof, given back to it unchanged; `redacted` thinking has no readable text. */
export const ThinkingBlock = Type.Object({
  type: Type.Literal("thinking"),
  thinking: Type.String(),
  signature: Type.Optional(Type.String()),
  redacted: Type.Optional(Type.Boolean()),
});
export type ThinkingBlock = Static<typeof ThinkingBlock>;

export const ToolCallBlock = Type.Object({
  type: Type.Literal("toolCall"),
  id: Type.String(),
  name: Type.String(),
  arguments: Type.Record(Type.String(), Type.Unknown()),
});
export type ToolCallBlock = Static<typeof ToolCallBlock>;

/** Tokens; `cost` in US dollars, null when the price is unknown. */
export const Usage = Type.Object({
  input: Type.Integer(),
  output: Type.Integer(),
  cacheRead: Type.Integer(),
  cacheWrite: Type.Integer(),
  totalTokens: Type.Integer(),
  cost: Type.Union([Type.Number(), Type.Null()]),
});
export type Usage = Static<typeof Usage>;

export const StopReason = Type.Union([
  Type.Literal("stop"),
  Type.Literal("length"),
  Type.Literal("toolUse"),
  Type.Literal("refusal"),
  Type.Literal("aborted"),
  Type.Literal("error"),
]);
export type StopReason = Static<typeof StopReason>;

export const UserMessage = Type.Object({
  role: Type.Literal("user"),
  content: Type.Union([Type.String(), Type.Array(Type.Union([TextBlock, ImageBlock, DocumentBlock]))]),
  timestamp: Type.Integer(),
  idempotencyKey: Type.Optional(Type.String()),
  /** Who wrote it on which channel; absent for the owner on the gateway's own surfaces. */
  sender: Type.Optional(Type.Object({ id: Type.String(), name: Type.Optional(Type.String()), channel: Type.String() })),
  /** What of it the owner did not write; of a summary, what it was made of. */
  untrusted: Type.Optional(Untrusted),
});
export type UserMessage = Static<typeof UserMessage>;

export const AssistantMessage = Type.Object({
  role: Type.Literal("assistant"),
  content: Type.Array(Type.Union([TextBlock, ThinkingBlock, ToolCallBlock])),
  timestamp: Type.Integer(),
  provider: Type.Optional(Type.String()),
  model: Type.Optional(Type.String()),
  api: Type.Optional(Type.String()),
  usage: Type.Optional(Usage),
  stopReason: Type.Optional(StopReason),
  errorMessage: Type.Optional(Type.String()),
  /** Why that model was asked, on the first answer of a turn that a selector was asked about. */
  selection: Type.Optional(Selection),
});
export type AssistantMessage = Static<typeof AssistantMessage>;

export const ToolResultMessage = Type.Object({
  role: Type.Literal("toolResult"),
  toolCallId: Type.String(),
  toolName: Type.String(),
  content: Type.Array(Type.Union([TextBlock, ImageBlock])),
  isError: Type.Boolean(),
  timestamp: Type.Integer(),
  untrusted: Type.Optional(Untrusted),
});
export type ToolResultMessage = Static<typeof ToolResultMessage>;

export const Message = Type.Union([UserMessage, AssistantMessage, ToolResultMessage]);
export type Message = Static<typeof Message>;

/** What people read and search: the text of users and assistants. */
export function messageText(message: Message): string | null {
  if (message.role === "toolResult") return null;
  const { content } = message;
  const text = typeof content === "string" ? content : content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
  return text.replaceAll("\0", "").trim() || null;
}

/** What of a message something can be looked for in: of a document its name. */
export function searchableText({ content }: Message): string {
  if (typeof content === "string") return content;
  return content.flatMap((block) => (block.type === "text" ? block.text : block.type === "document" ? (block.name ?? []) : [])).join("\n");
}

export const holds = (messages: readonly Message[], kind: "image" | "document"): boolean =>
  messages.some(({ content }) => typeof content !== "string" && content.some(({ type }) => type === kind));
