/** A `ModelRequest` as parameters of Chat Completions. How a model is told to think each vendor says in its own way, and adds itself. */
import type { ModelRequest } from "../contracts/provider.ts";
import type { AssistantMessage, DocumentBlock, ImageBlock, Message, TextBlock } from "../message.ts";
import { chatShape } from "./chat-shape.ts";
import type { CacheMark, ChatMessage, ChatPart } from "./chat-wire.ts";
import { isOwnMessage, pairToolCalls, vendorCallId } from "./conversation.ts";
import { dataUrl, fileName, imagesOf, partsOf, textOf } from "./parts.ts";

interface ChatTarget {
  readonly provider: string;
  readonly model: string;
  /** The vendor's way of speaking, as in the answer's head. */
  readonly api: string;
  /** What bounds an answer is called. */
  readonly limit: "max_tokens" | "max_completion_tokens";
  /** Models that reason refuse a temperature. */
  readonly reasons: boolean;
  /** Whether the vendor is to be told up to where the prompt stays the same. */
  readonly marksCache?: boolean;
}

/** What a thinking block's signature holds here: where its text came from, and a router's own records of it. */
export interface ThinkingProof {
  readonly field?: string;
  /** The vendor's proof of that text, which goes back with it. */
  readonly opaque?: string;
  readonly details?: readonly unknown[];
}

/** What is `undefined` is not sent. */
export function chatParams(request: ModelRequest, target: ChatTarget): object {
  const { maxOutputTokens, temperature, topP, tools } = request;
  const isWhole = request.whole === true;
  const messages = [...systemMessages(request, target), ...chatMessages(request.messages, target)];
  return {
    model: target.model,
    stream: isWhole ? undefined : true,
    stream_options: isWhole ? undefined : { include_usage: true },
    messages: target.marksCache ? withCacheMarks(messages) : messages,
    tools: tools.length === 0 ? undefined : tools.map(functionTool),
    [target.limit]: maxOutputTokens,
    temperature: target.reasons ? undefined : temperature,
    top_p: target.reasons ? undefined : topP,
    ...chatShape(request),
  };
}

const CACHE: CacheMark = { cache_control: { type: "ephemeral" } };

function systemMessages({ system }: ModelRequest, { marksCache }: ChatTarget): ChatMessage[] {
  const parts = system.filter(({ text }) => text !== "");
  if (parts.length === 0) return [];
  const stable = marksCache ? parts.findLastIndex(({ cache }) => cache === true) : -1;
  if (stable < 0) return [{ role: "system", content: parts.map(({ text }) => text).join("\n\n") }];
  return [{ role: "system", content: parts.map(({ text }, at) => ({ type: "text", text, ...(at === stable ? CACHE : {}) })) }];
}

/**
 * Behind the last two turns that are not the model's, so that this request reads what the one before wrote, and writes what the next will
 * read.
 */
function withCacheMarks(messages: readonly ChatMessage[]): ChatMessage[] {
  const isTurn = ({ role }: ChatMessage) => role === "user" || role === "tool";
  const ends = messages.flatMap((message, at) => {
    const next = messages[at + 1];
    return isTurn(message) && !(next && isTurn(next)) ? [at] : [];
  });
  return messages.map((message, at) => (ends.slice(-2).includes(at) ? marked(message) : message));
}

function marked(message: ChatMessage): ChatMessage {
  if (message.role === "tool" && typeof message.content === "string") {
    return { ...message, content: [{ type: "text", text: message.content, ...CACHE }] };
  }
  if (message.role !== "user") return message;
  const parts: ChatPart[] = typeof message.content === "string" ? [{ type: "text", text: message.content }] : message.content;
  return { role: "user", content: parts.map((part, at) => (at === parts.length - 1 ? { ...part, ...CACHE } : part)) };
}

const functionTool = ({ name, description, parameters, strict }: ModelRequest["tools"][number]) => ({
  type: "function" as const,
  function: { name, description, parameters: parameters as Record<string, unknown>, ...(strict === undefined ? {} : { strict }) },
});

function chatMessages(messages: readonly Message[], target: ChatTarget): ChatMessage[] {
  const paired = pairToolCalls(messages);
  const lastUser = paired.findLastIndex(({ role }) => role === "user");
  const found: ChatMessage[] = [];
  // A tool message holds text alone: what the tools showed follows their results as a message of its own.
  let shown: ImageBlock[] = [];
  const show = () => {
    if (shown.length > 0)
      found.push({ role: "user", content: [{ type: "text", text: "[Images from the tools]" }, ...shown.map(imagePart)] });
    shown = [];
  };
  for (const [at, message] of paired.entries()) {
    if (message.role !== "toolResult") show();
    if (message.role === "user") found.push(userMessage(message));
    else if (message.role === "assistant") {
      const own = isOwnMessage(message, target);
      found.push(assistantMessage(message, own, at > lastUser));
    } else {
      const images = imagesOf(message.content);
      const content = textOf(message.content) || (images.length > 0 ? "[See the image below]" : "(no output)");
      found.push({ role: "tool", tool_call_id: vendorCallId(message.toolCallId), content });
      shown.push(...images);
    }
  }
  show();
  return found;
}

const imagePart = (image: ImageBlock) => ({ type: "image_url" as const, image_url: { url: dataUrl(image) } });

const userMessage = ({ content }: Extract<Message, { role: "user" }>): ChatMessage =>
  partsOf(content).every(({ type }) => type === "text")
    ? { role: "user", content: textOf(content) }
    : { role: "user", content: partsOf(content).map(userPart) };

function userPart(part: TextBlock | ImageBlock | DocumentBlock): ChatPart {
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type === "image") return imagePart(part);
  return { type: "file", file: { filename: fileName(part), file_data: dataUrl(part) } };
}

function assistantMessage({ content }: AssistantMessage, own: boolean, inLoop: boolean): ChatMessage {
  const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
  const calls = content.flatMap((block) =>
    block.type === "toolCall"
      ? [
          {
            type: "function" as const,
            id: vendorCallId(block.id),
            function: { name: block.name, arguments: JSON.stringify(block.arguments) },
          },
        ]
      : [],
  );
  return {
    role: "assistant",
    content: text === "" && calls.length > 0 ? null : text,
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(own ? thinkingBack(content, inLoop) : {}),
  };
}

/** Records and proofs are wanted back always; a text of thinking alone only while the tools of the same turn run. */
function thinkingBack(content: AssistantMessage["content"], inLoop: boolean): object {
  const details: unknown[] = [];
  let plain: object = {};
  for (const block of content) {
    if (block.type !== "thinking" || block.signature === undefined) continue;
    const proof = readProof(block.signature);
    details.push(...(proof.details ?? []));
    const text = proof.field === undefined ? {} : { [proof.field]: block.thinking };
    if (proof.opaque !== undefined) plain = { ...text, reasoning_opaque: proof.opaque };
    else if (proof.field !== undefined && inLoop) plain = text;
  }
  return details.length > 0 ? { reasoning_details: details } : plain;
}

function readProof(signature: string): ThinkingProof {
  try {
    return JSON.parse(signature) as ThinkingProof;
  } catch {
    // silent-ok: a signature of an older version is not given back
    return {};
  }
}
