/** The jobs that have not ended, who is told what happens to them, and who waits for their end. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { JobOutcome, JobState } from "@pincer/plugin-sdk/job";
import type { Row } from "../../store/store.ts";
import { laneErrors } from "./errors.ts";
import type { LanesDeps } from "./lanes.ts";
import { type OpenJob, outcomeOf, sql } from "./rows.ts";
import type { Scheduler } from "./scheduler.ts";

/** A job as it is shown; its input is read from JSON at each look. */
export type JobView = Pick<OpenJob, "key" | "kind" | "lane" | "mode" | "admittedAt"> & { readonly input: unknown };

/**
 * `admitted`, also at the start for what was open; `absorbed` by the job that runs in its lane; `returned` to the lane when that job did not
 * end well; `ended`: see `outcome`.
 */
export interface JobChange {
  readonly type: "admitted" | "started" | "absorbed" | "returned" | "ended";
  readonly job: JobView;
  readonly outcome?: JobOutcome;
}

export const viewOf = ({ key, kind, lane, mode, admittedAt, input }: OpenJob): JobView => ({
  ...{ key, kind, lane, mode, admittedAt },
  get input() {
    return JSON.parse(input);
  },
});

const goesOnLater = () => laneErrors.LANE_CLOSED("the gateway stops; the job goes on at its next start");

export class OpenJobs {
  /** Every job that waits or runs; those that were absorbed are only in the store. */
  readonly #jobs = new Map<string, OpenJob>();
  readonly #deadlines = new Map<string, Disposable>();
  readonly #listeners = new Set<(change: JobChange) => void>();
  /** All who ask for one key share one promise. */
  readonly #waiters = new Map<string, PromiseWithResolvers<JobOutcome>>();
  #closed = false;

  constructor(
    readonly deps: LanesDeps,
    readonly scheduler: Scheduler,
    readonly onLate: (job: OpenJob) => void,
  ) {}

  get held() {
    return { jobs: this.#jobs.size, waiters: this.#waiters.size };
  }

  get(key: string): OpenJob | undefined {
    return this.#jobs.get(key);
  }

  /** Only what is committed comes here; what was admitted while the open jobs were read comes twice. */
  enter(type: "admitted" | "returned", committed: readonly OpenJob[]): void {
    const { clock } = this.deps;
    const jobs = committed.filter(({ key }) => !this.#jobs.has(key));
    for (const job of jobs) {
      this.#jobs.set(job.key, job);
      if (job.deadline !== null)
        this.#deadlines.set(
          job.key,
          clock.after(job.deadline - clock.now(), () => this.onLate(job)),
        );
      this.tell(type, job);
    }
    this.scheduler.add(jobs);
  }

  leave({ key }: OpenJob): void {
    this.#jobs.delete(key);
    this.#deadlines.get(key)?.[Symbol.dispose]();
    this.#deadlines.delete(key);
  }

  tell(type: JobChange["type"], job: OpenJob, outcome?: JobOutcome): void {
    for (const listener of this.#listeners) {
      try {
        listener({ type, job: viewOf(job), ...(outcome && { outcome }) });
      } catch (error) {
        this.deps.log.warn("lanes.listener-failed", { type, key: job.key, error: errorMessage(error) });
      }
    }
  }

  /** Every change, after it is durable. */
  onChange(listener: (change: JobChange) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** The end of a job that is open. */
  outcome(key: string): Promise<JobOutcome> {
    const waiter = this.#waiters.get(key) ?? Promise.withResolvers<JobOutcome>();
    waiter.promise.catch(() => {}); // silent-ok: who admits a job need not wait for its end
    if (this.#closed) waiter.reject(goesOnLater());
    else this.#waiters.set(key, waiter);
    return waiter.promise;
  }

  /** What a key stands for, and how that ends; an absorbed job ends as the one that absorbed it. Undefined when it is unknown. */
  async find(key: string): Promise<{ readonly state: JobState; readonly outcome: Promise<JobOutcome> } | undefined> {
    const [row] = await this.deps.store.read<Row>(sql.find, key);
    if (!row) return undefined;
    const own = outcomeOf(row);
    if (row.ended_at === null) return { state: own.state, outcome: this.outcome(key) };
    const { by_state: state, by_result: result = null } = row;
    const by = state ? outcomeOf({ ...row, state, result }) : {};
    return { state: own.state, outcome: Promise.resolve({ ...own, ...by }) };
  }

  async wait(key: string, signal?: AbortSignal): Promise<JobOutcome> {
    const found = await this.find(key);
    if (!found) throw laneErrors.LANE_JOB_UNKNOWN(`no job has the key "${key}"; ended ones are kept for a while only`, { data: { key } });
    if (!signal) return found.outcome;
    signal.throwIfAborted();
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    return Promise.race([found.outcome, left.promise]).finally(() => signal.removeEventListener("abort", leave));
  }

  /** Tells of an end that is durable. */
  ended(job: OpenJob, outcome: JobOutcome): void {
    this.leave(job);
    this.tell("ended", job, outcome);
    this.#waiters.get(job.key)?.resolve(outcome);
    this.#waiters.delete(job.key);
  }

  /** The store has failed: the job stays open there, and the next start takes it up. */
  unfinished(job: OpenJob, error: unknown): undefined {
    this.deps.log.error("lanes.job-unfinished", { key: job.key, kind: job.kind, error: errorMessage(error) });
    this.leave(job);
    this.#waiters.get(job.key)?.reject(error);
    this.#waiters.delete(job.key);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#deadlines.values()) timer[Symbol.dispose]();
    for (const waiter of this.#waiters.values()) waiter.reject(goesOnLater());
    this.#waiters.clear();
  }
}
