/**
 * A long reply to a channel goes out while it is being written: in pieces, each a message of its own, or, where messages can be edited, as one
 * message that grows. Everything is journalled before it is admitted, so that a turn that goes on after a crash knows what was said already: a
 * finished piece is neither repeated nor changed, and what was shown of an unfinished one is edited on.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Streaming } from "@pincer/plugin-sdk/contracts/outbox";
import type { Admission, Job } from "@pincer/plugin-sdk/job";
import type { AgentConfig } from "./config.ts";

type BlockLimits = Pick<AgentConfig, "blockMinChars" | "blockMaxChars" | "blockIdleMs">;

const fence = /^ {0,3}(```|~~~)/gm;
const sentence = /[.!?…。！？:]["')\]»”]*\s|\n/;
const borders = [/\n\s*\n/g, /\n/g, /[.!?…。！？]["')\]»”]*\s/g, /\s/g] as const;

/** Whether a code block is open at that place: nothing is cut inside one. */
const insideFence = (text: string, at: number) => [...text.slice(0, at).matchAll(fence)].length % 2 === 1;

/**
 * Where the first piece of a growing text ends; 0 while it is too early to say. Paragraphs are preferred to lines, lines to sentences,
 * sentences to words. An idle text ends where its last finished line or sentence does.
 */
