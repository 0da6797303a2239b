/** Responses and their items in the shapes of the Responses API. */
import type { TokenLogprob } from "@pincer/plugin-sdk/contracts/provider";
import type { Usage } from "@pincer/plugin-sdk/message";
import type { ErrorBody } from "./failure.ts";
import type { ResponsesRequest } from "./responses-request.ts";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

interface MessageItem {
  readonly type: "message";
  readonly id: string;
  readonly role: "assistant";
  readonly status: ItemStatus;
  readonly content: readonly ReturnType<typeof textPart>[];
}
export interface CallItem {
  readonly type: "function_call";
  readonly id: string;
  readonly call_id: string;
  readonly name: string;
  readonly arguments: string;
  readonly status: ItemStatus;
}
export interface ReasoningItem {
  readonly type: "reasoning";
  readonly id: string;
  readonly summary: readonly { readonly type: "summary_text"; readonly text: string }[];
  readonly encrypted_content?: string;
}
export type OutputItem = MessageItem | CallItem | ReasoningItem;

type ResponseStatus = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

export interface ResponseObject {
  readonly id: string;
  readonly object: "response";
  /** Seconds. */
  readonly created_at: number;
  readonly status: ResponseStatus;
  readonly completed_at: number | null;
  readonly background: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly incomplete_details: { readonly reason: string } | null;
  readonly model: string;
  readonly output: readonly OutputItem[];
  readonly usage: ReturnType<typeof responseUsage> | null;
  readonly store: boolean;
  readonly [echoed: string]: unknown;
}

export const textPart = (text: string, logprobs: readonly TokenLogprob[] = []) => ({
  type: "output_text" as const,
  text,
  annotations: [],
  logprobs: logprobs.map(logprobOf),
});

export const logprobOf = ({ top, ...token }: TokenLogprob) => ({ ...token, top_logprobs: top });

export const responseUsage = ({ input, output, cacheRead, cacheWrite }: Usage) => {
  const input_tokens = input + cacheRead + cacheWrite;
  return {
    input_tokens,
    input_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWrite },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + output,
  };
};

export function newResponse(id: string, created_at: number, request: ResponsesRequest): ResponseObject {
  return {
    id,
    object: "response",
    created_at,
    status: request.background === true ? "queued" : "in_progress",
    completed_at: null,
    background: request.background === true,
    error: null,
    incomplete_details: null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    model: request.model,
    output: [],
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    prompt_cache_key: request.prompt_cache_key ?? null,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: request.reasoning?.summary ?? null },
    safety_identifier: request.safety_identifier ?? null,
    service_tier: "default",
    store: request.store !== false,
    temperature: request.temperature ?? null,
    text: { format: request.text?.format ?? { type: "text" } },
    tool_choice: request.tool_choice ?? "auto",
    tools: (request.tools ?? []).map((tool) => ({ ...tool, parameters: tool.parameters ?? null, strict: tool.strict ?? null })),
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? null,
    truncation: "disabled",
    usage: null,
    user: request.user ?? null,
  };
}

/** Of the codes that a response may fail with. */
export const responseError = ({ code, message, type }: ErrorBody) => ({
  code:
    code === "rate_limit_exceeded" || type === "insufficient_quota"
      ? "rate_limit_exceeded"
      : type === "invalid_request_error"
        ? "invalid_prompt"
        : "server_error",
  message,
});
