/** Who may admit how much: a token bucket for each sender. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { GatewayError } from "@pincer/plugin-sdk/error";
import { laneErrors } from "./errors.ts";
import type { LanesSettings } from "./settings.ts";

interface Bucket {
  tokens: number;
  at: number;
}

export interface Limits {
  /** Takes one token; the error when there is none. */
  take(sender: string): GatewayError | undefined;
  /** For an admission that was none: refused by others, or a repetition. */
  giveBack(sender: string): void;
  readonly senders: number;
}

export function createLimits(clock: Clock, settings: () => LanesSettings): Limits {
  const buckets = new Map<string, Bucket>();
  let prunedAt = clock.monotonic();
  const perMs = () => settings().senderRate / 60_000;

  const refill = (bucket: Bucket) => {
    const now = clock.monotonic();
    bucket.tokens = Math.min(settings().senderBurst, bucket.tokens + (now - bucket.at) * perMs());
    bucket.at = now;
    return bucket;
  };

  /** A full bucket says nothing: forgetting it bounds the memory by the senders of the last minutes. */
  const prune = () => {
    if (clock.monotonic() - prunedAt < 60_000) return;
    prunedAt = clock.monotonic();
    for (const [sender, bucket] of buckets) if (refill(bucket).tokens >= settings().senderBurst) buckets.delete(sender);
  };

  return {
    take(sender) {
      prune();
      let bucket = buckets.get(sender);
      if (!bucket) {
        bucket = { tokens: settings().senderBurst, at: clock.monotonic() };
        buckets.set(sender, bucket);
      }
      if (refill(bucket).tokens >= 1) {
        bucket.tokens -= 1;
        return undefined;
      }
      return laneErrors.LANE_RATE_LIMITED(
        `${sender} has asked ${settings().senderBurst} times at once, and may ask ${settings().senderRate} times a minute`,
        {
          retryAfterMs: Math.ceil((1 - bucket.tokens) / perMs()),
        },
      );
    },
    giveBack(sender) {
      const bucket = buckets.get(sender);
      if (bucket) bucket.tokens = Math.min(settings().senderBurst, bucket.tokens + 1);
    },
    get senders() {
      return buckets.size;
    },
  };
}
