/**
 * One answer out of several requests: what a broken stream had told stays, and what another goes on with stands behind it. A single
 * request's answer is passed on as it is.
 *
 * A request that breaks may be made again, and only text can be gone on with. So a thought is told once the text behind it is, and a tool
 * call, with all that follows it, once the answer has ended: nobody hears of either twice.
 */
import type { ModelAnswer, ModelEvent, ModelFailure } from "@pincer/plugin-sdk/contracts/provider";
import type { AssistantMessage, Message, StopReason, Usage } from "@pincer/plugin-sdk/message";

type Block = AssistantMessage["content"][number];

/** Of a block that is told of piece by piece. */
interface Told {
  readonly type: "text" | "thinking";
  text: string;
}

const textOf = (blocks: readonly Block[]): string => blocks.map((block) => (block.type === "text" ? block.text : "")).join("");

/** Without a vendor's proof of its thinking: it says nothing to the one that goes on. */
const blockOf = ({ type, text }: Told): Block => (type === "text" ? { type, text } : { type, thinking: text });

const sum = (a: Usage, b: Usage): Usage => ({
  input: a.input + b.input,
  output: a.output + b.output,
  cacheRead: a.cacheRead + b.cacheRead,
  cacheWrite: a.cacheWrite + b.cacheWrite,
  totalTokens: a.totalTokens + b.totalTokens,
  cost: a.cost === null || b.cost === null ? null : a.cost + b.cost,
});

export class Splice {
  /** What earlier requests have told; it ends in a text, if there is anything. */
  #kept: Block[] = [];
  #used: Usage | undefined;
  /** The place in the whole of this request's first block. */
  #begin = 0;
  /** By this request's own places. */
  #told = new Map<number, Told>();
  #held: ModelEvent[] = [];
  #holdsCall = false;
  /** This request's place of the text that goes on with the one that was kept. */
  #joint: number | undefined;

  /** All text that has gone out. */
  get text(): string {
    return textOf(this.#kept);
  }

  /** What can be told now that this has come, each with the place that its block has in the whole. */
  take(event: ModelEvent): readonly ModelEvent[] {
    if (event.type === "text" && !this.#holdsCall) return [...this.#release(), this.#tell(event)];
    this.#held.push(event);
    this.#holdsCall ||= event.type === "tool-call";
    return [];
  }

  /** What was held back, now that nothing is asked any more. An answer that broke has no tool calls. */
  rest({ stopReason }: ModelAnswer): readonly ModelEvent[] {
    const isWhole = stopReason !== "error" && stopReason !== "aborted";
    return this.#release((event) => isWhole || event.type !== "tool-call");
  }

  /** A request has failed, and another is made: what was told of it stays. */
  keep({ usage }: ModelAnswer): void {
    const places = [...this.#told.keys()].map((at) => this.#placeOf(at));
    this.#kept = this.#joined(this.#said);
    this.#used = this.#sum(usage);
    this.#begin = Math.max(this.#begin, ...places.map((place) => place + 1));
    this.#told = new Map();
    this.#joint = undefined;
    this.#release(() => false);
  }

  finish(answer: ModelAnswer): ModelAnswer {
    if (this.#used === undefined && this.#kept.length === 0) return answer;
    const usage = this.#sum(answer.usage) ?? answer.usage;
    return { ...answer, usage, message: { ...answer.message, content: this.#joined(answer.message.content), usage } };
  }

  /** Ends it with what was told. */
  end(head: AssistantMessage, stopReason: StopReason, none: Usage, failure?: ModelFailure): ModelAnswer {
    const usage = this.#used ?? none;
    const said = failure === undefined ? {} : { errorMessage: failure.message };
    const message: AssistantMessage = { ...head, content: this.#joined(this.#said), usage, stopReason, ...said };
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

  get #said(): readonly Block[] {
    return [...this.#told.values()].filter(({ text }) => text !== "").map(blockOf);
  }

  #release(isTold: (event: ModelEvent) => boolean = () => true): readonly ModelEvent[] {
    const held = this.#held;
    this.#held = [];
    this.#holdsCall = false;
    return held.filter(isTold).map((event) => this.#tell(event));
  }

  #tell(event: ModelEvent): ModelEvent {
    const { index } = event;
    if (event.type === "text" && this.#kept.length > 0) this.#joint ??= index;
    if (event.type !== "tool-call") {
      const told = this.#told.get(index) ?? { type: event.type, text: "" };
      told.text += event.delta;
      this.#told.set(index, told);
    }
    const place = this.#placeOf(index);
    return place === index ? event : { ...event, index: place };
  }

  /** The text that goes on takes the place of the one that it goes on with, and none of its own. */
  #placeOf(index: number): number {
    if (index === this.#joint) return this.#begin - 1;
    return this.#begin + index - (this.#joint !== undefined && index > this.#joint ? 1 : 0);
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
