/** An answer as the events of the Responses API, and in the end as the whole response. */
import type { ModelAnswer, ModelEvent, TokenLogprob } from "@pincer/plugin-sdk/contracts/provider";
import { argumentsText } from "./conversation.ts";
import type { ErrorBody } from "./failure.ts";
import { seal } from "./responses-input.ts";
import {
  type CallItem,
  type ItemStatus,
  logprobOf,
  type OutputItem,
  type ReasoningItem,
  type ResponseObject,
  responseError,
  responseUsage,
  textPart,
} from "./responses-shape.ts";

export interface ResponseEvent {
  readonly type: string;
  readonly sequence_number: number;
  readonly [field: string]: unknown;
}

interface Open {
  readonly kind: "text" | "thinking" | "call";
  readonly id: string;
  readonly at: number;
  text: string;
  readonly logprobs: TokenLogprob[];
  readonly call: { readonly id: string; readonly name: string } | undefined;
  /** Nothing is added to its text any more. */
  closed: boolean;
}

export class ResponseEvents {
  #response: ResponseObject;
  /** Whether the model's own proof of its thinking is handed out. */
  readonly #sealed: boolean;
  #sequence = 0;
  /** In the order of the output; and by the block of the answer that each is. */
  readonly #items: Open[] = [];
  readonly #blocks = new Map<number, Open>();
  readonly #done: OutputItem[] = [];

  constructor(response: ResponseObject, sealed: boolean) {
    this.#response = { ...response, status: "in_progress" };
    this.#sealed = sealed;
  }

  get response(): ResponseObject {
    return this.#response;
  }

  begin(): readonly ResponseEvent[] {
    return [
      this.#event("response.created", { response: this.#response }),
      this.#event("response.in_progress", { response: this.#response }),
    ];
  }

