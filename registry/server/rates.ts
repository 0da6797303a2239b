/** Token buckets: how much each one may ask for, by a name such as an address. */
import { Later } from "./problem.ts";

export interface Rate {
  readonly burst: number;
  readonly perMinute: number;
}

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** So many are remembered; whoever was not seen for longest is forgotten first, whose bucket is the fullest. */
const most = 50_000;

export interface Rates {
  /** Takes one. Throws `REGISTRY_RATE_LIMITED` with the seconds after which there is one again. */
  take(who: string, amount?: number): void;
}

export function createRates({ burst, perMinute }: Rate, what: string, now: () => number): Rates {
  const buckets = new Map<string, Bucket>();
  const perMs = perMinute / 60_000;
  return {
    take(who, amount = 1) {
      const at = now();
      const before = buckets.get(who) ?? { tokens: burst, at };
      const tokens = Math.min(burst, before.tokens + Math.max(0, at - before.at) * perMs);
      if (tokens < amount)
        throw new Later(
          "REGISTRY_RATE_LIMITED",
          `expected at most ${burst} ${what} at once and ${perMinute} a minute`,
          (amount - tokens) / perMs / 1000,
        );
      buckets.delete(who);
      buckets.set(who, { tokens: tokens - amount, at });
      if (buckets.size > most) buckets.delete(buckets.keys().next().value!);
    },
  };
}
