/** A scripted answer as the chunks of a Chat Completions stream. */

import { isToolCall, pieces, sse, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";

const FINISH = { stop: "stop", length: "length", toolUse: "tool_calls", refusal: "stop" } as const;

export function chatEvents(answer: VendorAnswer, call: VendorCall) {
  const { steps = [], usage = { input: 10, output: 5 } } = answer;
  const chunk = (choices: readonly unknown[], more: Readonly<Record<string, unknown>> = {}) =>
    sse({ id: "chatcmpl-scripted", object: "chat.completion.chunk", created: 1_790_000_000, model: call.body.model, choices, ...more });
  const delta = (fields: unknown) => chunk([{ index: 0, delta: fields, finish_reason: null }]);
  const calls = steps.filter(isToolCall);
  const role = delta({ role: "assistant", content: "" });

  /** Vendors send calls one after another; their fragments carry the call's number. */
  const step = (one: AnswerStep): readonly string[] => {
    if ("text" in one) return one.text.map((content) => delta({ content }));
    if ("refusal" in one) return one.refusal.map((refusal) => delta({ refusal }));
    if ("thinking" in one) return one.thinking.map((reasoning_content) => delta({ reasoning_content }));
    if ("redacted" in one) return [delta({ reasoning_details: [{ type: "reasoning.encrypted", data: one.redacted }] })];
    const { id, name, arguments: json } = one.toolCall;
    const index = calls.indexOf(one);
    return [
      delta({ tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] }),
      ...pieces(json).map((fragment) => delta({ tool_calls: [{ index, function: { arguments: fragment } }] })),
    ];
  };
  const cached = usage.cacheRead ?? 0;
  const written = usage.cacheWrite ?? 0;
  const prompt = usage.input + cached + written;
  return {
    steps: steps.map((one, number) => [...(number === 0 ? [role] : []), ...step(one)]),
    end: [
      ...(steps.length === 0 ? [role] : []),
      chunk([{ index: 0, delta: {}, finish_reason: FINISH[stopOf(answer)] }]),
      chunk([], {
        usage: {
          prompt_tokens: prompt,
          completion_tokens: usage.output,
          total_tokens: prompt + usage.output,
          prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
        },
      }),
      "data: [DONE]\n\n",
    ],
  };
}
