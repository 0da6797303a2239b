/** A conversation as turns of Converse, with what the API allows in them and what it does not. */
import type {
  ContentBlock,
  Message as ConverseMessage,
  DocumentFormat,
  ImageFormat,
  ToolResultContentBlock,
  ToolUseBlock,
} from "@aws-sdk/client-bedrock-runtime";
import type { AssistantMessage, DocumentBlock, Message, UserMessage } from "@pincer/plugin-sdk/message";
import { isOwnMessage, pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import { documentNote } from "@pincer/plugin-sdk/provider/readable";
import type { Abilities } from "./families.ts";

export interface Target {
  readonly provider: string;
  readonly model: string;
  readonly api: string;
}

export const CACHE = { cachePoint: { type: "default" as const } };
const IMAGE_FORMATS: Readonly<Record<string, ImageFormat>> = {
  "image/jpeg": "jpeg",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
};
const DOCUMENT_FORMATS: Readonly<Record<string, DocumentFormat>> = {
  "application/pdf": "pdf",
  "text/csv": "csv",
  "text/html": "html",
  "text/markdown": "md",
  "text/plain": "txt",
  "application/msword": "doc",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
};

export interface Conversation {
  readonly messages: ConverseMessage[];
  /** The last answer has no thinking of this model before its tool calls. */
  readonly interrupted: boolean;
}

/** `hasTools`: the request offers some. What was called has to be described in it, or be told in words. */
export function conversationOf(all: readonly Message[], target: Target, abilities: Abilities, hasTools: boolean): Conversation {
  const paired = pairToolCalls(all);
  const messages = hasTools ? paired : paired.map(inWords);
  return {
    messages: cachedTurns(named(turns(messages, target)), abilities),
    interrupted: endsWithoutThinking(messages, target),
  };
}

interface Turn {
  readonly role: "user" | "assistant";
  readonly content: ContentBlock[];
}

/** Messages of one side that follow one another become one turn: the API refuses two. */
function turns(messages: readonly Message[], target: Target): Turn[] {
  const found: Turn[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const content = blocksOf(message, target);
    if (content.length === 0) continue;
    const last = found.at(-1);
    if (last?.role === role) last.content.push(...content);
    else found.push({ role, content });
  }
  // A conversation whose beginning was cut off may start with an answer, which the API refuses.
  if (found[0]?.role === "assistant") found.unshift({ role: "user", content: [{ text: "[The beginning was left out.]" }] });
  return found;
}

function blocksOf(message: Message, target: Target): ContentBlock[] {
  if (message.role === "assistant") return assistantBlocks(message, isOwnMessage(message, target));
  if (message.role === "user") return withWords(partsOf(message.content));
  const { toolCallId, content, isError } = message;
  const parts = partsOf(content);
  return [
    {
      toolResult: {
        toolUseId: vendorCallId(toolCallId),
        content: parts.length === 0 ? [{ text: "(nothing)" }] : parts,
        ...(isError ? { status: "error" } : {}),
      },
    },
  ];
}

type Part = Extract<ToolResultContentBlock, { text: string } | { image: object } | { document: object }>;

function partsOf(content: UserMessage["content"]): Part[] {
  const parts = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  return parts.flatMap((part): Part[] => {
    if (part.type === "text") return part.text.trim() === "" ? [] : [{ text: part.text }];
    if (part.type === "document") return [documentPart(part)];
    const format = IMAGE_FORMATS[part.mimeType];
    if (!format) return [{ text: `[An image of type ${part.mimeType}, which this model cannot read.]` }];
    return [{ image: { format, source: { bytes: Buffer.from(part.data, "base64") } } }];
  });
}

function documentPart({ mimeType, data, name }: DocumentBlock): Part {
  const format = DOCUMENT_FORMATS[mimeType];
  if (!format) return { text: documentNote({ mimeType, name }, "this model") };
  return { document: { format, name: name ?? "document", source: { bytes: Buffer.from(data, "base64") } } };
}

/** A document alone is refused there. */
const withWords = (parts: readonly Part[]): Part[] =>
  parts.some(({ document }) => document) && !parts.some(({ text }) => text !== undefined)
    ? [{ text: "[A document.]" }, ...parts]
    : [...parts];

/** Few signs are allowed in a document's name, and no name twice in a request. */
function named(all: readonly Turn[]): readonly Turn[] {
  const taken = new Set<string>();
  const nameFor = (wanted: string) => {
    const name = wanted.replace(/[^A-Za-z0-9()[\]-]+/g, " ").trim() || "document";
    let free = name;
    for (let number = 2; taken.has(free); number++) free = `${name} (${number})`;
    taken.add(free);
    return free;
  };
  return all.map(({ role, content }) => ({
    role,
    content: content.map((block) =>
      block.document ? { document: { ...block.document, name: nameFor(block.document.name ?? "") } } : block,
    ),
  }));
}

/** Thinking goes back to the model that signed it, and to no other. */
function assistantBlocks(message: AssistantMessage, own: boolean): ContentBlock[] {
  return message.content.flatMap((block): ContentBlock[] => {
    if (block.type === "text") return block.text.trim() === "" ? [] : [{ text: block.text }];
    if (block.type === "toolCall")
      return [{ toolUse: { toolUseId: vendorCallId(block.id), name: block.name, input: block.arguments as ToolUseBlock["input"] } }];
    if (!own || block.signature === undefined) return [];
    if (block.redacted === true) return [{ reasoningContent: { redactedContent: Buffer.from(block.signature, "base64") } }];
    return [{ reasoningContent: { reasoningText: { text: block.thinking, signature: block.signature } } }];
  });
}

/** A call and its result as text, for a request that offers no tools. */
function inWords(message: Message): Message {
  if (message.role === "assistant") {
    const content = message.content.flatMap((block): AssistantMessage["content"] => {
      if (block.type === "toolCall") return [{ type: "text", text: `[Called ${block.name} with ${JSON.stringify(block.arguments)}]` }];
      return block.type === "text" ? [block] : [];
    });
    return { ...message, content };
  }
  if (message.role === "user") return message;
  const { toolName, isError, content, timestamp } = message;
  const said = isError ? `[${toolName} failed:]` : `[${toolName} returned:]`;
  return { role: "user", content: [{ type: "text", text: said }, ...content], timestamp };
}

/** The last two turns of the user, so that this request reads what the one before wrote, and writes what the next will read. */
function cachedTurns(all: readonly Turn[], { caches }: Abilities): ConverseMessage[] {
  const isMarked = ({ role, content }: Turn) =>
    role === "user" && caches.includes(content.at(-1)?.toolResult === undefined ? "messages" : "results");
  const users = all.flatMap((turn, at) => (isMarked(turn) ? [at] : [])).slice(-2);
  return all.map(({ role, content }, at) => ({ role, content: users.includes(at) ? [...content, CACHE] : content }));
}

function endsWithoutThinking(messages: readonly Message[], target: Target): boolean {
  if (messages.at(-1)?.role !== "toolResult") return false;
  const last = messages.findLast((message) => message.role === "assistant");
  return last?.role === "assistant" && assistantBlocks(last, isOwnMessage(last, target))[0]?.reasoningContent === undefined;
}
