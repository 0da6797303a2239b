/** A `ModelRequest` as parameters of Chat Completions, in the dialect of the server at hand. */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, DocumentBlock, ImageBlock, Message, TextBlock } from "@pincer/plugin-sdk/message";
import { isOwnMessage, pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import type { ChatCompletionContentPart, ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { chatShape } from "./answer-shape.ts";
import { type Effort, effortFor } from "./effort.ts";
import { dataUrl, fileName, imagesOf, partsOf, textOf } from "./parts.ts";

export const CHAT_API = "openai-chat";

export interface ChatTarget {
  readonly provider: string;
  readonly model: string;
  /** Whose way of naming things: OpenAI's own, OpenRouter's, or what all the others have in common. */
  readonly dialect: "openai" | "openrouter" | "common";
  /** Efforts that the model takes; absent: it is not told how to think. */
  readonly efforts?: readonly Effort[] | undefined;
}

/** What a thinking block's signature holds here: where its text came from, and a router's own records of it. */
export interface ThinkingProof {
  readonly field?: string;
  readonly details?: readonly unknown[];
}

/** What is `undefined` is not sent. */
export function chatParams(request: ModelRequest, target: ChatTarget): object {
  const { maxOutputTokens, temperature, topP, cacheKey, tools } = request;
  const isVendors = target.dialect === "openai";
  const reasons = target.efforts !== undefined;
  const isWhole = request.whole === true;
  return {
    model: target.model,
    stream: isWhole ? undefined : true,
    stream_options: isWhole ? undefined : { include_usage: true },
    messages: [...systemMessages(request), ...chatMessages(request.messages, target)],
    tools: tools.length === 0 ? undefined : tools.map(functionTool),
    [isVendors ? "max_completion_tokens" : "max_tokens"]: maxOutputTokens,
    temperature: reasons ? undefined : temperature,
    top_p: reasons ? undefined : topP,
    ...chatShape(request),
    ...thinkingParams(request, target),
    prompt_cache_key: isVendors ? cacheKey : undefined,
  };
}

function thinkingParams({ thinking }: ModelRequest, { dialect, efforts }: ChatTarget): object {
  if (thinking === undefined) return {};
  // Some models behind a router must think, and refuse to be told not to.
  if (dialect === "openrouter") return thinking === "off" ? {} : { reasoning: { effort: thinking } };
  return efforts === undefined ? {} : { reasoning_effort: effortFor(thinking, efforts) };
}

function systemMessages({ system }: ModelRequest): ChatCompletionMessageParam[] {
  const content = system.flatMap(({ text }) => (text === "" ? [] : [text])).join("\n\n");
  return content === "" ? [] : [{ role: "system", content }];
}

const functionTool = ({ name, description, parameters, strict }: ModelRequest["tools"][number]) => ({
  type: "function" as const,
  function: { name, description, parameters: parameters as Record<string, unknown>, ...(strict === undefined ? {} : { strict }) },
});

function chatMessages(messages: readonly Message[], target: ChatTarget): ChatCompletionMessageParam[] {
  const paired = pairToolCalls(messages);
  const lastUser = paired.findLastIndex(({ role }) => role === "user");
  const found: ChatCompletionMessageParam[] = [];
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
      const own = isOwnMessage(message, { provider: target.provider, model: target.model, api: CHAT_API });
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

const userMessage = ({ content }: Extract<Message, { role: "user" }>): ChatCompletionMessageParam =>
  partsOf(content).every(({ type }) => type === "text")
    ? { role: "user", content: textOf(content) }
    : { role: "user", content: partsOf(content).map(userPart) };

function userPart(part: TextBlock | ImageBlock | DocumentBlock): ChatCompletionContentPart {
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type === "image") return imagePart(part);
  return { type: "file", file: { filename: fileName(part), file_data: dataUrl(part) } };
}

function assistantMessage({ content }: AssistantMessage, own: boolean, inLoop: boolean): ChatCompletionMessageParam {
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

/** A router wants its records back always; a text of thinking is wanted back only while the tools of the same turn run. */
function thinkingBack(content: AssistantMessage["content"], inLoop: boolean): object {
  const details: unknown[] = [];
  let plain: object = {};
  for (const block of content) {
    if (block.type !== "thinking" || block.signature === undefined) continue;
    const proof = readProof(block.signature);
    details.push(...(proof.details ?? []));
    if (proof.field !== undefined && inLoop) plain = { [proof.field]: block.thinking };
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
