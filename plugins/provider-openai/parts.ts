/** Parts of messages that Chat Completions and Responses have in common. */
import type { ImageBlock } from "@pincer/plugin-sdk/contracts/provider";
import type { TextBlock, UserMessage } from "@pincer/plugin-sdk/message";

export const partsOf = (content: UserMessage["content"]): readonly (TextBlock | ImageBlock)[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

export const textOf = (content: UserMessage["content"]): string =>
  partsOf(content)
    .flatMap((part) => (part.type === "text" ? [part.text] : []))
    .join("\n");

export const imagesOf = (content: UserMessage["content"]): readonly ImageBlock[] =>
  partsOf(content).filter((part) => part.type === "image");

export const dataUrl = ({ mimeType, data }: ImageBlock): string => `data:${mimeType};base64,${data}`;
