/** A `ModelRequest` as parameters of the Responses API. Nothing is stored at the vendor: its encrypted thinking travels with the conversation. */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, Message, UserMessage } from "@pincer/plugin-sdk/message";
import { apiErrorOf } from "@pincer/plugin-sdk/provider/api-failure";
import { isOwnMessage, pairToolCalls, vendorCallId } from "@pincer/plugin-sdk/provider/conversation";
import { dataUrl, fileName, imagesOf, partsOf, textOf } from "@pincer/plugin-sdk/provider/parts";
import type {
  ResponseCreateParams,
  ResponseIncludable,
  ResponseInputContent,
  ResponseInputItem,
  ResponseReasoningItem,
} from "openai/resources/responses/responses";
import { responsesShape } from "./answer-shape.ts";
import { type Effort, effortFor } from "./effort.ts";

export const RESPONSES_API = "openai-responses";

interface ResponsesTarget {
  readonly provider: string;
  readonly model: string;
  /** Efforts that the model takes; absent: it does not reason. */
  readonly efforts?: readonly Effort[] | undefined;
  /** Whether readable summaries of its thinking may be asked for. */
  readonly summaries: boolean;
}

export function responsesParams(request: ModelRequest, target: ResponsesTarget): ResponseCreateParams {
  const { maxOutputTokens, temperature, topP, cacheKey, tools, system, thinking, logprobs } = request;
  const { efforts, summaries } = target;
  const include: ResponseIncludable[] = [
    ...(efforts === undefined ? [] : ["reasoning.encrypted_content" as const]),
    ...(logprobs === undefined ? [] : ["message.output_text.logprobs" as const]),
  ];
  const reasoning = efforts === undefined || thinking === undefined ? undefined : { effort: effortFor(thinking, efforts) };
  const instructions = system.flatMap(({ text }) => (text === "" ? [] : [text])).join("\n\n");
  return {
    model: target.model,
    ...(request.whole === true ? {} : { stream: true }),
    store: false,
    input: pairToolCalls(request.messages).flatMap((message) => inputItems(message, target)),
    ...(instructions === "" ? {} : { instructions }),
    ...(tools.length === 0 ? {} : { tools: tools.map(functionTool) }),
    ...(maxOutputTokens === undefined ? {} : { max_output_tokens: maxOutputTokens }),
    ...(temperature === undefined || efforts !== undefined ? {} : { temperature }),
    ...(topP === undefined || efforts !== undefined ? {} : { top_p: topP }),
    ...responsesShape(request),
    ...(reasoning === undefined
      ? {}
      : { reasoning: { ...reasoning, ...(summaries && thinking !== "off" ? { summary: "auto" as const } : {}) } }),
    ...(include.length === 0 ? {} : { include }),
    ...(cacheKey === undefined ? {} : { prompt_cache_key: cacheKey }),
  };
}

/** Schemas are used as they are unless it is asked for: the strict mode makes every optional argument required. */
const functionTool = ({ name, description, parameters, strict = false }: ModelRequest["tools"][number]) => ({
  type: "function" as const,
  name,
  description,
  parameters: parameters as Record<string, unknown>,
  strict,
});

const inputParts = (content: UserMessage["content"]): ResponseInputContent[] =>
  partsOf(content).map((part) => {
    if (part.type === "text") return { type: "input_text", text: part.text };
    if (part.type === "image") return { type: "input_image", image_url: dataUrl(part), detail: "auto" };
    return { type: "input_file", filename: fileName(part), file_data: dataUrl(part) };
  });

function inputItems(message: Message, target: ResponsesTarget): ResponseInputItem[] {
  if (message.role === "user") return [{ role: "user", content: inputParts(message.content) }];
  if (message.role === "assistant") return assistantItems(message, target);
  const call_id = vendorCallId(message.toolCallId);
  const text = textOf(message.content) || "(no output)";
  if (imagesOf(message.content).length === 0) return [{ type: "function_call_output", call_id, output: text }];
  const output = partsOf(message.content).map((part) =>
    part.type === "text" ? { type: "input_text" as const, text: part.text } : { type: "input_image" as const, image_url: dataUrl(part) },
  );
  return [{ type: "function_call_output", call_id, output }];
}

/** From 5.3 on the models mark what they say on the way and what is the answer, and do worse when the marks are lost. */
const knowsPhases = (model: string): boolean => {
  const [, major, minor = "0"] = /^gpt-(\d+)(?:\.(\d+))?/.exec(model) ?? [];
  return Number(major) + Number(minor) / 100 >= 5.03;
};

function assistantItems({ content, ...message }: AssistantMessage, target: ResponsesTarget): ResponseInputItem[] {
  const own = isOwnMessage({ content, ...message }, { provider: target.provider, model: target.model, api: RESPONSES_API });
  const lastText = content.findLastIndex(({ type }) => type === "text");
  const calling = content.some(({ type }) => type === "toolCall");
  const phaseAt = (at: number) =>
    own && knowsPhases(target.model) ? { phase: calling || at !== lastText ? ("commentary" as const) : ("final_answer" as const) } : {};
  return content.flatMap((block, at): ResponseInputItem[] => {
    if (block.type === "text") return [{ role: "assistant", content: block.text, ...phaseAt(at) }];
    if (block.type === "toolCall") {
      const { id, name, arguments: given } = block;
      return [{ type: "function_call", call_id: vendorCallId(id), name, arguments: JSON.stringify(given) }];
    }
    const item = own && block.signature !== undefined ? reasoningItem(block.signature) : undefined;
    return item ? [item] : [];
  });
}

function reasoningItem(signature: string): ResponseReasoningItem | undefined {
  try {
    const item = JSON.parse(signature) as ResponseReasoningItem;
    return item.type === "reasoning" ? item : undefined;
  } catch {
    // silent-ok: a signature of an older version is not given back
    return undefined;
  }
}

/** An organisation that the vendor has not verified may use the model, but not read summaries of its thinking. */
export const refusesSummaries = (error: unknown): boolean => {
  const { status, error: told } = apiErrorOf(error);
  return status === 400 && told?.param === "reasoning.summary";
};
