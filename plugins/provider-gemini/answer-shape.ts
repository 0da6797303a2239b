/** What a caller asks of an answer's form, in the words of the Gemini API. */
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { thinkingAbility, thinkingConfig } from "./thinking.ts";

/** Empty when nothing was asked. */
export function generationConfig(request: ModelRequest, model: string): object {
  const { maxOutputTokens, temperature, topP, stop, seed, presencePenalty, frequencyPenalty, responseFormat, logprobs } = request;
  const thinking = thinkingConfig(request.thinking, thinkingAbility(model), maxOutputTokens);
  return {
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(stop === undefined ? {} : { stopSequences: [...stop] }),
    ...(seed === undefined ? {} : { seed }),
    ...(presencePenalty === undefined ? {} : { presencePenalty }),
    ...(frequencyPenalty === undefined ? {} : { frequencyPenalty }),
    ...(responseFormat === undefined ? {} : { responseMimeType: "application/json" }),
    ...(responseFormat?.type === "json-schema" ? { responseJsonSchema: responseFormat.schema } : {}),
    ...(logprobs === undefined ? {} : { responseLogprobs: true, ...(logprobs === 0 ? {} : { logprobs }) }),
    ...(thinking === undefined ? {} : { thinkingConfig: thinking }),
  };
}

/** `undefined`: as the model does by itself. */
export function functionCallingConfig({ toolChoice, tools }: ModelRequest): object | undefined {
  if (toolChoice === undefined || tools.length === 0) return undefined;
  if (toolChoice === "none") return { mode: "NONE" };
  if (toolChoice === "required") return { mode: "ANY" };
  return typeof toolChoice === "object" ? { mode: "ANY", allowedFunctionNames: [toolChoice.name] } : { mode: "AUTO" };
}

/** There is no way to ask for one call at a time but in words. */
export const oneCallInstruction = ({ parallelTools, tools }: ModelRequest): readonly { readonly text: string }[] =>
  parallelTools === false && tools.length > 0
    ? [{ text: "Call at most one function in each turn, and wait for its result before the next." }]
    : [];
