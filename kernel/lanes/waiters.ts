/** Who waits for the end of which job. All who ask for one key share one promise; a job that has ended answers at once. */
import type { JobOutcome, JobState } from "@pincer/plugin-sdk/job";
import type { Row, Store } from "../store/store.ts";
import { laneErrors } from "./errors.ts";
import { outcomeOf, sql } from "./rows.ts";

export type Waiters = ReturnType<typeof createWaiters>;

export function createWaiters(store: Store) {
  const waiting = new Map<string, PromiseWithResolvers<JobOutcome>>();
  let closed = false;
  const later = () => laneErrors.LANE_CLOSED("the gateway stops; the job goes on at its next start");

  const outcome = (key: string): Promise<JobOutcome> => {
    let waiter = waiting.get(key);
    if (!waiter) {
      waiter = Promise.withResolvers<JobOutcome>();
      waiter.promise.catch(() => {}); // silent-ok: who admits a job need not wait for its end
      if (closed) waiter.reject(later());
      else waiting.set(key, waiter);
    }
    return waiter.promise;
  };

  const read = async (key: string) => (await store.read<Row>(sql.find, key))[0];

  /** What a key stands for. Undefined when it is unknown. */
  const find = async (key: string): Promise<{ readonly state: JobState; readonly outcome: Promise<JobOutcome> } | undefined> => {
    const row = await read(key);
    if (!row) return undefined;
    const own = outcomeOf(row);
    if (row.ended_at === null) return { state: own.state, outcome: outcome(key) };
    const by = own.state === "absorbed" ? await read((own.result as { by: string }).by) : undefined;
    return { state: own.state, outcome: Promise.resolve(by ? { ...own, state: outcomeOf(by).state, result: outcomeOf(by).result } : own) };
  };

  return {
    outcome,
    find,
    get size() {
      return waiting.size;
    },
    resolve(ended: JobOutcome): void {
      waiting.get(ended.key)?.resolve(ended);
      waiting.delete(ended.key);
    },
    reject(key: string, error: unknown): void {
      waiting.get(key)?.reject(error);
      waiting.delete(key);
    },
    close(): void {
      closed = true;
      for (const waiter of waiting.values()) waiter.reject(later());
      waiting.clear();
    },
    async wait(key: string, signal?: AbortSignal): Promise<JobOutcome> {
      const found = await find(key);
      if (!found) throw laneErrors.LANE_JOB_UNKNOWN(`no job has the key "${key}"; ended ones are kept for a while only`, { data: { key } });
      if (!signal) return found.outcome;
      signal.throwIfAborted();
      const left = Promise.withResolvers<never>();
      const leave = () => left.reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      return Promise.race([found.outcome, left.promise]).finally(() => signal.removeEventListener("abort", leave));
    },
  };
}
