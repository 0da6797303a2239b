/** A scripted answer as the chunks of a Chat Completions stream. */

import { isToolCall, pieces, sse, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";

const FINISH = { stop: "stop", length: "length", toolUse: "tool_calls", refusal: "stop" } as const;

const usageOf = ({ usage = { input: 10, output: 5 } }: VendorAnswer) => {
  const cached = usage.cacheRead ?? 0;
  const written = usage.cacheWrite ?? 0;
  const prompt = usage.input + cached + written;
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.output,
    total_tokens: prompt + usage.output,
    prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
  };
};

/** The same in one piece. */
export function chatWhole(answer: VendorAnswer, { body }: VendorCall) {
  const { steps = [] } = answer;
  const joined = (of: (step: AnswerStep) => readonly string[]) => steps.flatMap(of).join("");
  const thinking = joined((step) => ("thinking" in step ? step.thinking : []));
  const refusal = joined((step) => ("refusal" in step ? step.refusal : []));
  const calls = steps.filter(isToolCall).map(({ toolCall: { id, ...called } }) => ({ id, type: "function", function: called }));
  const message = {
    role: "assistant",
    content: joined((step) => ("text" in step ? step.text : [])),
    refusal: refusal === "" ? null : refusal,
    ...(thinking === "" ? {} : { reasoning_content: thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  return {
    id: "chatcmpl-scripted",
    object: "chat.completion",
    created: 1_790_000_000,
    model: body.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: FINISH[stopOf(answer)] }],
    usage: usageOf(answer),
  };
}

export function chatEvents(answer: VendorAnswer, call: VendorCall) {
  const { steps = [] } = answer;
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
  return {
    steps: steps.map((one, number) => [...(number === 0 ? [role] : []), ...step(one)]),
    end: [
      ...(steps.length === 0 ? [role] : []),
      chunk([{ index: 0, delta: {}, finish_reason: FINISH[stopOf(answer)] }]),
      chunk([], { usage: usageOf(answer) }),
      "data: [DONE]\n\n",
    ],
  };
}
