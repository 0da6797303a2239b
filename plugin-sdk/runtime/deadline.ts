import type { Clock } from "../clock.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { inTime } from "../provider/in-time.ts";

/** The promise's outcome, or `PLUGIN_TIMEOUT` when the time is over first. */
export const within = <T>(clock: Clock, ms: number, promise: Promise<T>, what = "it"): Promise<T> =>
  inTime(clock, ms, promise, () => pluginErrors.PLUGIN_TIMEOUT(`${what} did not end in ${ms} ms`));
