/** Texts, images and documents of a message's content. */
import type { DocumentBlock, ImageBlock, TextBlock, UserMessage } from "../message.ts";

export const partsOf = (content: UserMessage["content"]): readonly (TextBlock | ImageBlock | DocumentBlock)[] =>
  typeof content === "string" ? [{ type: "text", text: content }] : content;

export const textOf = (content: UserMessage["content"]): string =>
  partsOf(content)
    .flatMap((part) => (part.type === "text" ? [part.text] : []))
    .join("\n");

export const imagesOf = (content: UserMessage["content"]): readonly ImageBlock[] =>
  partsOf(content).filter((part) => part.type === "image");

export const dataUrl = ({ mimeType, data }: ImageBlock | DocumentBlock): string => `data:${mimeType};base64,${data}`;

/** The vendor asks for a name. */
export const fileName = ({ name, mimeType }: DocumentBlock): string => name ?? `document.${mimeType.slice(mimeType.indexOf("/") + 1)}`;
