/** Health through restarts: what has changed is written behind the back of whoever waits for a model, one commit at a time. */
import type { KeyValueStore, Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Health, ProfileHealth, Reason, TargetHealth } from "./health.ts";
import { isOwn } from "./order.ts";

/** A cooldown's end by the clock on the wall, and how long it is at most should that clock be set. */
interface StoredCooldown {
  readonly untilAt: number;
  readonly forMs: number;
  readonly reason: Reason;
}

interface Stored {
  readonly profile: string;
  readonly health: ProfileHealth;
  readonly models: Readonly<Record<string, Omit<TargetHealth, "cooling"> & { readonly cooling?: StoredCooldown }>>;
}

interface HealthStore {
  load(): Promise<void>;
  /** `counts`: what has changed may wait a while for others. */
  changed(profile: string, counts?: "counts"): void;
  /** Resolves once everything that changed before is durable. */
  flush(): Promise<void>;
}

/** So that a turn costs no commit of its own. */
const COUNTS_MS = 2_000;

const keyOf = (profile: string): string => `health/${profile}`;

export function createHealthStore(
  { clock, log, store }: { readonly clock: Clock; readonly log: Logger; readonly store: KeyValueStore },
  health: () => Health,
  isKnown: (profile: string) => boolean,
): HealthStore {
  let waiting = new Set<string>();
  let writing: Promise<void> | undefined;
  let timer: Disposable | undefined;

  const storedOf = (profile: string): Stored | undefined => {
    if (!isKnown(profile)) return undefined;
    const { failed, ...rest } = health().profile(profile);
    const models = health()
      .models(profile)
      .map(([model, { successes, failures, latencyMs, strikes, cooling }]) => {
        const untilAt = cooling && clock.now() + cooling.until - clock.monotonic();
        const stored = cooling && untilAt !== undefined ? { cooling: { untilAt, forMs: cooling.forMs, reason: cooling.reason } } : {};
        return [model, { successes, failures, latencyMs, strikes, ...stored }] as const;
      });
    // A key of the environment may be another after a restart, which is how most people change it.
    const kept = failed && !isOwn(profile) ? { ...rest, failed } : rest;
    return { profile, health: kept, models: Object.fromEntries(models) };
  };

  const write = async (): Promise<void> => {
    while (waiting.size > 0) {
      const batch = waiting;
      waiting = new Set();
      await store.set(Object.fromEntries([...batch].map((profile) => [keyOf(profile), storedOf(profile)])));
    }
  };
  const start = (): Promise<void> => {
    timer?.[Symbol.dispose]();
    timer = undefined;
    writing ??= write()
      .catch((error: unknown) => log.error("failover.health-not-kept", { error: errorMessage(error) }))
      .finally(() => {
        writing = undefined;
      });
    return writing;
  };

  return {
    async load() {
      // Behind what the generation before this one is still writing.
      await store.set({ opened: clock.now() });
      for (const { value } of await store.list<Stored>("health/")) {
        const models = Object.entries(value.models).map(([model, { cooling, ...rest }]): readonly [string, TargetHealth] => {
          if (cooling === undefined) return [model, rest];
          const leftMs = Math.min(cooling.forMs, cooling.untilAt - clock.now());
          return [model, { ...rest, cooling: { until: clock.monotonic() + leftMs, forMs: cooling.forMs, reason: cooling.reason } }];
        });
        health().restore(value.profile, value.health, Object.fromEntries(models));
      }
    },
    changed(profile, counts) {
      waiting.add(profile);
      if (counts === undefined) void start();
      else timer ??= clock.after(COUNTS_MS, () => void start());
    },
    flush: start,
  };
}
