/** What a caller asks of an answer's form, in the words of the Messages API. */
import type Anthropic from "@anthropic-ai/sdk";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";

type ShapeParams = Pick<Anthropic.MessageCreateParamsStreaming, "tool_choice" | "stop_sequences">;

export const mustCall = ({ tools, toolChoice }: ModelRequest): boolean =>
  tools.length > 0 && (toolChoice === "required" || typeof toolChoice === "object");

/** `forcible`: the model takes a choice that leaves it none. */
export function shapeParams(request: ModelRequest, forcible: boolean): ShapeParams {
  const { parallelTools, tools, stop } = request;
  const toolChoice = mustCall(request) && !forcible ? "auto" : request.toolChoice;
  const choice = tools.length === 0 ? undefined : toolChoiceOf(toolChoice, parallelTools);
  // A sequence of blanks alone is refused there.
  const sequences = stop?.filter((text) => text.trim() !== "") ?? [];
  return { ...(choice === undefined ? {} : { tool_choice: choice }), ...(sequences.length === 0 ? {} : { stop_sequences: sequences }) };
}

function toolChoiceOf(
  choice: ModelRequest["toolChoice"],
  parallel: ModelRequest["parallelTools"],
): Anthropic.MessageCreateParams["tool_choice"] {
  const one = parallel === false ? { disable_parallel_tool_use: true } : {};
  if (choice === "none") return { type: "none" };
  if (choice === "required") return { type: "any", ...one };
  if (typeof choice === "object") return { type: "tool", name: choice.name, ...one };
  return choice === undefined && parallel !== false ? undefined : { type: "auto", ...one };
}

export function formatParams({ responseFormat }: ModelRequest): Pick<Anthropic.OutputConfig, "format"> {
  if (responseFormat?.type !== "json-schema") return {};
  return { format: { type: "json_schema", schema: responseFormat.schema as Record<string, unknown> } };
}

/** Without a schema there is no way to ask for JSON but in words. */
export const jsonInstruction = ({ responseFormat }: ModelRequest): readonly { readonly text: string }[] =>
  responseFormat?.type === "json" ? [{ text: "Answer with one JSON object and nothing else: no text around it, and no code fence." }] : [];

/** A model that cannot be made to call a tool is asked to. */
export function callInstruction(request: ModelRequest, forcible: boolean): readonly { readonly text: string }[] {
  if (forcible || !mustCall(request)) return [];
  const { toolChoice } = request;
  const what = typeof toolChoice === "object" ? `the tool ${toolChoice.name}, and no other` : "one of the tools";
  return [{ text: `Answer the last message with a call of ${what}. An answer without one cannot be used.` }];
}

/** What would change the answer's shape and cannot be had here; in words for whoever asked. */
export const refusalOf = ({ logprobs, model }: ModelRequest): string | undefined =>
  logprobs === undefined ? undefined : `${model} gives no probabilities of tokens (logprobs)`;
