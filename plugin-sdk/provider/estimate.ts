/** About how many tokens something has, before anybody who knows has counted them: what is decided before a call is made is decided by this. */
import type { ModelRequest, ToolSpec } from "../contracts/provider.ts";
import type { Message } from "../message.ts";

/** By bytes, not characters: what is written in other scripts has more of both bytes and tokens. */
const BYTES_PER_TOKEN = 3.6;
const MESSAGE_TOKENS = 6;
const CALL_TOKENS = 20;
export const IMAGE_TOKENS = 1_600;
/** A page is read as its text and as an image of it, about 2,500 tokens together, and has some 60 kB. */
const documentTokens = (bytes: number): number => Math.max(2_500, Math.ceil(bytes / 24));

export const tokensOf = (bytes: number): number => Math.ceil(bytes / BYTES_PER_TOKEN);
export const textTokens = (text: string): number => tokensOf(Buffer.byteLength(text));

export function messageTokens({ content }: Message): number {
  if (typeof content === "string") return MESSAGE_TOKENS + textTokens(content);
  let tokens = MESSAGE_TOKENS;
  for (const block of content) {
    if (block.type === "text") tokens += textTokens(block.text);
    else if (block.type === "thinking") tokens += textTokens(block.thinking);
    else if (block.type === "image") tokens += IMAGE_TOKENS;
    else if (block.type === "document") tokens += documentTokens(block.data.length * 0.75);
    else tokens += textTokens(JSON.stringify(block.arguments)) + CALL_TOKENS;
  }
  return tokens;
}

/** A tool is described alike in every request of a conversation. */
const tools = new WeakMap<ToolSpec, number>();
const toolTokens = (tool: ToolSpec): number => tools.getOrInsertComputed(tool, () => textTokens(JSON.stringify(tool)));

export function requestTokens({ system, messages, tools }: Pick<ModelRequest, "system" | "messages" | "tools">): number {
  let tokens = 0;
  for (const { text } of system) tokens += textTokens(text);
  for (const message of messages) tokens += messageTokens(message);
  for (const tool of tools) tokens += toolTokens(tool);
  return tokens;
}
