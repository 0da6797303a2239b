/** A `ModelRequest` as the body of `generateContent`. */
import type { FunctionDeclaration, Part } from "@google/genai";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, DocumentBlock, ImageBlock, Message, ToolResultMessage, UserMessage } from "@pincer/plugin-sdk/message";
import { isOwnMessage, pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import { partsOf as blocksOf } from "@pincer/plugin-sdk/provider/parts";
import { documentNote } from "@pincer/plugin-sdk/provider/readable";
import { functionCallingConfig, generationConfig, oneCallInstruction } from "./answer-shape.ts";
import { readProof } from "./proof.ts";
import { needsSignatures } from "./thinking.ts";

export const API = "gemini-generate-content";

interface Target {
  readonly provider: string;
  readonly model: string;
  readonly api: string;
}

interface Content {
  readonly role: "user" | "model";
  readonly parts: Part[];
}

/** The vendor's word for a call that it did not make itself, such as one of another model. */
const NOT_ITS_OWN = "skip_thought_signature_validator";
const IMAGE_TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"]);

export function requestBody(request: ModelRequest, target: Target): object {
  const system = [...request.system, ...oneCallInstruction(request)].filter(({ text }) => text !== "");
  const calling = functionCallingConfig(request);
  const generation = generationConfig(request, target.model);
  return {
    contents: contentsOf(request.messages, target),
    ...(system.length === 0 ? {} : { systemInstruction: { parts: system.map(({ text }) => ({ text })) } }),
    ...(request.tools.length === 0 ? {} : { tools: [{ functionDeclarations: request.tools.map(declarationOf) }] }),
    ...(calling === undefined ? {} : { toolConfig: { functionCallingConfig: calling } }),
    ...(Object.keys(generation).length === 0 ? {} : { generationConfig: generation }),
  };
}

const declarationOf = ({ name, description, parameters }: ModelRequest["tools"][number]): FunctionDeclaration => ({
  name,
  description,
  parametersJsonSchema: parameters,
});

function contentsOf(messages: readonly Message[], target: Target): readonly Content[] {
  const paired = pairToolCalls(messages);
  const lastUser = paired.findLastIndex(({ role }) => role === "user");
  const contents: Content[] = [];
  /** Older models take no image in a result: what their tools showed follows the results in a turn of its own. */
  const shown: Part[] = [];
  const add = (role: Content["role"], parts: readonly Part[], joins: boolean) => {
    const last = contents.at(-1);
    if (parts.length === 0) return;
    if (joins && last?.role === role) last.parts.push(...parts);
    else contents.push({ role, parts: [...parts] });
  };
  for (const [at, message] of paired.entries()) {
    if (message.role === "toolResult") {
      const { part, images } = resultOf(message, target);
      // Results of calls that were made together are one turn.
      add("user", [part], paired[at - 1]?.role === "toolResult");
      shown.push(...images);
      if (paired[at + 1]?.role !== "toolResult") {
        if (shown.length > 0) add("user", [{ text: "[Images from the tools]" }, ...shown.splice(0)], false);
      }
    } else if (message.role === "user") add("user", partsOf(message.content), false);
    else add("model", modelParts(message, isOwnMessage(message, target), at > lastUser && needsSignatures(target.model)), true);
  }
  // A conversation whose beginning was cut off may start with an answer, which the API refuses.
  if (contents[0]?.role === "model") contents.unshift({ role: "user", parts: [{ text: "[The beginning was left out.]" }] });
  return contents;
}

const inlineData = ({ mimeType, data }: ImageBlock | DocumentBlock): Part => ({ inlineData: { mimeType, data } });

const partsOf = (content: UserMessage["content"]): readonly Part[] =>
  blocksOf(content).flatMap((block): readonly Part[] => {
    if (block.type === "text") return block.text === "" ? [] : [{ text: block.text }];
    if (block.type === "document") return documentParts(block);
    return IMAGE_TYPES.has(block.mimeType)
      ? [inlineData(block)]
      : [{ text: `[An image of type ${block.mimeType}, which this model cannot read.]` }];
  });

/** The API has no place for a document's name but the text before it. */
function documentParts(block: DocumentBlock): readonly Part[] {
  if (block.mimeType !== "application/pdf") return [{ text: documentNote(block, "this model") }];
  return [...(block.name === undefined ? [] : [{ text: `[${block.name}]` }]), inlineData(block)];
}

function resultOf(
  { toolCallId, toolName, content, isError }: ToolResultMessage,
  { model }: Target,
): { part: Part; images: readonly Part[] } {
  const parts = partsOf(content);
  const text = parts.flatMap((part) => (part.text === undefined ? [] : [part.text])).join("\n");
  const images = parts.filter(({ inlineData: data }) => data !== undefined);
  const inside = needsSignatures(model) && images.length > 0;
  const said = text || (images.length > 0 ? "[See the image]" : "(no output)");
  return {
    part: {
      functionResponse: {
        id: vendorCallId(toolCallId),
        name: toolName,
        response: { [isError ? "error" : "output"]: said },
        ...(inside ? { parts: [...images] } : {}),
      },
    },
    images: inside ? [] : images,
  };
}

/** Signatures go back to the model that made them, on the part that carried them, and to no other model. */
function modelParts({ content }: AssistantMessage, own: boolean, proven: boolean): readonly Part[] {
  const parts: Part[] = [];
  let forCall: string | undefined;
  let called = false;
  for (const block of content) {
    if (block.type === "text") {
      if (block.text !== "") parts.push({ text: block.text });
    } else if (block.type === "thinking") {
      const proof = own && block.signature !== undefined ? readProof(block.signature) : undefined;
      if (proof?.on === "call") forCall = proof.signature;
      else if (proof)
        parts.push({ text: block.thinking, ...(proof.on === "thought" ? { thought: true } : {}), thoughtSignature: proof.signature });
    } else {
      // Of calls that were made together the first alone carries one.
      const signature = forCall ?? (proven && !called ? NOT_ITS_OWN : undefined);
      parts.push({
        functionCall: { id: vendorCallId(block.id), name: block.name, args: block.arguments },
        ...(signature === undefined ? {} : { thoughtSignature: signature }),
      });
      forCall = undefined;
      called = true;
    }
  }
  return parts;
}
