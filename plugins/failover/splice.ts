/**
 * One answer out of several requests: what a broken stream had brought stays, and what another goes on with stands behind it. A single
 * request's answer is passed on as it is.
 */
import type { ModelAnswer, ModelEvent, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, Message, StopReason, Usage } from "@pincer/plugin-sdk/message";

type Block = AssistantMessage["content"][number];

const textOf = (blocks: readonly Block[]): string => blocks.map((block) => (block.type === "text" ? block.text : "")).join("");

const sum = (a: Usage, b: Usage): Usage => ({
  input: a.input + b.input,
  output: a.output + b.output,
  cacheRead: a.cacheRead + b.cacheRead,
  cacheWrite: a.cacheWrite + b.cacheWrite,
  totalTokens: a.totalTokens + b.totalTokens,
  cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
});

export class Splice {
  /** What earlier requests left, in their order. */
  #kept: Block[] = [];
  #used: Usage | undefined;
  /** Places of blocks that were told of, by this request's own numbers. */
  #places = new Map<number, number>();
  #next = 0;
  /** The place of the text at the end, which the next request goes on with. */
  #open: number | undefined;

  /** All text that has gone out. */
  get text(): string {
    return textOf(this.#kept);
  }

  /** The event, with the place that its block has in the whole. */
  placed(event: ModelEvent): ModelEvent {
    const known = this.#places.get(event.index);
    if (known !== undefined) return known === event.index ? event : { ...event, index: known };
    const goesOn = event.type === "text" && this.#open !== undefined;
    const place = goesOn ? (this.#open as number) : this.#next++;
    if (goesOn) this.#open = undefined;
    this.#places.set(event.index, place);
    return place === event.index ? event : { ...event, index: place };
  }

  /** A request has failed; what had come of it stays. */
  keep({ message, usage }: ModelAnswer): void {
    this.#kept = this.#joined(message.content);
    this.#used = this.#sum(usage);
    this.#places = new Map();
    this.#next = Math.max(this.#next, this.#kept.length);
    const last = this.#kept.at(-1);
    this.#open = last?.type === "text" ? this.#kept.length - 1 : undefined;
  }

  finish(answer: ModelAnswer): ModelAnswer {
    if (this.#used === undefined && this.#kept.length === 0) return answer;
    const usage = this.#sum(answer.usage) ?? answer.usage;
    return { ...answer, usage, message: { ...answer.message, content: this.#joined(answer.message.content), usage } };
  }

  /** Ends it with what there is. */
  end(head: AssistantMessage, stopReason: StopReason, none: Usage, failure?: ModelFailure): ModelAnswer {
    const usage = this.#used ?? none;
    const said = failure === undefined ? {} : { errorMessage: failure.message };
    const message: AssistantMessage = { ...head, content: this.#kept, usage, stopReason, ...said };
    return { message, stopReason, usage, ...(failure === undefined ? {} : { failure }) };
  }

  /** What is sent so that the model goes on behind the text; a text that the request ended with already comes before it. */
  continued(messages: readonly Message[], timestamp: number): Message[] {
    if (this.text === "") return [...messages];
    const last = messages.at(-1);
    const before = last?.role === "assistant" ? textOf(last.content) : "";
    const rest = last?.role === "assistant" ? messages.slice(0, -1) : messages;
    return [...rest, { role: "assistant", content: [{ type: "text", text: before + this.text }], timestamp }];
  }

  #joined(content: readonly Block[]): Block[] {
    const last = this.#kept.at(-1);
    const at = content.findIndex(({ type }) => type === "text");
    const first = content[at];
    if (last?.type !== "text" || first?.type !== "text") return [...this.#kept, ...content];
    const whole: Block = { type: "text", text: last.text + first.text };
    return [...this.#kept.slice(0, -1), whole, ...content.filter((_, index) => index !== at)];
  }

  /** A request that used nothing has no price to be unknown. */
  #sum(usage: Usage): Usage | undefined {
    if (usage.totalTokens === 0) return this.#used;
    return this.#used ? sum(this.#used, usage) : usage;
  }
}
