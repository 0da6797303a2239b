/**
 * A long reply to a channel goes out in pieces while it is being written. Each piece is journalled before it is admitted, so that a turn
 * that goes on after a crash knows what was said already, and neither repeats nor changes it.
 */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Admission, Job } from "@pincer/plugin-sdk/job";
import type { AgentConfig } from "./config.ts";

type BlockLimits = Pick<AgentConfig, "blockMinChars" | "blockMaxChars" | "blockIdleMs">;

const fence = /^ {0,3}(```|~~~)/gm;
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

interface BlockRepliesOptions {
  readonly job: Pick<Job, "effect" | "sendNow">;
  readonly clock: Clock;
  readonly limits: () => BlockLimits;
  readonly enabled: boolean;
  readonly admission: (name: string, text: string) => Promise<Admission>;
}

export class BlockReplies {
  readonly #options: BlockRepliesOptions;
  #next = 0;
  #sent = "";
  #pending = "";
  /** How much of what earlier processes sent has not been written again. */
  #ahead = 0;
  #timer: Disposable | undefined;
  #sending: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(options: BlockRepliesOptions) {
    this.#options = options;
  }

  /** The beginning of the run's text that has gone out. */
  get sent(): string {
    return this.#sent;
  }

  /** Finds what earlier processes sent. Names count on over restarts: one that holds nothing marks where a process began. */
  async replay(): Promise<void> {
    for (let fresh = false; !fresh; ) {
      const index = this.#next++;
      const mark = async () => {
        fresh = true;
        return null;
      };
      const piece = await this.#options.job.effect<string | null>(`block-text:${index}`, null, mark, { replay: "safe" });
      if (piece === null) continue;
      this.#sent += piece;
      await this.#admit(index, piece);
    }
    this.#ahead = this.#sent.length;
  }

  /** The run's text as it grows. */
  write(delta: string): void {
    const again = Math.min(this.#ahead, delta.length);
    this.#ahead -= again;
    this.#pending += delta.slice(again);
    if (!this.#options.enabled || this.#pending === "") return;
    this.#cut(false);
    this.#awaitIdle();
  }

  /** Takes back text that has not gone out. */
  rewind(chars: number): void {
    this.#pending = this.#pending.slice(0, Math.max(0, this.#pending.length - chars));
  }

  /** The text that has not gone out, once what is on its way has. Nothing goes out behind it. */
  async finish(): Promise<string> {
    this[Symbol.dispose]();
    await this.#sending;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#pending;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #awaitIdle(): void {
    this.#timer?.[Symbol.dispose]();
    const { clock, limits } = this.#options;
    this.#timer = this.#pending.trim() === "" ? undefined : clock.after(limits().blockIdleMs, () => this.#cut(true));
  }

  #cut(idle: boolean): void {
    const limits = this.#options.limits();
    for (let end = blockEnd(this.#pending, limits, idle); end > 0; end = blockEnd(this.#pending, limits, idle)) {
      const piece = this.#pending.slice(0, end);
      const index = this.#next++;
      this.#pending = this.#pending.slice(end);
      this.#sent += piece;
      this.#sending = this.#sending.then(() => this.#send(index, piece));
    }
  }

  async #send(index: number, piece: string): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await this.#options.job.effect(`block-text:${index}`, null, async () => piece, { replay: "safe" });
      await this.#admit(index, piece);
    } catch (error) {
      this.#failure = error; // Told by `finish`, which every turn comes to.
    }
  }

  async #admit(index: number, piece: string): Promise<void> {
    const text = piece.trim();
    if (text !== "") await this.#options.job.sendNow(`block:${index}`, await this.#options.admission(`block:${index}`, text));
  }
}
