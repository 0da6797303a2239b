/** How fast lines may go: some at once, then one at a time. Servers throw out whoever is faster. */
import type { Clock } from "@pincer/plugin-sdk/clock";

export class Bucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #everyMs: number;
  /** When all lines that were let through would have gone one at a time. */
  #through = 0;

  constructor(clock: Clock, burst: number, everyMs: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#everyMs = everyMs;
  }

  /** Takes room for that many lines. Answers with the milliseconds until there is some, and has taken none then; 0 when it has. */
  take(lines: number): number {
    const now = this.#clock.monotonic();
    const begin = Math.max(now, this.#through);
    // More than there ever is at once goes when all is empty.
    const room = Math.max(0, this.#burst - lines) * this.#everyMs;
    const wait = begin - now - room;
    if (wait > 0) return Math.ceil(wait);
    this.#through = begin + lines * this.#everyMs;
    return 0;
  }
}
