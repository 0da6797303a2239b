/** Everything that is kept has a bound: rooms register how theirs is swept, and it runs on the clock. */

import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Statement, Store } from "./store.ts";

export interface Sweep {
  readonly name: string;
  readonly everyMs: number;
  /**
   * Deletes what is past its time. Each statement takes a bounded number of rows and returns them, so that a long overdue sweep does not
   * hold the writer: it is repeated until no statement returns a row.
   */
  sweep(now: number): Statement[];
}

export interface Retention extends Disposable {
  register(sweep: Sweep): Disposable;
  /** Sweeps everything now. Rejects with the first store error. */
  run(): Promise<void>;
}

export function createRetention({
  store,
  clock,
  log,
  firstMs = 60_000,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log?: Pick<Logger, "warn">;
  /** How long after its registration a room is swept first, so that a gateway that restarts often sweeps too. Default 60,000. */
  readonly firstMs?: number;
}): Retention {
  const timers = new Map<Sweep, Disposable>();

  const run = async ({ sweep }: Sweep) => {
    for (;;) {
      const statements = sweep(clock.now());
      if (statements.length === 0) return;
      const swept = await store.write(...statements);
      if (swept.every((rows) => rows.length === 0)) return;
    }
  };

  const arm = (sweep: Sweep, ms: number) => {
    const timer = clock.after(ms, async () => {
      await run(sweep).catch((error) => log?.warn("store.sweep-failed", { name: sweep.name, error: errorMessage(error) }));
      if (timers.has(sweep)) arm(sweep, sweep.everyMs);
    });
    timers.set(sweep, timer);
  };

  const remove = (sweep: Sweep) => {
    timers.get(sweep)?.[Symbol.dispose]();
    timers.delete(sweep);
  };

  return {
    register(sweep) {
      arm(sweep, Math.min(firstMs, sweep.everyMs));
      return { [Symbol.dispose]: () => remove(sweep) };
    },
    async run() {
      for (const sweep of timers.keys()) await run(sweep);
    },
    [Symbol.dispose]() {
      for (const sweep of timers.keys()) remove(sweep);
    },
  };
}