export function blockEnd(text: string, { blockMinChars: min, blockMaxChars: max }: BlockLimits, idle = false): number {
  if (idle && text.length < min) {
    const end = /[.!?…。！？:]["')\]»”]*\s*$|\n\s*$/.test(text) ? text.length : 0;
    return insideFence(text, end) ? 0 : end;
  }
  if (text.length < min) return 0;
  const full = text.length >= max;
  const within = text.slice(0, max);
  for (const [rank, border] of borders.entries()) {
    // Until there is no more room a better border may still come: only paragraphs end a piece early.
    if (rank > 0 && !full && !idle) break;
    const ends = [...within.matchAll(border)].map((match) => match.index + match[0].length);
    const end = ends.findLast((at) => at >= min / 2 && (at >= min || full || idle) && !insideFence(text, at));
    if (end !== undefined) return end;
  }
  if (!full || insideFence(text, max)) return 0;
  return /[\uD800-\uDBFF]$/.test(within) ? max - 1 : max;
}

/** What a piece is sent as: in the place of what was shown of it while it grew, and whether it grows on. */
type Growth = { readonly edits?: string; readonly growing?: boolean };

interface BlockRepliesOptions {
  readonly job: Pick<Job, "effect" | "sendNow">;
  readonly clock: Clock;
  readonly limits: () => BlockLimits;
  readonly keyOf: (name: string) => string;
  readonly admission: (name: string, text: string, growth: Growth) => Promise<Admission>;
}

/** A finished piece; one as it was shown while it grew; or the mark of where a process began. */
type Written = string | { readonly grown: string } | null;

export class BlockReplies {
  readonly #options: BlockRepliesOptions;
  #mode: Streaming = { mode: "off" };
  #next = 0;
  #sent = "";
  #pending = "";
  /** How much of what earlier processes sent has not been written again. */
  #ahead = 0;
  #timer: Disposable | undefined;
  #sending: Promise<void> = Promise.resolve();
  #failure: unknown;
  /** The key of what is shown of the unfinished piece, and its text. */
  #grown: { readonly key: string; readonly text: string } | undefined;
  /** Until then what is shown is not edited again. */
  #rest: Disposable | undefined;

  constructor(options: BlockRepliesOptions) {
    this.#options = options;
  }

  /** The beginning of the run's text that has gone out for good. */
  get sent(): string {
    return this.#sent;
  }

  /** The beginning of the run's text that people have read, or are about to. */
  get shown(): string {
    return this.#sent + (this.#grown?.text ?? "");
  }

  /** The key of what is shown of the text that has not gone out for good. */
  get edits(): string | undefined {
    return this.#grown?.key;
  }

  /** How what is written from now on goes out. */
  begin(mode: Streaming): void {
    this.#mode = mode;
  }

  /**
   * Finds what earlier processes sent, also when it throws because the job was told to end. Names count on over restarts: one that holds
   * nothing marks where a process began.
   */
  async replay(): Promise<void> {
    try {
      for (let fresh = false; !fresh; ) {
        const index = this.#next++;
        const mark = async () => {
          fresh = true;
          return null;
        };
        const written = await this.#options.job.effect<Written>(`block-text:${index}`, null, mark, { replay: "safe" });
        if (written !== null) await this.#admit(index, written);
      }
    } finally {
      this.#ahead = this.#sent.length;
    }
  }

  /** The run's text as it grows. */
  write(delta: string): void {
    const again = Math.min(this.#ahead, delta.length);
    this.#ahead -= again;
    this.#pending += delta.slice(again);
    if (this.#mode.mode === "off" || this.#pending === "") return;
    this.#cut(false);
    if (this.#mode.mode === "edit") this.#grow(false);
    this.#awaitIdle();
  }

  /** Takes back text that has not gone out for good. */
  rewind(chars: number): void {
    this.#pending = this.#pending.slice(0, Math.max(0, this.#pending.length - chars));
  }

  /** The text that has not gone out for good, once what is on its way has. Nothing goes out behind it. */
  async finish(): Promise<string> {
    this[Symbol.dispose]();
    await this.#sending;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#pending;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#rest?.[Symbol.dispose]();
    this.#rest = undefined;
    this.#mode = { mode: "off" };
  }

  #awaitIdle(): void {
    this.#timer?.[Symbol.dispose]();
    const { clock, limits } = this.#options;
    const onIdle = () => (this.#mode.mode === "edit" ? this.#grow(true) : this.#cut(true));
    this.#timer = this.#pending.trim() === "" ? undefined : clock.after(limits().blockIdleMs, onIdle);
  }

  /** Shows what there is of the unfinished piece, at first from a sentence on, and not more often than the platform likes. */
  #grow(idle: boolean): void {
    const text = this.#pending;
    if (this.#rest !== undefined || text.trim() === "" || text === this.#grown?.text) return;
    if (this.#grown === undefined && !idle && !sentence.test(text)) return;
    this.#post(this.#next++, { grown: text });
    this.#rest = this.#options.clock.after(this.#mode.everyMs ?? this.#options.limits().blockIdleMs, () => {
      this.#rest = undefined;
      this.#grow(false);
    });
  }

  #cut(idle: boolean): void {
    const limits = this.#limits();
    for (let end = blockEnd(this.#pending, limits, idle); end > 0; end = blockEnd(this.#pending, limits, idle)) {
      const piece = this.#pending.slice(0, end);
      this.#pending = this.#pending.slice(end);
      this.#post(this.#next++, piece);
    }
  }

  /** A message that grows is full; others are as long as is pleasant to read. */
  #limits(): BlockLimits {
    const limits = this.#options.limits();
    const { mode, chars } = this.#mode;
    return mode === "edit" && chars !== undefined ? { ...limits, blockMinChars: Math.floor(chars * 0.6), blockMaxChars: chars } : limits;
  }

  #post(index: number, written: Written): void {
    const send = this.#keep(index, written);
    this.#sending = this.#sending.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await this.#options.job.effect(`block-text:${index}`, null, async () => written, { replay: "safe" });
        await send();
      } catch (error) {
        this.#failure = error; // Told by `finish`, which every turn comes to.
      }
    });
  }

  async #admit(index: number, written: Written): Promise<void> {
    await this.#keep(index, written)();
  }

  /** Counts it as shown or sent; what is returned admits it. */
  #keep(index: number, written: Written): () => Promise<void> {
    if (written === null) return async () => undefined;
    const name = `block:${index}`;
    const growing = typeof written === "object";
    const whole = growing ? written.grown : written;
    const edits = this.#grown === undefined ? {} : { edits: this.#grown.key };
    const text = whole.trim();
    if (growing) this.#grown = { key: this.#options.keyOf(name), text: whole };
    else {
      this.#sent += whole;
      this.#grown = undefined;
    }
    return async () => {
      if (text === "") return;
      const admission = await this.#options.admission(name, text, { ...edits, ...(growing ? { growing } : {}) });
      await this.#options.job.sendNow(name, admission);
    };
  }
}
