/** Messages of Chat Completions as a conversation. */
import type { AssistantMessage } from "@pincer/plugin-sdk/message";
import type { ChatMessage, UserPart } from "./chat-request.ts";
import { type Conversation, fileOf, imageOf, type Part, parseArguments, type Turn, typeOfName } from "./conversation.ts";
import { badRequest, unkept } from "./failure.ts";
import { type FetchedImages, isAddress, type NamedImage } from "./remote-images.ts";

const textOf = (content: string | readonly { readonly text: string }[]): string =>
  typeof content === "string" ? content : content.map(({ text }) => text).join("\n");

/** Instructions stand before the conversation, wherever they were written: not every vendor knows another place for them. */
export function conversationOf(messages: readonly ChatMessage[], images: FetchedImages): Conversation {
  const system: string[] = [];
  const turns: Turn[] = [];
  for (const [at, message] of messages.entries()) {
    if (message.role === "system" || message.role === "developer") system.push(textOf(message.content));
    else if (message.role === "assistant") turns.push({ role: "assistant", content: assistantContent(message) });
    else if (message.role === "tool") {
      turns.push({ role: "tool", callId: message.tool_call_id, parts: [{ type: "text", text: textOf(message.content) }] });
    } else turns.push({ role: "user", parts: userParts(message.content, `messages[${at}].content`, images) });
  }
  return { system, turns };
}

function userParts(content: string | readonly UserPart[], param: string, images: FetchedImages): readonly Part[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return content.map((part, at): Part => {
    if (part.type === "text") return { type: "text", text: part.text };
    if (part.type === "image_url") return imageOf(part.image_url.url, `${param}[${at}].image_url.url`, images);
    const { file_data, filename, file_id } = part.file;
    if (file_id) throw unkept(`${param}[${at}].file.file_id`, "file_data");
    const place = `${param}[${at}].file.file_data`;
    if (!file_data) throw badRequest(`Missing required parameter: '${place}'.`, place, "missing_required_parameter");
    return fileOf(file_data, place, filename ? { fileName: filename, mimeType: typeOfName(filename) } : {});
  });
}

/** The images that are named by their addresses. */
export const imagesNamed = (messages: readonly ChatMessage[]): readonly NamedImage[] =>
  messages.flatMap(({ role, content }, at) =>
    role !== "user" || typeof content === "string"
      ? []
      : content.flatMap((part, index) =>
          part.type === "image_url" && isAddress(part.image_url.url)
            ? [{ url: part.image_url.url, param: `messages[${at}].content[${index}].image_url.url` }]
            : [],
        ),
  );

function assistantContent({ content, refusal, tool_calls }: Extract<ChatMessage, { role: "assistant" }>): AssistantMessage["content"] {
  const parts = typeof content === "string" ? [content] : (content ?? []).map((part) => (part.type === "text" ? part.text : part.refusal));
  const text = [...parts, refusal ?? ""].filter((one) => one !== "").join("\n");
  return [
    ...(text === "" ? [] : [{ type: "text" as const, text }]),
    ...(tool_calls ?? []).map(({ id, function: { name, arguments: json } }) => ({
      type: "toolCall" as const,
      id,
      name,
      arguments: parseArguments(json),
    })),
  ];
}
