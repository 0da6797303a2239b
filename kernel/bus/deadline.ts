import type { Clock } from "@pincer/plugin-sdk/clock";

/** Resolves when the promise has settled, at the latest after `ms`; says nothing about how. */
export const atMost = (ms: number, clock: Clock, promise: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    if (ms <= 0) return resolve();
    const timer = clock.after(ms, resolve);
    const settled = () => {
      timer[Symbol.dispose]();
      resolve();
    };
    promise.then(settled, settled);
  });
