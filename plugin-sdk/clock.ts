/** The only source of time. Everything that waits takes its durations from configuration and its time from here, so that tests can drive it. */
export interface Clock {
  /** Milliseconds since the epoch; may jump when the operator sets the time. */
  now(): number;
  /** Milliseconds that only grow, for measuring how long something took. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `ms` milliseconds, unless disposed before. Never keeps the process alive. */
  after(ms: number, run: () => void): Disposable;
  /** Calls `run` every `ms` milliseconds until disposed. Never keeps the process alive. */
  every(ms: number, run: () => void): Disposable;
}
