/** What the server is sent: the request in its own words. */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { DocumentBlock, ImageBlock, Message, TextBlock } from "@pincer/plugin-sdk/message";
import { pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import { documentNote } from "@pincer/plugin-sdk/provider/readable";

/** This server's way of speaking, so that a signature goes back only to who made it. */
export const API = "my-provider";

type Part = { readonly text: string } | { readonly image: string; readonly mimeType: string };

export interface Turn {
  readonly role: "user" | "assistant" | "tool";
  readonly parts: readonly Part[];
  /** Of an assistant. */
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly arguments: unknown }[];
  /** Of a tool: the call that it answers. */
  readonly callId?: string;
}

export const requestBody = ({ system, messages, tools, thinking, maxOutputTokens, temperature }: ModelRequest, model: string) => ({
  model,
  stream: true,
  system: system.map(({ text }) => text).join("\n\n"),
  turns: pairToolCalls(messages).map(turnOf),
  tools,
  thinking,
  ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  ...(temperature === undefined ? {} : { temperature }),
});

function turnOf(message: Message): Turn {
  if (message.role === "toolResult") return { role: "tool", callId: vendorCallId(message.toolCallId), parts: message.content.map(partOf) };
  if (message.role === "user") {
    const { content } = message;
    return { role: "user", parts: typeof content === "string" ? [{ text: content }] : content.map(partOf) };
  }
  return {
    role: "assistant",
    parts: message.content.flatMap((block) => (block.type === "text" ? [{ text: block.text }] : [])),
    calls: message.content.flatMap((block) =>
      block.type === "toolCall" ? [{ id: vendorCallId(block.id), name: block.name, arguments: block.arguments }] : [],
    ),
  };
}

function partOf(block: TextBlock | ImageBlock | DocumentBlock): Part {
  if (block.type === "text") return { text: block.text };
  // No model that does not say that it reads documents is given any.
  if (block.type === "document") return { text: documentNote(block, "this model") };
  return { image: block.data, mimeType: block.mimeType };
}
