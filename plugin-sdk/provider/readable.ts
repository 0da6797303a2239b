/** A conversation as a model can read it: in the place of what it cannot see or open stands what it was. */
import type { ModelInfo } from "../contracts/provider.ts";
import type { DocumentBlock, ImageBlock, Message, TextBlock } from "../message.ts";

type Reader = Pick<ModelInfo, "name" | "vision" | "documents">;

export const documentNote = ({ name, mimeType }: Pick<DocumentBlock, "name" | "mimeType">, reader: string): string =>
  `[a document, ${name === undefined ? mimeType : `${name} (${mimeType})`}, which ${reader} cannot read]`;

function readableBlock(block: TextBlock | ImageBlock | DocumentBlock, { name, vision, documents }: Reader): typeof block {
  if (block.type === "image" && !vision) return { type: "text", text: `[an image, which ${name} cannot see]` };
  if (block.type === "document" && documents !== true) return { type: "text", text: documentNote(block, name) };
  return block;
}

/** The message itself when the model can read all of it. */
export function readableBy<M extends Message>(message: M, reader: Reader): M {
  if (message.role === "assistant" || typeof message.content === "string") return message;
  const content = message.content.map((block) => readableBlock(block, reader));
  return content.every((block, at) => block === message.content[at]) ? message : ({ ...message, content } as M);
}

/** The first document of a conversation. */
export function documentIn(messages: readonly Message[]): DocumentBlock | undefined {
  for (const { role, content } of messages) {
    if (role !== "user" || typeof content === "string") continue;
    const found = content.find((block) => block.type === "document");
    if (found) return found;
  }
  return undefined;
}
