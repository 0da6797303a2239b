/** Counts wrong codes. Whoever decides could approve without one: this keeps a program in their name from trying one after the other. */
import type { Clock } from "@pincer/plugin-sdk/clock";

const windowMs = 600_000;
/** Whoever can be counted can be named, so that there are few. */
const most = 1_000;

export class Attempts {
  readonly #wrong = new Map<string, { since: number; count: number }>();

  constructor(
    readonly clock: Clock,
    readonly limit: () => number,
  ) {}

  /** Milliseconds until this one may try again; 0: now. */
  lockedFor(who: string): number {
    const entry = this.#wrong.get(who);
    if (entry === undefined || entry.count < this.limit()) return 0;
    return Math.max(0, entry.since + windowMs - this.clock.now());
  }

  wrong(who: string): void {
    const now = this.clock.now();
    const entry = this.#wrong.get(who);
    if (entry !== undefined && entry.since + windowMs > now) entry.count += 1;
    else {
      this.#wrong.delete(who);
      this.#wrong.set(who, { since: now, count: 1 });
    }
    if (this.#wrong.size > most) this.#wrong.delete(this.#wrong.keys().next().value!);
  }
}
