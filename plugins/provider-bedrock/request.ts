/** A `ModelRequest` as the input of Converse, with at most four cache points. */
import type { ConverseStreamCommandInput, SystemContentBlock, Tool } from "@aws-sdk/client-bedrock-runtime";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import {
  callInstruction,
  formatParams,
  isForcible,
  jsonInstruction,
  mustCall,
  offersTools,
  parallelFields,
  toolChoiceOf,
} from "./answer-shape.ts";
import { CACHE, conversationOf, type Target } from "./conversation.ts";
import type { Access } from "./endpoints.ts";
import type { Abilities } from "./families.ts";
import { thinkingParams } from "./thinking.ts";

export const API = "bedrock-converse";

type Fields = NonNullable<ConverseStreamCommandInput["additionalModelRequestFields"]>;

interface RequestOptions {
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
  const { messages, interrupted } = conversationOf(request.messages, target, abilities, offersTools(request));
  const { fields, effort, isUnbounded } = thinkingParams(request.thinking, abilities, {
    maxTokens,
    interrupted,
    forced: mustCall(request) && isForcible(abilities),
  });
  const extra = { ...fields, ...parallelFields(request, abilities) };
  const output = { ...formatParams(request), ...(effort === undefined ? {} : { effort }) };
  return {
    modelId: target.model,
    ...systemParams(request, abilities),
    ...toolParams(request, abilities),
    messages,
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
function systemParams(request: ModelRequest, abilities: Abilities): { readonly system?: SystemContentBlock[] } {
  const { caches } = abilities;
  const parts: ModelRequest["system"] = [
    ...request.system.filter(({ text }) => text.trim() !== ""),
    ...jsonInstruction(request),
    ...callInstruction(request, abilities),
  ];
  if (parts.length === 0) return {};
  const stable = caches.includes("system") ? parts.findLastIndex(({ cache }) => cache === true) : -1;
  return { system: parts.flatMap(({ text }, at): SystemContentBlock[] => (at === stable ? [{ text }, CACHE] : [{ text }])) };
}

function toolParams(request: ModelRequest, abilities: Abilities): Pick<ConverseStreamCommandInput, "toolConfig"> {
  if (!offersTools(request)) return {};
  const { caches } = abilities;
  const tools = request.tools.map(({ name, description, parameters, strict }): Tool => {
    const json = { ...(parameters as object), type: "object" } as Fields;
    // An empty description is refused there.
    return { toolSpec: { name, description: description || name, inputSchema: { json }, ...(strict === undefined ? {} : { strict }) } };
  });
  return { toolConfig: { tools: caches.includes("tools") ? [...tools, CACHE] : tools, ...toolChoiceOf(request, abilities) } };
}
