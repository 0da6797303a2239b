import type { Clock } from "../clock.ts";
import { pluginErrors } from "../plugin-errors.ts";

/** The promise's outcome, or `PLUGIN_TIMEOUT` when the time is over first. */
export async function within<T>(clock: Clock, ms: number, promise: Promise<T>, what = "it"): Promise<T> {
  const late = Promise.withResolvers<never>();
  using _timer = clock.after(ms, () => late.reject(pluginErrors.PLUGIN_TIMEOUT(`${what} did not end in ${ms} ms`)));
  return await Promise.race([promise, late.promise]);
}
