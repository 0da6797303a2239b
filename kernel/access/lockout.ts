/** Counts wrong credentials and keeps the door shut to those who guess. What is remembered is bounded. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { AccessSettings } from "./settings.ts";

/** One thing that attempts are counted by. */
export interface Suspect {
  readonly key: string;
  readonly attempts: number;
  readonly lockMs: number;
}

export function createLockout(clock: Clock, settings: () => AccessSettings["lockout"]) {
  /** In monotonic milliseconds; in the order in which they came last. */
  const records = new Map<string, { readonly since: number; failures: number; readonly lockedUntil: number }>();

  const count = ({ key }: Suspect) => {
    const now = clock.monotonic();
    const known = records.get(key);
    const record = known && now - known.since < settings().windowMs ? known : { since: now, failures: 0, lockedUntil: 0 };
    record.failures += 1;
    records.delete(key);
    records.set(key, record);
    if (records.size > settings().maxTracked) records.delete(records.keys().next().value as string);
    return record;
  };

  return {
    /** How long the door stays shut to any of them, in whole milliseconds; 0 when it is open. */
    shutMs(suspects: readonly Suspect[]): number {
      const now = clock.monotonic();
      const shut = suspects.map(({ key, attempts }) => {
        const { since, failures, lockedUntil } = records.get(key) ?? { since: 0, failures: 0, lockedUntil: 0 };
        return Math.max(lockedUntil - now, failures >= attempts ? settings().windowMs - (now - since) : 0);
      });
      return Math.ceil(Math.max(0, ...shut));
    },

    /**
     * Counts an attempt before it is known how it ends, so that many at once are not judged by the count before them all. What it returns
     * is told the end, and says who is locked out from now on.
     */
    begin(suspects: readonly Suspect[]): (isRight: boolean) => readonly Suspect[] {
      const counted = suspects.map((suspect) => ({ suspect, record: count(suspect) }));
      return (isRight) =>
        counted.flatMap(({ suspect, record }) => {
          if (isRight) record.failures -= 1;
          if (isRight || record.failures < suspect.attempts || records.get(suspect.key) !== record) return [];
          // Counting begins anew behind the lock, which further attempts do not prolong.
          records.set(suspect.key, { since: clock.monotonic(), failures: 0, lockedUntil: clock.monotonic() + suspect.lockMs });
          return [suspect];
        });
    },
  };
}
