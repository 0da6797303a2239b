/** Counts wrong credentials and keeps the door shut to those who guess. What is remembered is bounded. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { AccessSettings } from "./settings.ts";

/** One thing that attempts are counted by. */
export interface Suspect {
  readonly key: string;
  readonly attempts: number;
  readonly lockMs: number;
}

interface Tally {
  /** Monotonic milliseconds. */
  since: number;
  failures: number;
  lockedUntil: number;
}

export interface Lockout {
  /** How long the door stays shut to any of them, in milliseconds; 0 when it is open. */
  shutMs(suspects: readonly Suspect[]): number;
  /** Returns the suspects who are locked out from now on. */
  fail(suspects: readonly Suspect[]): readonly Suspect[];
  /** Takes back one failure that turned out to be none. */
  forgive(suspects: readonly Suspect[]): void;
}

export function createLockout(clock: Clock, settings: () => AccessSettings["lockout"]): Lockout {
  const records = new Map<string, Tally>();

  const fail = ({ key, attempts, lockMs }: Suspect): boolean => {
    const { windowMs, maxTracked } = settings();
    const now = clock.monotonic();
    const known = records.get(key);
    const record = known && now - known.since < windowMs ? known : { since: now, failures: 0, lockedUntil: 0 };
    record.failures += 1;
    records.delete(key);
    records.set(key, record);
    if (records.size > maxTracked) records.delete(records.keys().next().value as string);
    if (record.failures < attempts) return false;
    // Counting begins anew behind the lock, which further attempts do not prolong.
    Object.assign(record, { failures: 0, since: now, lockedUntil: now + lockMs });
    return true;
  };

  return {
    shutMs: (suspects) => Math.max(0, ...suspects.map(({ key }) => (records.get(key)?.lockedUntil ?? 0) - clock.monotonic())),
    fail: (suspects) => suspects.filter(fail),
    forgive(suspects) {
      for (const { key } of suspects) {
        const record = records.get(key);
        if (record && record.failures > 0) record.failures -= 1;
      }
    },
  };
}
