/** Background work of one instance. It begins when its generation is the current one, and ends before the next one's begins. */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../error.ts";
import { within } from "./deadline.ts";

type Run = (signal: AbortSignal) => Promise<void>;

/** Between a failure and the next attempt; it doubles with each failure. */
export interface Pauses {
  readonly retryFirstMs: number;
  readonly retryLongestMs: number;
}

export const pauseAfter = (failures: number, { retryFirstMs, retryLongestMs }: Pauses): number =>
  Math.min(retryLongestMs, retryFirstMs * 2 ** failures);

/** The same error, for who may try again after so long; as it is when that would not help. */
export const retryAfter = (error: GatewayError, ms: number): GatewayError =>
  error.retryable && Number.isFinite(ms)
    ? new GatewayError(error.code, error, error.message, {
        ...(error.data && { data: error.data }),
        ...(error.cause !== undefined && { cause: error.cause }),
        retryAfterMs: ms,
      })
    : error;

export class Services {
  readonly #all = new Map<string, Run>();
  readonly #running = new Map<string, Promise<void>>();
  #stop: AbortController | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly limits: () => Pauses & { readonly unloadMs: number },
    private readonly failed: (name: string, error: unknown) => void,
  ) {}

  get size(): number {
    return this.#all.size;
  }

  add(name: string, run: Run): void {
    this.#all.set(name, run);
    if (this.#stop) this.#begin(name, run, this.#stop.signal);
  }

  start(): void {
    this.#stop = new AbortController();
    for (const [name, run] of this.#all) this.#begin(name, run, this.#stop.signal);
  }

  /** Answers with those that did not end in time. */
  async stop(reason: unknown): Promise<readonly string[]> {
    this.#stop?.abort(reason);
    this.#stop = undefined;
    await within(this.clock, this.limits().unloadMs, Promise.all(this.#running.values())).catch(() => undefined); // silent-ok: they are named in the answer
    return [...this.#running.keys()].map((name) => `service ${name}`);
  }

  #begin(name: string, run: Run, signal: AbortSignal): void {
    const ended = this.#keep(name, run, signal).finally(() => {
      if (this.#running.get(name) === ended) this.#running.delete(name);
    });
    this.#running.set(name, ended);
  }

  /** Runs it until it returns; again, after a pause that grows, when it throws. */
  async #keep(name: string, run: Run, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      const begun = this.clock.monotonic();
      try {
        return await run(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.failed(name, error);
      }
      if (this.clock.monotonic() - begun > this.limits().retryLongestMs) failures = 0;
      await this.clock.sleep(pauseAfter(failures, this.limits()), signal).catch(() => undefined); // silent-ok: stopped while it waited
    }
  }
}
