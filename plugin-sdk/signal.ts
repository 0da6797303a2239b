/** A signal of one's own behind others, for work that also ends by itself. */
import type { Clock } from "./clock.ts";

export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
}

/**
 * Aborts with the first of the sources, or when it is told to; disposing it lets go of them. In place of `AbortSignal.any`, which in
 * Bun 1.4.5 keeps every signal that was ever listened to, and whatever its listeners hold.
 */
export function linkSignals(...sources: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController();
  let isLinked = false;
  const onAbort = ({ target }: Event) => abort((target as AbortSignal).reason);
  const unlink = () => {
    if (!isLinked) return;
    isLinked = false;
    for (const source of sources) source.removeEventListener("abort", onAbort);
  };
  const abort = (reason: unknown) => {
    unlink();
    controller.abort(reason);
  };
  const aborted = sources.find((source) => source.aborted);
  if (aborted) controller.abort(aborted.reason);
  else {
    // Not "once", which costs more than to remove it.
    for (const source of sources) source.addEventListener("abort", onAbort);
    isLinked = true;
  }
  return { signal: controller.signal, abort, [Symbol.dispose]: unlink };
}

export interface Deadline {
  readonly clock: Pick<Clock, "after">;
  /** Milliseconds that it may take. */
  readonly ms: number;
  /** What it ends with then. */
  readonly late: () => Error;
  readonly signal: AbortSignal;
}

/** Its signal aborts when it takes too long, or with the one that is given. */
export async function within<T>({ clock, ms, late, signal }: Deadline, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  using link = linkSignals(signal);
  using _limit = clock.after(ms, () => link.abort(late()));
  return await run(link.signal);
}
