/** How much a plugin is used, over all its generations: what the method `plugins.status` shows. */

/** Every so many calls one is timed, since looking at the clock costs as much as a short call. */
const timedEvery = 16;
const kept = 256;

export class Activity {
  calls = 0;
  /** Calls that ended as a fault of the plugin's own, not those that it refused. */
  errors = 0;
  readonly #times: number[] = [];
  #sorted: readonly number[] | undefined; // until another one comes
  #next = 0;

  /** Counts a call; true when this one is to be timed. */
  begin(): boolean {
    return this.calls++ % timedEvery === 0;
  }

  took(ms: number): void {
    this.#times[this.#next] = ms;
    this.#sorted = undefined;
    this.#next = (this.#next + 1) % kept;
  }

  /** Of the last calls that were timed, in milliseconds; null before the first. */
  latency(): { readonly p50Ms: number; readonly p99Ms: number } | null {
    if (this.#times.length === 0) return null;
    this.#sorted ??= this.#times.toSorted((a, b) => a - b);
    const sorted = this.#sorted;
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  }
}