  event(event: ModelEvent): readonly ResponseEvent[] {
    const known = this.#blocks.get(event.index);
    const kind = event.type === "tool-call" ? "call" : event.type;
    const opening = known ? [] : this.#open(kind, event.type === "tool-call" ? event : undefined, event.index);
    const item = this.#blocks.get(event.index)!;
    if (event.type === "text") return [...opening, ...this.#textDelta(item, event.delta, event.logprobs)];
    return event.type === "thinking" ? [...opening, ...this.#thinkingDelta(item, event.delta)] : opening;
  }

  /** Everything that is left to say. The response is whole behind it. */
  end(answer: ModelAnswer, now: number): readonly ResponseEvent[] {
    const { stopReason, usage, message } = answer;
    const status = stopReason === "length" || stopReason === "refusal" ? "incomplete" : "completed";
    const events: ResponseEvent[] = [];
    const left = new Set(this.#items);
    const take = (of: (item: Open) => boolean) => {
      const item = this.#items.find((one) => left.has(one) && of(one));
      if (item) left.delete(item);
      return item;
    };
    for (const block of message.content) {
      const kind = block.type === "toolCall" ? "call" : block.type;
      const call = block.type === "toolCall" ? block : undefined;
      let item = take((one) => one.kind === kind && (call === undefined || one.call?.id === call.id));
      if (!item) {
        events.push(...this.#open(kind, call));
        item = this.#items.at(-1)!;
        if (block.type === "text") events.push(...this.#textDelta(item, block.text));
        if (block.type === "thinking" && block.thinking !== "") events.push(...this.#thinkingDelta(item, block.thinking));
      }
      events.push(...this.#close(item));
      if (block.type === "toolCall") events.push(...this.#callDone(item, argumentsText(block.arguments)));
      else if (block.type === "text") events.push(...this.#itemDone(item, this.#message(item, status)));
      else events.push(...this.#itemDone(item, this.#reasoning(item, block, message)));
    }
    // A call that the answer's limit cut off is none.
    for (const item of left)
      if (item.kind === "text") events.push(...this.#close(item), ...this.#itemDone(item, this.#message(item, status)));
    const why = stopReason === "length" ? "max_output_tokens" : "content_filter";
    this.#response = {
      ...this.#response,
      status,
      completed_at: status === "completed" ? Math.floor(now / 1000) : null,
      incomplete_details: status === "incomplete" ? { reason: why } : null,
      output: this.#output(),
      usage: responseUsage(usage),
    };
    return [...events, this.#event(`response.${status}`, { response: this.#response })];
  }

  fail(error: ErrorBody, usage?: ModelAnswer["usage"]): readonly ResponseEvent[] {
    const output = [...this.#output(), ...this.#items.flatMap((item) => (item.kind === "text" ? [this.#message(item, "incomplete")] : []))];
    this.#response = {
      ...this.#response,
      status: "failed",
      error: responseError(error),
      output,
      usage: usage === undefined ? null : responseUsage(usage),
    };
    return [this.#event("response.failed", { response: this.#response })];
  }

  #output(): readonly OutputItem[] {
    return this.#done.filter((item) => item !== undefined);
  }

  #event(type: string, fields: Readonly<Record<string, unknown>>): ResponseEvent {
    return { type, sequence_number: this.#sequence++, ...fields };
  }

  #open(kind: Open["kind"], call?: { readonly id: string; readonly name: string }, block?: number): readonly ResponseEvent[] {
    const before = this.#items.at(-1);
    // What follows a text or a thought ends it.
    const events = before && before.kind !== "call" ? [...this.#close(before)] : [];
    const prefix = { text: "msg", thinking: "rs", call: "fc" }[kind];
    const at = this.#items.length;
    const id = `${prefix}_${this.#response.id.replace(/^resp_/, "")}_${at}`;
    const item: Open = { kind, id, at, text: "", logprobs: [], call, closed: false };
    this.#items.push(item);
    if (block !== undefined) this.#blocks.set(block, item);
    const started =
      kind === "text"
        ? { type: "message", id, role: "assistant", status: "in_progress", content: [] }
        : kind === "thinking"
          ? { type: "reasoning", id, summary: [] }
          : this.#call(item, "", "in_progress");
    events.push(this.#event("response.output_item.added", { output_index: at, item: started }));
    if (kind === "text")
      events.push(this.#event("response.content_part.added", { ...this.#place(item), content_index: 0, part: textPart("") }));
    return events;
  }

  #place = ({ id, at }: Open) => ({ item_id: id, output_index: at });

  #textDelta(item: Open, delta: string, logprobs: readonly TokenLogprob[] = []): readonly ResponseEvent[] {
    item.text += delta;
    item.logprobs.push(...logprobs);
    const told = { ...this.#place(item), content_index: 0, delta, logprobs: logprobs.map(logprobOf) };
    return [this.#event("response.output_text.delta", told)];
  }

  #thinkingDelta(item: Open, delta: string): readonly ResponseEvent[] {
    const place = { ...this.#place(item), summary_index: 0 };
    const opening =
      item.text === ""
        ? [this.#event("response.reasoning_summary_part.added", { ...place, part: { type: "summary_text", text: "" } })]
        : [];
    item.text += delta;
    return [...opening, this.#event("response.reasoning_summary_text.delta", { ...place, delta })];
  }

  #close(item: Open): readonly ResponseEvent[] {
    if (item.closed) return [];
    item.closed = true;
    const { text, logprobs, kind } = item;
    if (kind === "text") {
      const place = { ...this.#place(item), content_index: 0 };
      return [
        this.#event("response.output_text.done", { ...place, text, logprobs: logprobs.map(logprobOf) }),
        this.#event("response.content_part.done", { ...place, part: textPart(text, logprobs) }),
      ];
    }
    if (kind === "call" || text === "") return [];
    const place = { ...this.#place(item), summary_index: 0 };
    return [
      this.#event("response.reasoning_summary_text.done", { ...place, text }),
      this.#event("response.reasoning_summary_part.done", { ...place, part: { type: "summary_text", text } }),
    ];
  }

  #callDone(item: Open, json: string): readonly ResponseEvent[] {
    return [
      this.#event("response.function_call_arguments.delta", { ...this.#place(item), delta: json }),
      this.#event("response.function_call_arguments.done", { ...this.#place(item), name: item.call?.name ?? "", arguments: json }),
      ...this.#itemDone(item, this.#call(item, json, "completed")),
    ];
  }

  #itemDone(item: Open, done: OutputItem): readonly ResponseEvent[] {
    this.#done[item.at] = done;
    return [this.#event("response.output_item.done", { output_index: item.at, item: done })];
  }

  #message = ({ id, text, logprobs }: Open, status: ItemStatus): OutputItem => ({
    type: "message",
    id,
    role: "assistant",
    status,
    content: [textPart(text, logprobs)],
  });

  #call = ({ id, call }: Open, json: string, status: ItemStatus): CallItem => ({
    type: "function_call",
    id,
    call_id: call?.id ?? "",
    name: call?.name ?? "",
    arguments: json,
    status,
  });

  #reasoning(
    { id, text }: Open,
    { signature, redacted }: { readonly signature?: string; readonly redacted?: boolean },
    { provider = "", model = "", api = "" }: ModelAnswer["message"],
  ): ReasoningItem {
    const proof =
      this.#sealed && signature !== undefined ? seal({ provider, model, api, signature, ...(redacted ? { redacted } : {}) }) : undefined;
    return {
      type: "reasoning",
      id,
      summary: text === "" ? [] : [{ type: "summary_text", text }],
      ...(proof === undefined ? {} : { encrypted_content: proof }),
    };
  }
}
