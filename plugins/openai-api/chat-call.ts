/** A request of Chat Completions as a call of a provider's model. */
import type { LlmRequest } from "@pincer/plugin-sdk/contracts/llm";
import type { ResponseFormat, Thinking, ToolChoice, ToolSpec } from "@pincer/plugin-sdk/contracts/provider";
import { conversationOf } from "./chat-messages.ts";
import type { ChatRequest } from "./chat-request.ts";
import { asked, modelMessages } from "./conversation.ts";
import type { FetchedImages } from "./remote-images.ts";

type Effort = NonNullable<ChatRequest["reasoning_effort"]>;

export const thinkingOf = (effort: Effort): Thinking => (effort === "none" ? "off" : effort === "max" ? "xhigh" : effort);

/** Says nothing of whoever it stands for, and the same each time. */
export const cacheKeyOf = (key: string | null | undefined, user: string | null | undefined): string | undefined =>
  key ?? (user ? Bun.hash(user).toString(36) : undefined);

interface Spec {
  readonly name: string;
  readonly description?: string | null;
  readonly parameters?: object | null;
  readonly strict?: boolean | null;
}
export const toolSpec = ({ name, description, parameters, strict }: Spec): ToolSpec => ({
  name,
  description: description ?? "",
  parameters: parameters ?? { type: "object", properties: {} },
  ...(typeof strict === "boolean" ? { strict } : {}),
});

interface Schema {
  readonly name: string;
  readonly description?: string | null;
  readonly schema?: object;
  readonly strict?: boolean | null;
}
export const schemaFormat = ({ name, description, schema = {}, strict }: Schema): ResponseFormat => ({
  type: "json-schema",
  name,
  schema,
  ...(description ? { description } : {}),
  ...(typeof strict === "boolean" ? { strict } : {}),
});

/** Leaves out what is not said, in whichever of its two ways. */
function said<T extends object>(values: { readonly [K in keyof T]: T[K] | null | undefined }): Partial<T> {
  const kept: Partial<T> = {};
  for (const name in values) {
    const value = values[name];
    if (value !== undefined && value !== null) kept[name] = value as T[typeof name];
  }
  return kept;
}

type CallSettings = Omit<LlmRequest, "model" | "messages" | "system" | "tools">;

export const settings = (values: { readonly [K in keyof CallSettings]: CallSettings[K] | null | undefined }): Partial<CallSettings> =>
  said<CallSettings>(values);

export interface CallContext {
  readonly now: number;
  readonly fileChars: number;
  /** For whom it is. */
  readonly user: string;
  readonly images: FetchedImages;
}

export function chatCall(request: ChatRequest, { now, fileChars, user, images }: CallContext): LlmRequest {
  const { system, turns } = asked(conversationOf(request.messages, images));
  const { stop, response_format: format, tool_choice: choice, reasoning_effort: effort, logprobs } = request;
  return {
    model: request.model,
    user,
    system: system.map((text) => ({ text })),
    messages: modelMessages(turns, { now, fileChars }),
    tools: (request.tools ?? []).map((tool) => toolSpec(tool.function)),
    ...settings({
      toolChoice: (typeof choice === "object" ? choice?.function : choice) as ToolChoice | undefined,
      parallelTools: request.parallel_tool_calls,
      thinking: effort ? thinkingOf(effort) : undefined,
      responseFormat: formatOf(format),
      maxOutputTokens: request.max_completion_tokens ?? request.max_tokens,
      temperature: request.temperature,
      topP: request.top_p,
      stop: typeof stop === "string" ? [stop] : stop,
      seed: request.seed,
      presencePenalty: request.presence_penalty,
      frequencyPenalty: request.frequency_penalty,
      logprobs: logprobs === true ? (request.top_logprobs ?? 0) : undefined,
      cacheKey: cacheKeyOf(request.prompt_cache_key, request.safety_identifier ?? request.user),
    }),
  };
}

function formatOf(format: ChatRequest["response_format"]): ResponseFormat | undefined {
  if (!format || format.type === "text") return undefined;
  return "json_schema" in format ? schemaFormat(format.json_schema) : { type: "json" };
}
