/** A scripted server of Anthropic's Messages API: `POST /v1/messages` as a stream of events, and `GET /v1/models`. */

import { pieces, sse, startScriptedVendor, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, ScriptedVendor, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";

const STOP = { stop: "end_turn", length: "max_tokens", toolUse: "tool_use", refusal: "refusal" } as const;
const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  504: "timeout_error",
  529: "overloaded_error",
};

const event = (type: string, fields: Readonly<Record<string, unknown>> = {}) => sse({ type, ...fields }, type);

function block(step: AnswerStep, index: number): readonly string[] {
  const start = (content_block: unknown) => event("content_block_start", { index, content_block });
  const delta = (fields: unknown) => event("content_block_delta", { index, delta: fields });
  const stop = event("content_block_stop", { index });
  if ("text" in step || "refusal" in step) {
    const texts = "text" in step ? step.text : step.refusal;
    return [start({ type: "text", text: "", citations: null }), ...texts.map((text) => delta({ type: "text_delta", text })), stop];
  }
  if ("thinking" in step) {
    return [
      start({ type: "thinking", thinking: "", signature: "" }),
      ...step.thinking.map((thinking) => delta({ type: "thinking_delta", thinking })),
      ...(step.signature === undefined ? [] : [delta({ type: "signature_delta", signature: step.signature })]),
      stop,
    ];
  }
  if ("redacted" in step) return [start({ type: "redacted_thinking", data: step.redacted }), stop];
  const { id, name, arguments: json } = step.toolCall;
  return [
    start({ type: "tool_use", id, name, input: {}, caller: { type: "direct" } }),
    ...["", ...pieces(json)].map((partial_json) => delta({ type: "input_json_delta", partial_json })),
    stop,
  ];
}

function events(answer: VendorAnswer, call: VendorCall) {
  const { steps = [], usage = { input: 10, output: 5 } } = answer;
  const stop = stopOf(answer);
  const counts = {
    input_tokens: usage.input,
    cache_read_input_tokens: usage.cacheRead ?? 0,
    cache_creation_input_tokens: usage.cacheWrite ?? 0,
  };
  const start = event("message_start", {
    message: {
      id: "msg_01Scripted",
      type: "message",
      role: "assistant",
      model: call.body.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      usage: { ...counts, output_tokens: 1 },
    },
  });
  const details = stop === "refusal" ? { type: "refusal", category: "cyber", explanation: "This could do harm." } : null;
  return {
    steps: steps.map((step, index) => [...(index === 0 ? [start] : []), ...block(step, index)]),
    end: [
      ...(steps.length === 0 ? [start] : []),
      event("message_delta", {
        delta: {
          stop_reason: answer.stop === undefined || answer.stop in STOP ? STOP[stop] : answer.stop,
          stop_sequence: null,
          stop_details: details,
        },
        usage: { ...counts, output_tokens: usage.output },
      }),
      event("message_stop"),
    ],
  };
}

const supported =
  (...names: string[]) =>
  (name: string) => ({ supported: names.includes(name) });

/** Two models: one that thinks adaptively and cannot stop thinking, one that thinks within a budget. */
const anthropicModels = [
  model("claude-test-adaptive", 1_000_000, 128_000, supported("adaptive", "low", "medium", "high", "xhigh", "max")),
  model("claude-test-budget", 200_000, 64_000, supported("enabled", "disabled")),
];

function model(id: string, max_input_tokens: number, max_tokens: number, has: (name: string) => { supported: boolean }) {
  const all = (...names: string[]) => Object.fromEntries(names.map((name) => [name, has(name)]));
  const yes = { supported: true };
  return {
    id,
    type: "model",
    display_name: id.replaceAll("-", " "),
    created_at: "2026-10-07T00:00:00Z",
    lifecycle: "active",
    line: null,
    max_input_tokens,
    max_tokens,
    deprecated_at: null,
    retires_at: null,
    capabilities: {
      image_input: yes,
      pdf_input: yes,
      thinking: { ...yes, types: all("adaptive", "enabled", "disabled", "between_tools") },
      effort: { supported: has("low").supported, ...all("low", "medium", "high", "xhigh", "max") },
    },
  };
}

export const startAnthropicVendor = (): ScriptedVendor =>
  startScriptedVendor({
    keepAlive: sse({ type: "ping" }, "ping"),
    errorEvent: () => sse({ type: "error", error: { type: "overloaded_error", message: "Overloaded" }, request_id: "req_1" }, "error"),
    errorBody: ({ status, code, message }) =>
      JSON.stringify({
        type: "error",
        error: { type: TYPES[status] ?? "api_error", message, ...(code === undefined ? {} : { details: { error_code: code } }) },
        request_id: "req_1",
      }),
    events,
    other(exchange) {
      if (!exchange.path.startsWith("/v1/models")) return false;
      exchange.send(200, JSON.stringify({ data: anthropicModels, has_more: false, first_id: null, last_id: null }));
      return true;
    },
  });
