/** What a caller asks of an answer's form, in the words of Responses. */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";

/** Responses has no words for these: at a vendor with both APIs such a request goes over Chat Completions. */
export const needsChat = ({ stop, seed, presencePenalty, frequencyPenalty }: ModelRequest): boolean =>
  [stop, seed, presencePenalty, frequencyPenalty].some((value) => value !== undefined);

type Json = Record<string, unknown>;

export function responsesShape({ toolChoice, parallelTools, tools, responseFormat, logprobs }: ModelRequest): object {
  return {
    ...(toolChoice === undefined
      ? {}
      : { tool_choice: typeof toolChoice === "string" ? toolChoice : { type: "function" as const, name: toolChoice.name } }),
    ...(parallelTools === undefined || tools.length === 0 ? {} : { parallel_tool_calls: parallelTools }),
    ...(responseFormat === undefined ? {} : { text: { format: responsesFormat(responseFormat) } }),
    ...(logprobs === undefined || logprobs === 0 ? {} : { top_logprobs: logprobs }),
  };
}

function responsesFormat(format: NonNullable<ModelRequest["responseFormat"]>) {
  if (format.type === "json") return { type: "json_object" as const };
  const { type: _, ...schema } = format;
  return { ...schema, type: "json_schema" as const, schema: schema.schema as Json };
}
