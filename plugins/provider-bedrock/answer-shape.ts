/** What a caller asks of an answer's form, in the words of Converse. */
import type { OutputConfig, ToolChoice } from "@aws-sdk/client-bedrock-runtime";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { Abilities } from "./families.ts";

/** Converse cannot be told that no tool is wanted: then none is offered. */
export const offersTools = ({ tools, toolChoice }: ModelRequest): boolean => tools.length > 0 && toolChoice !== "none";

export const mustCall = ({ toolChoice }: ModelRequest): boolean => toolChoice === "required" || typeof toolChoice === "object";

/** A Claude that cannot be kept from thinking cannot be made to call a tool either: it is asked to. */
export const isForcible = ({ isClaude, canRest, thinksBetween }: Abilities): boolean => !isClaude || (canRest && thinksBetween !== true);

/** For a model that is not to be forced. */
export function callInstruction(request: ModelRequest, abilities: Abilities): readonly { readonly text: string }[] {
  if (!mustCall(request) || !offersTools(request) || isForcible(abilities)) return [];
  const { toolChoice } = request;
  const what = typeof toolChoice === "object" ? `the tool ${toolChoice.name}, and no other` : "one of the tools";
  return [{ text: `Answer the last message with a call of ${what}. An answer without one cannot be used.` }];
}

export function toolChoiceOf(request: ModelRequest, abilities: Abilities): { readonly toolChoice?: ToolChoice } {
  const toolChoice = mustCall(request) && !isForcible(abilities) ? "auto" : request.toolChoice;
  if (toolChoice === "required") return { toolChoice: { any: {} } };
  if (typeof toolChoice === "object") return { toolChoice: { tool: { name: toolChoice.name } } };
  return toolChoice === "auto" ? { toolChoice: { auto: {} } } : {};
}

/** One call at a time is a wish that only Claude knows, in its own words; what they share with `toolChoice` is said there alone. */
export function parallelFields(request: ModelRequest, { isClaude }: Abilities): Readonly<Record<string, unknown>> {
  if (request.parallelTools !== false || !isClaude || !offersTools(request)) return {};
  return { tool_choice: { ...(request.toolChoice === undefined ? { type: "auto" } : {}), disable_parallel_tool_use: true } };
}

export function formatParams({ responseFormat }: ModelRequest): Pick<OutputConfig, "textFormat"> {
  if (responseFormat?.type !== "json-schema") return {};
  const { name, description, schema } = responseFormat;
  const jsonSchema = { name, ...(description === undefined ? {} : { description }), schema: JSON.stringify(schema) };
  return { textFormat: { type: "json_schema", structure: { jsonSchema } } };
}

/** Without a schema there is no way to ask for JSON but in words. */
export const jsonInstruction = ({ responseFormat }: ModelRequest): readonly { readonly text: string }[] =>
  responseFormat?.type === "json" ? [{ text: "Answer with one JSON object and nothing else: no text around it, and no code fence." }] : [];

/** What would change the answer's shape and cannot be had here; in words for whoever asked. */
export const refusalOf = ({ logprobs, model }: ModelRequest): string | undefined =>
  logprobs === undefined ? undefined : `${model} gives no probabilities of tokens (logprobs)`;
