/** Waits for work no longer than it may take. */
import type { Clock } from "../clock.ts";

/** Rejects with what `late` makes when the work is not done after so many milliseconds; what was begun goes on. */
export async function inTime<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  const up = Promise.withResolvers<never>();
  using _timer = clock.after(ms, () => up.reject(late()));
  return await Promise.race([work, up.promise]);
}

/** How many probes' time a status waits for a server that says something, and not all. */
const PROBES = 6;

/** What a server says of itself, for a status: the others are asked with it, and must not wait for one that drips. */
export const statusInTime = <T>(clock: Clock, probeTimeoutMs: number, asked: Promise<T>): Promise<T> =>
  inTime(clock, PROBES * probeTimeoutMs, asked, () => new Error("it is slow to say what it has"));
