/** What only one generation may hold: a stream whose contract says so. It is ended and awaited before the next generation starts it. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { within } from "@pincer/plugin-sdk/runtime/deadline";

export class Lease {
  readonly #ended = Promise.withResolvers<void>();
  isHeld = false;
  isReleased = false;
  /** It ended with an error that says that trying again may help. */
  mayReturn = false;

  constructor(
    private readonly stop: () => void,
    private readonly told: (lease: Lease, outcome: "held" | "ended") => void,
  ) {}

  held(): void {
    if (this.isHeld) return;
    this.isHeld = true;
    this.told(this, "held");
  }

  ended(error?: unknown): void {
    this.mayReturn = isGatewayError(error) && error.retryable;
    this.#ended.resolve();
    this.told(this, "ended");
  }

  /** Asks for the end and waits for it; the reader is told `PLUGIN_REPLACED`. */
  release(): Promise<void> {
    this.isReleased = true;
    this.stop();
    return this.#ended.promise;
  }
}

/** A generation, as far as it holds connections. */
interface Holder {
  readonly plugin: string;
  readonly number: number;
  readonly clock: Clock;
  readonly leases: ReadonlySet<Lease>;
  onLease: ((lease: Lease, outcome: "held" | "ended") => void) | undefined;
  releaseAll(ms: number): Promise<unknown>;
}

export const heldBy = ({ leases }: Holder): number => [...leases].filter(({ isHeld }) => isHeld).length;

/**
 * Ends what `from` holds, and waits until `to`, which is the current one already, holds the `missing` that `from` held. Throws `PLUGIN_NOT_CONNECTED` when a stream of
 * `to` ends for good before it is held, or has started and is not held in time; that nobody starts one is no failure. Nor is it that the other
 * side has not yet noticed that the old connection is gone, and refuses the first attempt.
 */
export async function takeOver(from: Holder, to: Holder, ms: number, missing: number): Promise<void> {
  let refusedOnce = false;
  const taken = Promise.withResolvers<void>();
  const refused = (why: string) => pluginErrors.PLUGIN_NOT_CONNECTED(`generation ${to.number} of ${to.plugin} did not take over: ${why}`);
  to.onLease = (lease, outcome) => {
    if (outcome === "held" && --missing <= 0) taken.resolve();
    if (outcome === "held" || lease.isHeld || lease.isReleased) return;
    refusedOnce = true;
    if (!lease.mayReturn) taken.reject(refused("its connection ended before it was made"));
  };
  taken.promise.catch(() => undefined); // silent-ok: it may be refused while the old connection is still ending, and is awaited below
  try {
    await from.releaseAll(ms);
    if (missing > 0) await within(to.clock, ms, taken.promise);
  } catch (error) {
    if (!hasCode(error, "PLUGIN_TIMEOUT")) throw error;
    if (refusedOnce || [...to.leases].some(({ isHeld }) => !isHeld)) throw refused(`it was not connected in ${ms} ms`);
  } finally {
    to.onLease = undefined; // it would keep the old generation, and that the one before
  }
}
