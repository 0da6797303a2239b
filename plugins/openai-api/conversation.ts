/** A conversation as either API carries it, and what a model and an agent are given of it. */
import type { AssistantMessage, DocumentBlock, ImageBlock, Message, TextBlock } from "@pincer/plugin-sdk/message";
import { INVALID_ARGUMENTS } from "@pincer/plugin-sdk/provider/answer";
import { isTooDeep } from "./body.ts";
import { badRequest } from "./failure.ts";
import { type FetchedImages, isAddress } from "./remote-images.ts";

export interface FilePart {
  readonly type: "file";
  readonly mimeType: string;
  /** Base64. */
  readonly data: string;
  readonly fileName?: string;
  /** The parameter that holds it. */
  readonly param: string;
}
export type Part = TextBlock | FilePart;

export type Turn =
  | { readonly role: "user"; readonly parts: readonly Part[] }
  | { readonly role: "assistant"; readonly content: AssistantMessage["content"]; readonly from?: Origin }
  | { readonly role: "tool"; readonly callId: string; readonly parts: readonly Part[] };

/** Whose thinking an answer holds: its signatures are of use to that model alone. */
export interface Origin {
  readonly provider: string;
  readonly model: string;
  readonly api: string;
}

export interface Conversation {
  readonly system: readonly string[];
  readonly turns: readonly Turn[];
}

/** A file's type and what it says of itself, before its content. */
const longestHead = 1_000;
const dataUrl = /^data:([^;,]*)(?:;[^;,]+)*;base64,/i;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Throws unless it is base64 in a `data:` URL; bare base64 is taken where the type is known already. */
export function fileOf(given: string, param: string, known: { readonly mimeType?: string; readonly fileName?: string } = {}): FilePart {
  const url = dataUrl.exec(given.slice(0, longestHead));
  if (url === null && known.mimeType === undefined) {
    const hint = isAddress(given) ? "what it leads to is not fetched; " : "";
    throw badRequest(`Invalid value for '${param}': ${hint}send the file itself, as 'data:<type>;base64,<data>'.`, param, "invalid_value");
  }
  const data = url === null ? given : given.slice(url[0].length);
  if (!base64.test(data)) throw badRequest(`Invalid value for '${param}': expected base64.`, param, "invalid_base64");
  const mimeType = (url?.[1] || known.mimeType || "application/octet-stream").toLowerCase();
  return { type: "file", mimeType, data, param, ...(known.fileName === undefined ? {} : { fileName: known.fileName }) };
}

/** As `fileOf`; one that was named by its address is what was fetched from there. */
export function imageOf(given: string, param: string, images: FetchedImages): FilePart {
  const found = images.get(given);
  return found === undefined ? fileOf(given, param) : { type: "file", ...found, param };
}

const endings: Readonly<Record<string, string>> = {
  pdf: "application/pdf",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  json: "application/json",
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
};
/** What a file's name says of its type. */
export const typeOfName = (name: string): string => endings[name.slice(name.lastIndexOf(".") + 1).toLowerCase()] ?? "text/plain";

const textual = /^(text\/|application\/(json|xml|x-yaml|yaml|toml|javascript|x-sh|sql|csv)\b|.*\+(json|xml)$)/;

function blockOf(part: Part, fileChars: number): TextBlock | ImageBlock | DocumentBlock {
  if (part.type === "text") return part;
  const { mimeType, data, fileName, param } = part;
  if (mimeType.startsWith("image/")) return { type: "image", mimeType, data };
  if (mimeType === "application/pdf") return { type: "document", mimeType, data, ...(fileName === undefined ? {} : { name: fileName }) };
  if (!textual.test(mimeType)) {
    const what = `a provider's model is given images, PDFs and text files; ${mimeType} is none of them. An agent (model "pincer/default") takes more`;
    throw badRequest(`Unsupported file in '${param}': ${what}.`, param, "unsupported_file");
  }
  const text = new TextDecoder().decode(Buffer.from(data, "base64"));
  if (text.length > fileChars)
    throw badRequest(`The file in '${param}' has ${text.length} characters; at most ${fileChars} are taken.`, param, "file_too_large");
  return { type: "text", text: `[attached: ${fileName ?? "a file"} (${mimeType})]\n${text}` };
}

function shownByTool(part: Part, fileChars: number): TextBlock | ImageBlock {
  const block = blockOf(part, fileChars);
  if (block.type !== "document") return block;
  const param = part.type === "file" ? part.param : "";
  throw badRequest(
    `Unsupported file in '${param}': a tool answers with text and images; send the PDF as the user's.`,
    param,
    "unsupported_file",
  );
}

interface ModelContext {
  readonly now: number;
  readonly fileChars: number;
  /** What an earlier response holds. */
  readonly before?: readonly Message[];
}

export function modelMessages(turns: readonly Turn[], { now, fileChars, before = [] }: ModelContext): Message[] {
  const names = new Map<string, string>();
  const note = (content: AssistantMessage["content"]) => {
    for (const block of content) if (block.type === "toolCall") names.set(block.id, block.name);
  };
  for (const message of before) if (message.role === "assistant") note(message.content);
  const added = turns.map((turn): Message => {
    if (turn.role === "assistant") {
      note(turn.content);
      return { role: "assistant", content: [...turn.content], timestamp: now, ...turn.from };
    }
    if (turn.role === "user") {
      const blocks = turn.parts.map((part) => blockOf(part, fileChars));
      const only = blocks.length === 1 ? blocks[0] : undefined;
      return { role: "user", content: only?.type === "text" ? only.text : blocks, timestamp: now };
    }
    const { callId: toolCallId } = turn;
    const content = turn.parts.map((part) => shownByTool(part, fileChars));
    return { role: "toolResult", toolCallId, toolName: names.get(toolCallId) ?? "", content, isError: false, timestamp: now };
  });
  return [...before, ...added];
}

/** A model is asked something by somebody: where there are only instructions, the last of them is what it is asked. */
export function asked({ system, turns }: Conversation): Conversation {
  const last = system.at(-1);
  if (turns.length > 0 || last === undefined) return { system, turns };
  return { system: system.slice(0, -1), turns: [{ role: "user", parts: [{ type: "text", text: last }] }] };
}

/** Arguments as the caller wrote them: JSON that is no object, or too deep, is kept for its tool to refuse. */
export function parseArguments(json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json.trim() === "" ? "{}" : json);
    if (typeof value === "object" && value !== null && !Array.isArray(value) && !isTooDeep(value)) return value as Record<string, unknown>;
  } catch {
    // silent-ok: it is kept as it is
  }
  return { [INVALID_ARGUMENTS]: json };
}

export const argumentsText = (given: Readonly<Record<string, unknown>>): string => {
  const invalid = given[INVALID_ARGUMENTS];
  return typeof invalid === "string" ? invalid : JSON.stringify(given);
};
