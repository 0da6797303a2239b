/** A `ModelRequest` as Ollama's `/api/chat` takes it. */
import type { ModelRequest, Thinking } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, Message } from "@pincer/plugin-sdk/message";
import { isOwnMessage, pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import { imagesOf, textOf } from "@pincer/plugin-sdk/provider/parts";
import { contextOf, type OllamaModel } from "./library.ts";

export const CHAT_API = "ollama-chat";

/** Which words for thinking a server knows: all of them, those before `max` was one, or only whether. */
export type KnownLevels = "all" | "before-max" | "switch";

export interface Target {
  readonly provider: string;
  readonly model: string;
  /** `undefined` when the server says nothing of it. */
  readonly known: OllamaModel | undefined;
  readonly contextLength: number;
  readonly keepAliveMs: number | undefined;
  readonly levels: KnownLevels;
}

interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  readonly thinking?: string;
  readonly images?: readonly string[];
  readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string; readonly arguments: object } }[];
  readonly tool_name?: string;
  readonly tool_call_id?: string;
}

/** What would change the answer's shape, and cannot be asked for here; `undefined`: nothing. */
export function unaskable({ toolChoice }: ModelRequest): string | undefined {
  if (toolChoice === undefined || toolChoice === "auto" || toolChoice === "none") return undefined;
  return "Ollama cannot make a model call a tool: leave toolChoice out, or say auto or none";
}

export function chatParams(request: ModelRequest, target: Target): object {
  const { tools, toolChoice, responseFormat, logprobs } = request;
  const { keepAliveMs } = target;
  return {
    model: target.model,
    stream: request.whole !== true,
    messages: [...systemMessages(request), ...chatMessages(request.messages, target)],
    // Without these the beginning of a long conversation is left out, and nobody told.
    truncate: false,
    shift: false,
    ...(tools.length === 0 || toolChoice === "none" ? {} : { tools: tools.map(functionTool) }),
    ...(responseFormat === undefined ? {} : { format: responseFormat.type === "json" ? "json" : responseFormat.schema }),
    ...thinkParam(request, target),
    ...(logprobs === undefined ? {} : { logprobs: true, ...(logprobs === 0 ? {} : { top_logprobs: Math.min(logprobs, 20) }) }),
    ...(keepAliveMs === undefined ? {} : { keep_alive: keepAliveMs < 0 ? -1 : `${keepAliveMs}ms` }),
    options: options(request, target),
  };
}

function options({ maxOutputTokens, temperature, topP, stop, seed, presencePenalty, frequencyPenalty }: ModelRequest, target: Target) {
  const length = target.known === undefined ? undefined : contextOf(target.known, target.contextLength).ask;
  return {
    ...(length === undefined ? {} : { num_ctx: length }),
    ...(maxOutputTokens === undefined ? {} : { num_predict: maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { top_p: topP }),
    ...(stop === undefined ? {} : { stop: [...stop] }),
    ...(seed === undefined ? {} : { seed }),
    ...(presencePenalty === undefined ? {} : { presence_penalty: presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequency_penalty: frequencyPenalty }),
  };
}

const LEVELS: Readonly<Record<Thinking, "low" | "medium" | "high" | "max" | false>> = {
  off: false,
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "max",
};

/** A model that cannot think is not told how to: the server refuses that. */
function thinkParam({ thinking, messages }: ModelRequest, { known, levels }: Target): object {
  if (known?.thinking !== true) return {};
  const isContinued = messages.at(-1)?.role === "assistant";
  // Behind an unfinished text there is no place for a thought.
  if (isContinued && !known.alwaysThinks) return { think: false };
  if (thinking === undefined) return {};
  const level = LEVELS[thinking];
  if (known.alwaysThinks) return { think: level === false ? "low" : level === "max" ? "high" : level };
  if (levels === "switch") return { think: level !== false };
  return { think: level === "max" && levels === "before-max" ? "high" : level };
}

function systemMessages({ system }: ModelRequest): ChatMessage[] {
  const content = system.flatMap(({ text }) => (text === "" ? [] : [text])).join("\n\n");
  return content === "" ? [] : [{ role: "system", content }];
}

const functionTool = ({ name, description, parameters }: ModelRequest["tools"][number]) => ({
  type: "function",
  function: { name, description, parameters: { ...(parameters as object), type: "object" } },
});

function chatMessages(messages: readonly Message[], target: Target): ChatMessage[] {
  const paired = pairToolCalls(messages);
  const lastUser = paired.findLastIndex(({ role }) => role === "user");
  const found: ChatMessage[] = [];
  // Not every model's template shows images of a tool: they follow the results as a message of their own.
  let shown: string[] = [];
  const show = () => {
    if (shown.length > 0) found.push({ role: "user", content: "[Images from the tools]", images: shown });
    shown = [];
  };
  for (const [at, message] of paired.entries()) {
    if (message.role !== "toolResult") show();
    if (message.role === "user") {
      const images = imagesOf(message.content).map(({ data }) => data);
      found.push({ role: "user", content: textOf(message.content), ...(images.length === 0 ? {} : { images }) });
    } else if (message.role === "assistant") {
      const own = isOwnMessage(message, { provider: target.provider, model: target.model, api: CHAT_API });
      found.push(assistantMessage(message, own && at > lastUser));
    } else {
      const images = imagesOf(message.content).map(({ data }) => data);
      const content = textOf(message.content) || (images.length > 0 ? "[See the image below]" : "(no output)");
      found.push({ role: "tool", content, tool_name: message.toolName, tool_call_id: vendorCallId(message.toolCallId) });
      shown.push(...images);
    }
  }
  show();
  return found;
}

/** What a model thought is wanted back only while the tools of the same turn run. */
function assistantMessage({ content }: AssistantMessage, withThinking: boolean): ChatMessage {
  const text = content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("");
  const thinking = content.flatMap((block) => (withThinking && block.type === "thinking" ? [block.thinking] : [])).join("\n\n");
  const calls = content.flatMap((block) =>
    block.type === "toolCall" ? [{ id: vendorCallId(block.id), function: { name: block.name, arguments: block.arguments } }] : [],
  );
  return {
    role: "assistant",
    content: text,
    ...(thinking === "" ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}
