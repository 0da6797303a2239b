import type { Clock } from "@pincer/plugin-sdk/clock";
import { linkSignals } from "@pincer/plugin-sdk/signal";

/** Ends it, with what `late` says, when it takes longer than so many milliseconds. */
export async function within<T>(
  { clock, ms, late, signal }: { readonly clock: Clock; readonly ms: number; readonly late: () => Error; readonly signal: AbortSignal },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using link = linkSignals(signal);
  using _limit = clock.after(ms, () => link.abort(late()));
  return await run(link.signal);
}
