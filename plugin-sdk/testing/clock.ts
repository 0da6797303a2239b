/** A clock that stands still until a test moves it. */
import type { Clock } from "../clock.ts";

export interface ManualClock extends Clock {
  /** Moves time forward, runs what falls due in order, and lets promises settle after each timer. */
  advance(ms: number): Promise<void>;
  /** Sets the time of day forward or back without any time passing, as an operator would. */
  jump(ms: number): void;
  /** Resolves once at least `count` timers wait, so that a test moves time only after the code under test looks at it. */
  armed(count?: number): Promise<void>;
  /** How many timers wait; 0 when nothing was left behind. */
  readonly timers: number;
}

interface Timer {
  at: number;
  readonly order: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/** Long enough for chains of promises and for what the event loop has ready; not for I/O, which a test awaits by its event. */
const settle = async () => {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
};

export function createManualClock(start = Date.UTC(2026, 10, 20)): ManualClock {
  const timers = new Set<Timer>();
  const waiting: { count: number; resolve: () => void }[] = [];
  let elapsed = 0;
  let offset = start;
  let order = 0;

  const arm = (ms: number, run: () => void, everyMs?: number): Disposable => {
    const timer: Timer = { at: elapsed + Math.max(0, ms), order: order++, everyMs, run };
    timers.add(timer);
    for (const entry of waiting.filter(({ count }) => timers.size >= count)) {
      waiting.splice(waiting.indexOf(entry), 1);
      entry.resolve();
    }
    return { [Symbol.dispose]: () => void timers.delete(timer) };
  };

  const earliest = (until: number): Timer | undefined =>
    [...timers].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after: (ms, run) => arm(ms, run),
    every(ms, run) {
      if (ms <= 0) throw new RangeError(`every() needs more than 0 ms, got ${ms}`);
      return arm(ms, run, ms);
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = () => {
          timer[Symbol.dispose]();
          reject(signal?.reason);
        };
        const timer = arm(ms, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (let timer = earliest(until); timer; timer = earliest(until)) {
        elapsed = Math.max(elapsed, timer.at);
        if (timer.everyMs === undefined) timers.delete(timer);
        else timer.at += timer.everyMs;
        timer.run();
        await settle();
      }
      elapsed = until;
    },
    jump(ms) {
      offset += ms;
    },
    armed: (count = 1) => (timers.size >= count ? Promise.resolve() : new Promise((resolve) => void waiting.push({ count, resolve }))),
    get timers() {
      return timers.size;
    },
  };
}
