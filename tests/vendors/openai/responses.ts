/** A scripted answer as the events of a Responses stream. */

import { pieces, sse, stopOf } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { AnswerStep, VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";

type Fields = Readonly<Record<string, unknown>>;

/** The same in one piece: the response that the last event holds, with the items that are told one by one before. */
export function responsesWhole(answer: VendorAnswer, call: VendorCall): Fields {
  const { steps, end } = responsesEvents(answer, call);
  const told = [...steps.flat(), ...end].map((event) => JSON.parse(event.slice(event.indexOf("data: ") + 6)) as Fields);
  const output = told.flatMap(({ type, item }) => (type === "response.output_item.done" ? [item] : []));
  return { ...(told.at(-1)?.response as Fields), output };
}

export function responsesEvents(answer: VendorAnswer, call: VendorCall) {
  const { steps = [], usage = { input: 10, output: 5 } } = answer;
  let sequence_number = 0;
  const event = (type: string, fields: Fields) => sse({ type, sequence_number: sequence_number++, ...fields }, type);
  const response = (status: string, fields: Fields = {}) => ({
    id: "resp_scripted",
    object: "response",
    created_at: 1_790_000_000,
    model: call.body.model,
    status,
    error: null,
    incomplete_details: null,
    output: [],
    ...fields,
  });
  const opening = [
    event("response.created", { response: response("in_progress") }),
    event("response.in_progress", { response: response("in_progress") }),
  ];
  const written = usage.cacheWrite ?? 0;
  const cached = usage.cacheRead ?? 0;
  const input_tokens = usage.input + cached + written;
  const counts = {
    input_tokens,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
    output_tokens: usage.output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + usage.output,
  };
  const item = (one: AnswerStep, output_index: number) => itemEvents(one, output_index, event);
  const built = steps.map((one, number) => [...(number === 0 ? opening : []), ...item(one, number)]);
  const end =
    stopOf(answer) === "length"
      ? event("response.incomplete", {
          response: response("incomplete", { usage: counts, incomplete_details: { reason: "max_output_tokens" } }),
        })
      : event("response.completed", { response: response("completed", { usage: counts }) });
  return { steps: built, end: [...(steps.length === 0 ? opening : []), end] };
}

function itemEvents(one: AnswerStep, output_index: number, event: (type: string, fields: Fields) => string): readonly string[] {
  const around = (started: Fields, done: Fields, between: readonly string[]) => [
    event("response.output_item.added", { output_index, item: started }),
    ...between,
    event("response.output_item.done", { output_index, item: done }),
  ];
  if ("text" in one || "refusal" in one) {
    const id = `msg_${output_index}`;
    const texts = "text" in one ? one.text : one.refusal;
    const type = "text" in one ? "output_text" : "refusal";
    const content = "text" in one ? { type, text: texts.join(""), annotations: [] } : { type, refusal: texts.join("") };
    const base = { id, type: "message", role: "assistant" };
    return around({ ...base, status: "in_progress", content: [] }, { ...base, status: "completed", content: [content] }, [
      event("response.content_part.added", { item_id: id, output_index, content_index: 0, part: { type } }),
      ...texts.map((delta) => event(`response.${type}.delta`, { item_id: id, output_index, content_index: 0, delta, logprobs: [] })),
      event(`response.${type}.done`, { item_id: id, output_index, content_index: 0, text: texts.join("") }),
    ]);
  }
  if ("toolCall" in one) {
    const { id: call_id, name, arguments: json } = one.toolCall;
    const id = `fc_${output_index}`;
    const base = { id, type: "function_call", call_id, name };
    return around({ ...base, arguments: "", status: "in_progress" }, { ...base, arguments: json, status: "completed" }, [
      ...pieces(json).map((delta) => event("response.function_call_arguments.delta", { item_id: id, output_index, delta })),
      event("response.function_call_arguments.done", { item_id: id, output_index, arguments: json }),
    ]);
  }
  const id = `rs_${output_index}`;
  const texts = "thinking" in one ? one.thinking : [];
  const encrypted_content = "thinking" in one ? one.signature : one.redacted;
  const summary = texts.length === 0 ? [] : [{ type: "summary_text", text: texts.join("") }];
  return around(
    { id, type: "reasoning", summary: [] },
    { id, type: "reasoning", summary, ...(encrypted_content === undefined ? {} : { encrypted_content }) },
    texts.map((delta) => event("response.reasoning_summary_text.delta", { item_id: id, output_index, summary_index: 0, delta })),
  );
}
