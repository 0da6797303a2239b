import type { Clock } from "./clock.ts";

/** Longer waits are made of several timers: above 2^31-1 ms a timer would fire at once. */
const longestMs = 2 ** 31 - 1;

function after(ms: number, run: () => void, keepAlive = false): Disposable {
  let timer: ReturnType<typeof setTimeout>;
  const arm = (left: number) => {
    const step = Math.min(left, longestMs);
    timer = setTimeout(() => (left > step ? arm(left - step) : run()), step);
    if (!keepAlive) timer.unref();
  };
  arm(Math.max(0, ms));
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

function every(ms: number, run: () => void): Disposable {
  let timer: Disposable;
  const arm = () => {
    timer = after(ms, () => {
      arm();
      run();
    });
  };
  arm();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** The machine's clock. `after` and `every` never keep the process alive; a `sleep` does, since somebody awaits it. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after,
  every,
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    using _timer = after(ms, resolve, true);
    await promise.finally(() => signal?.removeEventListener("abort", onAbort));
  },
};
