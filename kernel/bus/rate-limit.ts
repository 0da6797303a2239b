import type { Clock } from "@pincer/plugin-sdk/clock";
import { busErrors } from "@pincer/plugin-sdk/wire/errors";

interface Window {
  calls: number;
  readonly endsAt: number;
}

/** Fixed windows for each principal. Throws `BUS_RATE_LIMITED` with the time until the next one. */
export function createRateLimit(clock: Clock, settings: () => { readonly calls: number; readonly windowMs: number }) {
  const windows = new Map<string, Window>();
  return {
    take(principal: string, what: string): void {
      const { calls, windowMs } = settings();
      const now = clock.monotonic();
      let window = windows.get(principal);
      if (!window || window.endsAt <= now) {
        for (const [other, { endsAt }] of windows) if (endsAt <= now) windows.delete(other);
        window = { calls: 0, endsAt: now + windowMs };
        windows.set(principal, window);
      }
      if (window.calls >= calls) {
        const retryAfterMs = window.endsAt - now;
        throw busErrors.BUS_RATE_LIMITED(
          `${what}: at most ${calls} such calls in ${windowMs} ms, try again in ${Math.ceil(retryAfterMs)} ms`,
          {
            retryAfterMs,
          },
        );
      }
      window.calls++;
    },
  };
}
