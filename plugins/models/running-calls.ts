/**
 * The calls that run in this generation. When it goes before one of them ends, which its drain allows, what the call came to is reckoned and
 * told at once: behind that nobody could be told. The call itself ends with it, so that nothing is spent that nobody counts.
 */
import { linkSignals } from "@pincer/plugin-sdk/signal";

/** Tells what a call came to; only the first time that it is told anything. */
type EndOnce = (end: () => void) => void;

export class RunningCalls {
  readonly #unloading: AbortSignal;
  /** How each call would be reckoned now. */
  readonly #running = new Map<EndOnce, () => void>();
  readonly #telling = new Set<Promise<unknown>>();

  constructor(unloading: AbortSignal) {
    this.#unloading = unloading;
  }

  begin(reckon: () => void): EndOnce {
    const once: EndOnce = (end) => {
      if (this.#running.delete(once)) end();
    };
    this.#running.set(once, reckon);
    return once;
  }

  /** Aborts with the caller's signal, and when this generation goes. */
  linked = (signal: AbortSignal) => linkSignals(signal, this.#unloading);

  get isGone(): boolean {
    return this.#unloading.aborted;
  }

  telling(told: Promise<unknown>): void {
    this.#telling.add(told);
    void told.finally(() => this.#telling.delete(told));
  }

  /** Reckons what still runs. Resolves once everything is told. */
  async end(): Promise<void> {
    for (const [once, reckon] of this.#running) once(reckon);
    await Promise.all(this.#telling);
  }
}
