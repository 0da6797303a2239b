/** How much is being received at once: what has not come to its end lies in memory. */
import { Later } from "./problem.ts";

export interface Uploads {
  /** Throws `REGISTRY_BUSY` when there are too many. */
  receive<T>(household: string, run: () => Promise<T>): Promise<T>;
  /** Takes no more, and resolves when the last has come to its end. */
  close(): Promise<void>;
  /** Aborted from then on: what has not come by then is not waited for. */
  readonly closed: AbortSignal;
}

export function createUploads(most: number): Uploads {
  /** By household, so many as are being received. */
  const receiving = new Map<string, number>();
  const closing = new AbortController();
  const empty = Promise.withResolvers<void>();
  const all = () => [...receiving.values()].reduce((sum, one) => sum + one, 0);
  // Nobody alone keeps the others out, however slowly it sends.
  const mostOfOne = Math.ceil(most / 2);
  return {
    closed: closing.signal,
    async receive(household, run) {
      closing.signal.throwIfAborted();
      const own = receiving.get(household) ?? 0;
      if (own >= mostOfOne || all() >= most)
        throw new Later("REGISTRY_BUSY", `expected at most ${mostOfOne} publications at once from one address, and ${most} in all`, 2);
      receiving.set(household, own + 1);
      try {
        return await run();
      } finally {
        const left = receiving.get(household)! - 1;
        if (left > 0) receiving.set(household, left);
        else receiving.delete(household);
        if (closing.signal.aborted && receiving.size === 0) empty.resolve();
      }
    },
    close() {
      closing.abort(new Later("REGISTRY_BUSY", "the server ends, and nothing of this was done", 2));
      if (receiving.size === 0) empty.resolve();
      return empty.promise;
    },
  };
}
