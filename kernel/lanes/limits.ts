/** Who may admit how much: a token bucket for each sender. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { laneErrors } from "./errors.ts";
import type { LanesSettings } from "./settings.ts";

export function createLimits(clock: Clock, settings: () => LanesSettings) {
  /** When a sender's bucket will be full again. A full one says nothing, so that the memory is bounded by the senders of the last minutes. */
  const fullAt = new Map<string, number>();
  let prunedAt = clock.monotonic();
  const tokenMs = () => 60_000 / settings().senderRate;

  return {
    /** Takes one token. Throws `LANE_RATE_LIMITED` when there is none. */
    take(sender: string): void {
      const { senderRate, senderBurst } = settings();
      const now = clock.monotonic();
      if (now - prunedAt >= 60_000) {
        prunedAt = now;
        for (const [other, at] of fullAt) if (at <= now) fullAt.delete(other);
      }
      const next = Math.max(now, fullAt.get(sender) ?? 0) + tokenMs();
      const retryAfterMs = Math.ceil(next - now - senderBurst * tokenMs());
      const message = `${sender} has asked ${senderBurst} times at once, and may ask ${senderRate} times a minute`;
      if (retryAfterMs > 0) throw laneErrors.LANE_RATE_LIMITED(message, { retryAfterMs });
      fullAt.set(sender, next);
    },
    /** For an admission that was none: refused by others, or a repetition. */
    giveBack(sender: string): void {
      const at = fullAt.get(sender);
      if (at !== undefined) fullAt.set(sender, at - tokenMs());
    },
    get senders() {
      return fullAt.size;
    },
  };
}
