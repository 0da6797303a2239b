/** A `ModelRequest` as the input of Converse, with at most four cache points. */
import type {
  ContentBlock,
  Message as ConverseMessage,
  ConverseStreamCommandInput,
  ImageFormat,
  SystemContentBlock,
  Tool,
  ToolResultContentBlock,
} from "@aws-sdk/client-bedrock-runtime";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, Message, UserMessage } from "@pincer/plugin-sdk/message";
import { isOwnMessage, pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import { formatParams, jsonInstruction, mustCall, offersTools, parallelFields, toolChoiceOf } from "./answer-shape.ts";
import type { Access } from "./endpoints.ts";
import type { Abilities } from "./families.ts";
import { thinkingParams } from "./thinking.ts";

export const API = "bedrock-converse";

type Target = { readonly provider: string; readonly model: string; readonly api: string };
type Fields = NonNullable<ConverseStreamCommandInput["additionalModelRequestFields"]>;

const CACHE = { cachePoint: { type: "default" as const } };
const IMAGE_FORMATS: Readonly<Record<string, ImageFormat>> = {
  "image/jpeg": "jpeg",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
};

export interface RequestOptions {
  readonly target: Target;
  readonly abilities: Abilities;
  readonly maxOutputTokens: number;
  readonly guardrail: Access["guardrail"];
}

export function converseInput(request: ModelRequest, options: RequestOptions): ConverseStreamCommandInput {
  const { target, abilities, guardrail } = options;
  // Bedrock takes up a great bound against the account's quota before the first word: other models keep to their own.
  const ceiling = request.maxOutputTokens ?? (abilities.isClaude ? options.maxOutputTokens : undefined);
  const maxTokens = Math.min(ceiling ?? options.maxOutputTokens, abilities.maxOutputTokens ?? Number.POSITIVE_INFINITY);
  const paired = pairToolCalls(request.messages);
  // What was called has to be described there too, or be told in words.
  const messages = offersTools(request) ? paired : paired.map(inWords);
  const interrupted = endsWithoutThinking(messages, target);
  const { fields, effort, isUnbounded } = thinkingParams(request.thinking, abilities, {
    maxTokens,
    interrupted,
    forced: mustCall(request),
  });
  const extra = { ...fields, ...parallelFields(request, abilities) };
  const output = { ...formatParams(request), ...(effort === undefined ? {} : { effort }) };
  return {
    modelId: target.model,
    ...systemParams(request, abilities),
    ...toolParams(request, abilities),
    messages: cachedTurns(turns(messages, target), abilities),
    inferenceConfig: {
      ...(ceiling === undefined || isUnbounded ? {} : { maxTokens }),
      ...samplingParams(request, abilities),
      ...stopParams(request),
    },
    ...(Object.keys(extra).length === 0 ? {} : { additionalModelRequestFields: extra as Fields }),
    ...(Object.keys(output).length === 0 ? {} : { outputConfig: output }),
    ...(guardrail === undefined ? {} : { guardrailConfig: guardrailParams(guardrail) }),
  };
}

const guardrailParams = ({ id, version, mode }: NonNullable<Access["guardrail"]>) => ({
  guardrailIdentifier: id,
  guardrailVersion: version,
  ...(mode === undefined ? {} : { streamProcessingMode: mode }),
});

/** Claude takes none of it beside thinking, and its newer models none at all. */
const samplingParams = ({ temperature, topP }: ModelRequest, { isClaude }: Abilities) =>
  isClaude ? {} : { ...(temperature === undefined ? {} : { temperature }), ...(topP === undefined ? {} : { topP }) };

function stopParams({ stop }: ModelRequest): { readonly stopSequences?: string[] } {
  // A sequence of blanks alone is refused there.
  const stopSequences = stop?.filter((text) => text.trim() !== "") ?? [];
  return stopSequences.length === 0 ? {} : { stopSequences };
}

/** The point stands behind the last part that stays the same; what follows it may change with every turn. */
function systemParams(request: ModelRequest, { caches }: Abilities): { readonly system?: SystemContentBlock[] } {
  const parts: ModelRequest["system"] = [...request.system.filter(({ text }) => text.trim() !== ""), ...jsonInstruction(request)];
  if (parts.length === 0) return {};
  const stable = caches.includes("system") ? parts.findLastIndex(({ cache }) => cache === true) : -1;
  return { system: parts.flatMap(({ text }, at): SystemContentBlock[] => (at === stable ? [{ text }, CACHE] : [{ text }])) };
}

function toolParams(request: ModelRequest, { caches }: Abilities): Pick<ConverseStreamCommandInput, "toolConfig"> {
  if (!offersTools(request)) return {};
  const tools = request.tools.map(({ name, description, parameters, strict }): Tool => {
    const json = { ...(parameters as object), type: "object" } as Fields;
    // An empty description is refused there.
    return { toolSpec: { name, description: description || name, inputSchema: { json }, ...(strict === undefined ? {} : { strict }) } };
  });
  return { toolConfig: { tools: caches.includes("tools") ? [...tools, CACHE] : tools, ...toolChoiceOf(request) } };
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
  if (message.role === "user") return partsOf(message.content);
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

type Part = Extract<ToolResultContentBlock, { text: string } | { image: object }>;

function partsOf(content: UserMessage["content"]): Part[] {
  const parts = typeof content === "string" ? [{ type: "text" as const, text: content }] : content;
  return parts.flatMap((part): Part[] => {
    if (part.type === "text") return part.text.trim() === "" ? [] : [{ text: part.text }];
    const format = IMAGE_FORMATS[part.mimeType];
    if (!format) return [{ text: `[An image of type ${part.mimeType}, which this model cannot read.]` }];
    return [{ image: { format, source: { bytes: Buffer.from(part.data, "base64") } } }];
  });
}

/** Thinking goes back to the model that signed it, and to no other. */
function assistantBlocks(message: AssistantMessage, own: boolean): ContentBlock[] {
  return message.content.flatMap((block): ContentBlock[] => {
    if (block.type === "text") return block.text.trim() === "" ? [] : [{ text: block.text }];
    if (block.type === "toolCall")
      return [{ toolUse: { toolUseId: vendorCallId(block.id), name: block.name, input: block.arguments as Fields } }];
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
