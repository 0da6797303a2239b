/** Everything that is kept has a bound: rooms register how theirs is swept, and it runs on the clock. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Row, Statement, Store } from "./store.ts";

export interface Sweep {
  readonly name: string;
  readonly everyMs: number;
  /**
   * Deletes or marks what is past its time. Each statement takes a bounded number of rows and returns them, so that a long overdue sweep does not
   * hold the writer: it is repeated until no statement returns a row.
   */
  sweep(now: number): Statement[];
  /** Told of the rows of each step, before the next. */
  swept?(rows: readonly Row[]): Promise<void>;
}

/** How long after its registration a room is swept first at the latest, so that a gateway that restarts often sweeps too. */
const firstMs = 60_000;

export type Retention = ReturnType<typeof createRetention>;

export function createRetention(deps: { readonly store: Store; readonly clock: Clock; readonly log: Pick<Logger, "warn"> }) {
  const { store, clock, log } = deps;
  const timers = new Map<Sweep, Disposable>();

  const run = async ({ sweep, swept }: Sweep): Promise<void> => {
    for (let statements = sweep(clock.now()); statements.length > 0; statements = sweep(clock.now())) {
      const rows = (await store.write(...statements)).flat();
      if (rows.length === 0) return;
      await swept?.(rows);
    }
  };
  const arm = (sweep: Sweep, ms: number) => {
    const due = async () => {
      await run(sweep).catch((error) => log.warn("store.sweep-failed", { name: sweep.name, error: errorMessage(error) }));
      if (timers.has(sweep)) arm(sweep, sweep.everyMs);
    };
    timers.set(sweep, clock.after(ms, due));
  };
  const remove = (sweep: Sweep) => {
    timers.get(sweep)?.[Symbol.dispose]();
    timers.delete(sweep);
  };

  return {
    register(sweep: Sweep): Disposable {
      arm(sweep, Math.min(firstMs, sweep.everyMs));
      return { [Symbol.dispose]: () => remove(sweep) };
    },
    /** Sweeps everything now. Rejects with the first store error. */
    async run(): Promise<void> {
      for (const sweep of timers.keys()) await run(sweep);
    },
    [Symbol.dispose]() {
      for (const sweep of timers.keys()) remove(sweep);
    },
  };
}
