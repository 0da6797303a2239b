/** A scripted OpenRouter: Chat Completions with its records of thinking, its costs, its comments while it waits, and its way of telling errors. */
import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";
import { isToolCall, pieces, sse, startScriptedVendor, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, ScriptedVendor, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";

type Json = Readonly<Record<string, unknown>>;

/** What it takes for every answer, in dollars. */
export const CHARGE = 0.0042;

const FINISH = { stop: "stop", length: "length", toolUse: "tool_calls", refusal: "content_filter" } as const;

export interface OpenRouterOptions {
  /** What `GET /models` lists. */
  readonly models?: readonly (Json & { readonly id: string })[];
  /** Answers instead of everything else; false: it does not. */
  readonly instead?: (exchange: Exchange) => boolean;
}

const usageOf = ({ usage = { input: 10, output: 5 } }: VendorAnswer) => {
  const { cacheRead = 0, cacheWrite = 0 } = usage;
  const prompt = usage.input + cacheRead + cacheWrite;
  return {
    ...{ prompt_tokens: prompt, completion_tokens: usage.output, total_tokens: prompt + usage.output },
    prompt_tokens_details: { cached_tokens: cacheRead, cache_write_tokens: cacheWrite, audio_tokens: 0 },
    ...{ cost: CHARGE, cost_details: { upstream_inference_cost: null } },
  };
};

/** A vendor's thinking as the router tells it: readable, and as a record that it wants back. */
const thought = (text: string): Json => ({
  reasoning: text,
  reasoning_details: [{ type: "reasoning.text", text, format: "anthropic-claude-v1", index: 0 }],
});

const head = ({ body }: VendorCall) => ({ id: "gen-scripted", created: 1_790_000_000, model: body.model, provider: "Scripted" });

export function chatEvents(answer: VendorAnswer, call: VendorCall) {
  const { steps = [] } = answer;
  const chunk = (choices: readonly unknown[], more: Json = {}) => sse({ ...head(call), object: "chat.completion.chunk", choices, ...more });
  const delta = (fields: Json) => chunk([{ index: 0, delta: { role: "assistant", content: "", ...fields }, finish_reason: null }]);
  const calls = steps.filter(isToolCall);
  const step = (one: AnswerStep): readonly string[] => {
    if ("text" in one) return one.text.map((content) => delta({ content }));
    if ("refusal" in one) return one.refusal.map((content) => delta({ content }));
    if ("redacted" in one) return [delta({ reasoning_details: [{ type: "reasoning.encrypted", data: one.redacted, index: 0 }] })];
    if ("thinking" in one) {
      const signature = one.signature;
      const signed = { type: "reasoning.text", signature, format: "anthropic-claude-v1", index: 0 };
      return [
        ...one.thinking.map((text) => delta(thought(text))),
        ...(signature === undefined ? [] : [delta({ reasoning_details: [signed] })]),
      ];
    }
    const { id, name, arguments: json } = one.toolCall;
    const index = calls.indexOf(one);
    return [
      delta({ content: null, tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ...pieces(json).map((fragment) => delta({ content: null, tool_calls: [{ index, function: { arguments: fragment } }] })),
    ];
  };
  return {
    steps: steps.map(step),
    end: [
      chunk([
        { index: 0, delta: { role: "assistant", content: "" }, finish_reason: FINISH[stopOf(answer)], native_finish_reason: "scripted" },
      ]),
      chunk([{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }], { usage: usageOf(answer) }),
      "data: [DONE]\n\n",
    ],
  };
}

/** The same in one piece. */
function chatWhole(answer: VendorAnswer, call: VendorCall): string {
  const { steps = [] } = answer;
  const joined = (of: (step: AnswerStep) => readonly string[]) => steps.flatMap(of).join("");
  const thinking = joined((step) => ("thinking" in step ? step.thinking : []));
  const calls = steps.filter(isToolCall).map(({ toolCall: { id, ...called } }) => ({ id, type: "function", function: called }));
  const content = joined((step) => ("text" in step ? step.text : "refusal" in step ? step.refusal : []));
  const message = {
    ...{ role: "assistant", content, refusal: null },
    ...(thinking === "" ? {} : thought(thinking)),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const choice = { index: 0, message, finish_reason: FINISH[stopOf(answer)], native_finish_reason: "scripted" };
  return JSON.stringify({ ...head(call), object: "chat.completion", choices: [choice], usage: usageOf(answer) });
}

/** As it is told behind the first word: at the top level, beside a choice that ends with it. */
export const midStreamError = (code: number, message: string, metadata: Json = {}): string =>
  sse({
    ...{ id: "gen-scripted", object: "chat.completion.chunk", created: 1_790_000_000, provider: "Scripted" },
    error: { code, message, metadata },
    choices: [{ index: 0, delta: { content: "" }, finish_reason: "error" }],
  });

export const startOpenRouterVendor = (options: OpenRouterOptions = {}): ScriptedVendor =>
  startScriptedVendor({
    keepAlive: ": OPENROUTER PROCESSING\n\n",
    errorEvent: () => midStreamError(502, "Provider disconnected", { error_type: "provider_unavailable" }),
    errorBody: ({ status, message, code }) =>
      JSON.stringify({
        error: { code: status, message, ...(code === undefined ? {} : { metadata: { error_type: code } }) },
        user_id: "user_scripted",
      }),
    events: chatEvents,
    whole: chatWhole,
    other(exchange) {
      const { path, headers, body } = exchange;
      if (options.instead?.(exchange)) return true;
      if (path.endsWith("/models")) {
        exchange.send(200, JSON.stringify({ data: options.models ?? [], total_count: options.models?.length ?? 0, links: { next: null } }));
        return true;
      }
      if (path.endsWith("/key")) {
        const taken = headers.get("authorization") !== "Bearer refused";
        const answer = taken
          ? { data: { label: "scripted", usage: 0, limit: null } }
          : { error: { code: 401, message: "User not found." } };
        exchange.send(taken ? 200 : 401, JSON.stringify(answer));
        return true;
      }
      if (!path.endsWith("/embeddings")) return false;
      const { input, model } = JSON.parse(body) as { readonly input: readonly string[]; readonly model: string };
      const data = input.map((text, index) => ({ object: "embedding", index, embedding: [text.length / 64, index] }));
      exchange.send(200, JSON.stringify({ object: "list", model, data, usage: { prompt_tokens: 7, total_tokens: 7, cost: CHARGE } }));
      return true;
    },
  });
