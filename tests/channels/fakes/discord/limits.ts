/** Buckets (discord.com/developers/docs/topics/rate-limits): five messages in five seconds a channel, fifty requests a second in all. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { tooMany } from "./refusal.ts";

const BUCKET = { count: 5, ms: 5_000 };
const GLOBAL = { count: 50, ms: 1_000 };

interface Window {
  until: number;
  left: number;
}

/** Throws a 429; answers with the heads of the answer. */
export type Take = (token: string, bucket: string | undefined) => Readonly<Record<string, string>>;

export function createLimits(clock: Clock): Take {
  const windows = new Map<string, Window>();
  const take = (name: string, { count, ms }: { count: number; ms: number }): Window => {
    const now = clock.monotonic();
    let window = windows.get(name);
    if (!window || window.until <= now) {
      window = { until: now + ms, left: count };
      windows.set(name, window);
    }
    window.left--;
    return window;
  };
  return (token, bucket) => {
    const seconds = ({ until }: Window) => (until - clock.monotonic()) / 1000;
    const all = take(token, GLOBAL);
    if (all.left < 0) throw tooMany(seconds(all), true);
    if (bucket === undefined) return {};
    const own = take(`${token} ${bucket}`, BUCKET);
    const heads = {
      "x-ratelimit-bucket": new Bun.CryptoHasher("md5").update(bucket).digest("hex"),
      "x-ratelimit-limit": String(BUCKET.count),
      "x-ratelimit-remaining": String(Math.max(0, own.left)),
      "x-ratelimit-reset-after": seconds(own).toFixed(3),
      "x-ratelimit-reset": ((clock.now() + seconds(own) * 1000) / 1000).toFixed(3),
    };
    if (own.left < 0) throw tooMany(seconds(own));
    return heads;
  };
}
