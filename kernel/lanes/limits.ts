/** Who may admit how much: a token bucket for each sender. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { GatewayError } from "@pincer/plugin-sdk/error";
import { laneErrors } from "./errors.ts";
import type { LanesSettings } from "./settings.ts";

export function createLimits(clock: Clock, settings: () => LanesSettings) {
  /** When a sender's bucket will be full again. A full one says nothing, so that the memory is bounded by the senders of the last minutes. */
  const fullAt = new Map<string, number>();
  let prunedAt = clock.monotonic();
  const tokenMs = () => 60_000 / settings().senderRate;

  return {
    /** Takes one token; the error when there is none. */
    take(sender: string): GatewayError | undefined {
      const { senderRate, senderBurst } = settings();
      const now = clock.monotonic();
      if (now - prunedAt >= 60_000) {
        prunedAt = now;
        for (const [other, at] of fullAt) if (at <= now) fullAt.delete(other);
      }
      const next = Math.max(now, fullAt.get(sender) ?? 0) + tokenMs();
      const retryAfterMs = Math.ceil(next - now - senderBurst * tokenMs());
      if (retryAfterMs <= 0) {
        fullAt.set(sender, next);
        return undefined;
      }
      const message = `${sender} has asked ${senderBurst} times at once, and may ask ${senderRate} times a minute`;
      return laneErrors.LANE_RATE_LIMITED(message, { retryAfterMs });
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
