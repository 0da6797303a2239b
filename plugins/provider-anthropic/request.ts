/** A `ModelRequest` as parameters of the Messages API, with at most four cache breakpoints. */
import type Anthropic from "@anthropic-ai/sdk";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, DocumentBlock, ImageBlock, Message, TextBlock, UserMessage } from "@pincer/plugin-sdk/message";
import { isOwnMessage, pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import { documentNote } from "@pincer/plugin-sdk/provider/readable";
import { callInstruction, formatParams, jsonInstruction, mustCall, shapeParams } from "./answer-shape.ts";
import { type Abilities, isForcible, thinkingParams } from "./thinking.ts";

export const API = "anthropic-messages";

type Params = Anthropic.MessageCreateParamsStreaming;
type Block = Anthropic.ContentBlockParam;
type Target = { readonly provider: string; readonly model: string; readonly api: string };

const CACHE = { cache_control: { type: "ephemeral" as const } };
const IMAGE_TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp"] as const;

export function messageParams(request: ModelRequest, target: Target, abilities: Abilities, maxOutputTokens: number): Params {
  const ceiling = request.maxOutputTokens ?? maxOutputTokens;
  const maxTokens = Math.min(ceiling, abilities.maxOutputTokens ?? ceiling);
  const messages = pairToolCalls(request.messages);
  const forcible = isForcible(abilities);
  const { output_config, ...thinking } = thinkingParams(request.thinking, abilities, {
    maxTokens,
    interrupted: endsWithoutThinking(messages, target),
    forced: forcible && mustCall(request),
  });
  const output = { ...output_config, ...formatParams(request) };
  return {
    model: target.model,
    max_tokens: maxTokens,
    stream: true,
    ...systemParams(request, forcible),
    ...(request.tools.length === 0 ? {} : { tools: toolParams(request.tools) }),
    messages: cachedTurns(turns(messages, target)),
    ...thinking,
    ...(Object.keys(output).length === 0 ? {} : { output_config: output }),
    ...shapeParams(request, forcible),
    ...(request.cacheKey === undefined ? {} : { metadata: { user_id: request.cacheKey } }),
  };
}

/** The breakpoint stands behind the last part that stays the same; what follows it may change with every turn. */
function systemParams(request: ModelRequest, forcible: boolean): Pick<Params, "system"> {
  const parts: ModelRequest["system"] = [
    ...request.system.filter(({ text }) => text !== ""),
    ...jsonInstruction(request),
    ...callInstruction(request, forcible),
  ];
  if (parts.length === 0) return {};
  const stable = parts.findLastIndex(({ cache }) => cache === true);
  return { system: parts.map(({ text }, at) => ({ type: "text", text, ...(at === stable ? CACHE : {}) })) };
}

const toolParams = (tools: ModelRequest["tools"]): Anthropic.Tool[] =>
  tools.map(({ name, description, parameters, strict }, at) => ({
    name,
    description,
    input_schema: { ...(parameters as object), type: "object" },
    ...(strict === undefined ? {} : { strict }),
    ...(at === tools.length - 1 ? CACHE : {}),
  }));

interface Turn {
  readonly role: "user" | "assistant";
  readonly content: Block[];
}

/** Messages of one side that follow one another become one turn, as the API reads them anyway. */
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
  if (found[0]?.role === "assistant") found.unshift({ role: "user", content: [{ type: "text", text: "[The beginning was left out.]" }] });
  return found;
}

function blocksOf(message: Message, target: Target): Block[] {
  if (message.role === "assistant") return assistantBlocks(message, isOwnMessage(message, target));
  if (message.role === "user") return partsOf(message.content);
  const { toolCallId, content, isError } = message;
  return [
    {
      type: "tool_result",
      tool_use_id: vendorCallId(toolCallId),
      content: partsOf(content),
      ...(isError ? { is_error: true } : {}),
    },
  ];
}

type Part = Anthropic.TextBlockParam | Anthropic.ImageBlockParam | Anthropic.DocumentBlockParam;

function partsOf(content: UserMessage["content"]): Part[] {
  const parts: readonly (TextBlock | ImageBlock | DocumentBlock)[] =
    typeof content === "string" ? [{ type: "text", text: content }] : content;
  return parts.flatMap((part): Part[] => {
    if (part.type === "text") return part.text.trim() === "" ? [] : [{ type: "text", text: part.text }];
    if (part.type === "document") return [documentPart(part)];
    const mediaType = IMAGE_TYPES.find((known) => known === part.mimeType);
    if (!mediaType) return [{ type: "text", text: `[An image of type ${part.mimeType}, which this model cannot read.]` }];
    return [{ type: "image", source: { type: "base64", media_type: mediaType, data: part.data } }];
  });
}

function documentPart({ mimeType, data, name }: DocumentBlock): Part {
  if (mimeType !== "application/pdf") return { type: "text", text: documentNote({ mimeType, name }, "this model") };
  return {
    type: "document",
    source: { type: "base64", media_type: mimeType, data },
    ...(name === undefined ? {} : { title: name }),
  };
}

/** Thinking goes back to the model that signed it, and to no other. */
function assistantBlocks(message: AssistantMessage, own: boolean): Block[] {
  return message.content.flatMap((block): Block[] => {
    if (block.type === "text") return block.text.trim() === "" ? [] : [{ type: "text", text: block.text }];
    if (block.type === "toolCall") return [{ type: "tool_use", id: vendorCallId(block.id), name: block.name, input: block.arguments }];
    if (!own || block.signature === undefined) return [];
    return block.redacted === true
      ? [{ type: "redacted_thinking", data: block.signature }]
      : [{ type: "thinking", thinking: block.thinking, signature: block.signature }];
  });
}

/** The last two turns of the user, so that this request reads what the one before wrote, and writes what the next will read. */
function cachedTurns(all: readonly Turn[]): Anthropic.MessageParam[] {
  const users = all.flatMap(({ role }, at) => (role === "user" ? [at] : [])).slice(-2);
  return all.map(({ role, content }, at) => ({
    role,
    content: users.includes(at) ? content.map((block, part) => (part === content.length - 1 ? { ...block, ...CACHE } : block)) : content,
  }));
}

function endsWithoutThinking(messages: readonly Message[], target: Target): boolean {
  if (messages.at(-1)?.role !== "toolResult") return false;
  const last = messages.findLast((message) => message.role === "assistant");
  return last?.role === "assistant" && assistantBlocks(last, isOwnMessage(last, target))[0]?.type.includes("thinking") !== true;
}
