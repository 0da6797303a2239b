/** The jobs that have not ended. Each step of a job's life is one commit; memory follows it, and then whoever listens or waits is told. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, type GatewayError } from "@pincer/plugin-sdk/error";
import type { Verdict } from "@pincer/plugin-sdk/hook";
import type { Admission, JobOutcome, JobRunner, JobState } from "@pincer/plugin-sdk/job";
import type { Retention } from "../../store/retention.ts";
import type { Row, Statement, Store } from "../../store/store.ts";
import { isRefusal, laneErrors } from "./errors.ts";
import { admit, admitted, jsonOf, type OpenJob, openJob, outcomeOf, type RunningJob, sql } from "./rows.ts";
import { Scheduler } from "./scheduler.ts";
import type { LanesSettings } from "./settings.ts";

/** What is about to be committed, and is then durable while memory does not know it and nobody was told. */
const commits = ["admit", "claim", "begin", "take", "send", "finish", "cancel", "release", "recover"] as const;
/** Where a process may die. A chaos driver is told each point as it is passed, and can end the process there. */
export const lanePoints = [
  ...commits.flatMap((commit) => [`before-${commit}`, `after-${commit}`] as const),
  "before-run",
  "after-run",
  /** The result of a step was handed to the writer, and not waited for. */
  "after-settle",
] as const;
type LanePoint = (typeof lanePoints)[number];

/**
 * `admitted`, also at the start for what was open; `absorbed` by the job that runs in its lane; `returned` to the lane when that job did not
 * end well; `ended`: see `outcome`.
 */
export interface JobChange {
  readonly type: "admitted" | "started" | "absorbed" | "returned" | "ended";
  readonly job: Readonly<OpenJob>;
  readonly outcome?: JobOutcome;
}

export interface LanesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: () => LanesSettings;
  readonly log: Pick<Logger, "warn" | "error">;
  /** Where ended jobs are swept. */
  readonly retention?: Retention;
  readonly probe?: (point: LanePoint, key: string) => void;
  /** Asked about each admission of a job that asks models. */
  readonly gate?: (admission: Omit<Admission, "input">) => Promise<Verdict>;
  /** Told of every change, after it is durable, as `probe` is for whoever looks on: neither may throw. */
  readonly onChange?: (change: JobChange) => void;
}

/**
 * The kind of the jobs that tell of failures. One is sent by the end of each job that failed or was given up, while somebody handles them, so
 * that it is told also when the process dies in that moment.
 */
export const failureKind = "failure";

export interface Ending {
  readonly state: JobState;
  readonly result: unknown;
  readonly sends: readonly Admission[];
}

/** For errors of the lanes, not for those of handlers. */
export const endingOf = ({ code, message }: GatewayError): Ending => ({
  state: code === "LANE_CANCELLED" ? "cancelled" : code === "LANE_PARKED" ? "parked" : "failed",
  result: { code, message },
  sends: [],
});
export const tooLate = ({ key, deadline }: OpenJob): GatewayError =>
  laneErrors.LANE_DEADLINE(`${key} had until ${new Date(deadline ?? 0).toISOString()}`);

const goesOnLater = () => laneErrors.LANE_CLOSED("the gateway stops; the job goes on at its next start");

function tellingOf({ key, kind, lane, input }: OpenJob, state: JobState, result: unknown): Admission {
  const told = { key, kind, lane, input: JSON.parse(input), state, ...(result as { readonly code: string; readonly message: string }) };
  return { lane: `failure:${key}`, kind: failureKind, key: `failure:${key}`, input: told };
}

export class Jobs {
  readonly handlers = new Map<string, JobRunner>();
  readonly scheduler: Scheduler;
  /** Nothing is admitted any more. */
  isStopping = false;
  /** Every job that waits or runs; those that were absorbed are only in the store. */
  readonly open = new Map<string, OpenJob>();
  /** All who ask for one key share one promise. */
  readonly #waiters = new Map<string, PromiseWithResolvers<JobOutcome>>();
  readonly #impatience = new AbortController();
  #isRefused = false;
  #isClosed = false;

  constructor(
    readonly deps: LanesDeps,
    private readonly run: (job: OpenJob, handler: JobRunner, jobs: Jobs) => RunningJob,
  ) {
    const concurrency = (kind: string) => this.handlers.get(kind)?.concurrency ?? Number.POSITIVE_INFINITY;
    this.scheduler = new Scheduler(deps, concurrency, (job) => this.#start(job));
  }

  get held() {
    return { jobs: this.open.size, running: this.#running().length, waiters: this.#waiters.size };
  }

  /** A store that is full or locked must not lose what was done: it is written again while that is `wanted`, until the gateway stops. */
  async persist(statements: () => readonly Statement[], wanted = () => true): Promise<Row[][]> {
    const { store, clock, settings, log } = this.deps;
    for (;;) {
      try {
        const written = await store.writeLate(statements);
        this.#isRefused = false;
        return written;
      } catch (error) {
        if (!isRefusal(error) || !wanted()) throw error;
        if (!this.#isRefused) log.warn("lanes.store-refused", { code: error.code });
        this.#isRefused = true;
        await clock.sleep(settings().retryMs, this.#impatience.signal);
      }
    }
  }

  /** `write` is called at once. */
  async commit<T>(what: (typeof commits)[number], job: { readonly key: string }, write: () => Promise<T>): Promise<T> {
    this.probe(`before-${what}`, job);
    const written = await write();
    this.probe(`after-${what}`, job);
    return written;
  }

  probe(point: LanePoint, { key }: { readonly key: string }): void {
    this.deps.probe?.(point, key);
  }

  /** Only what is committed comes here; what was admitted while the open jobs were read comes twice. */
  enter(type: "admitted" | "returned", committed: readonly OpenJob[]): void {
    const { clock } = this.deps;
    const jobs = committed.filter(({ key }) => !this.open.has(key));
    for (const job of jobs) {
      this.open.set(job.key, job);
      if (job.cancel !== null) job.over = laneErrors.LANE_CANCELLED(job.cancel);
      if (job.deadline !== null) job.timer = clock.after(job.deadline - clock.now(), () => void this.stop(job, tooLate(job)));
      this.deps.onChange?.({ type, job });
    }
    this.scheduler.add(jobs);
  }

  absorbed(jobs: readonly OpenJob[]): void {
    for (const job of jobs) {
      this.#leave(job);
      this.deps.onChange?.({ type: "absorbed", job });
    }
  }

  #start(job: OpenJob): void {
    const handler = this.handlers.get(job.kind);
    if (!handler) {
      const nobody = laneErrors.LANE_NO_HANDLER(`no plugin handles ${job.kind}: enable the one that does, and ask again`);
      return void this.end(job, endingOf(nobody));
    }
    job.run = this.run(job, handler, this);
    this.deps.onChange?.({ type: "started", job });
    void job.run.execute();
  }

  /** Hands the job to the next handler of its kind. It keeps its place at the head of the lane. */
  async giveBack(job: OpenJob, { journal }: JobRunner): Promise<void> {
    job.journal = journal;
    job.traces = true;
    await this.commit("release", job, () => this.persist(() => [[sql.release, job.id]]));
    this.scheduler.add([job]);
    this.#vacate(job);
  }

  /** The end of a job, of its journal and of what it absorbed, and all that it sends, are one commit. Never rejects. */
  async end(job: OpenJob, { state, result, sends }: Ending): Promise<void> {
    const isDone = state === "done";
    const now = this.deps.clock.now();
    const isFailure = (state === "failed" || state === "parked") && job.kind !== failureKind && this.handlers.has(failureKind);
    const next = [...sends, ...(isFailure ? [tellingOf(job, state, result)] : [])].map((admission) => openJob(admission, now));
    const kept = jsonOf(result);
    const statements: Statement[] = [[sql.finish, job.id, state, kept, now], [sql.forget, job.id], ...next.map(admit)];
    if (job.traces) statements.push(isDone ? [sql.endAbsorbed, job.id, now] : [sql.returnAbsorbed, job.id]);
    const written = await this.commit("finish", job, () => this.persist(() => statements)).catch((error) => this.unfinished(job, error));
    if (!written) return;
    const absorbed = (job.traces ? written.at(-1) : []) as unknown as OpenJob[];
    const returned = isDone ? [] : absorbed.filter(({ cancel }) => cancel === null);
    // Before the lane is free, so that what came back goes before what waits.
    this.enter("returned", returned);
    this.enter("admitted", admitted(next, written.slice(2)));
    this.#vacate(job);
    for (const other of isDone ? [job, ...absorbed] : [job]) {
      const outcome = { key: other.key, kind: other.kind, lane: job.lane, state, result: JSON.parse(kept) };
      this.#leave(other);
      this.deps.onChange?.({ type: "ended", job: other, outcome });
      this.#waiters.get(other.key)?.resolve(outcome);
      this.#waiters.delete(other.key);
    }
    if (isDone) return;
    await Promise.all(absorbed.map((other) => other.cancel !== null && this.end(other, endingOf(laneErrors.LANE_CANCELLED(other.cancel)))));
  }

  /** The store has failed: the job stays open there, and the next start takes it up. */
  unfinished(job: OpenJob, error: unknown): undefined {
    this.deps.log.error("lanes.job-unfinished", { key: job.key, kind: job.kind, error: errorMessage(error) });
    this.#leave(job);
    this.#waiters.get(job.key)?.reject(error);
    this.#waiters.delete(job.key);
    this.#vacate(job);
  }

  /**
   * Tells a job to end. What has begun once is ended by its run, since its handler may have to say what became of it. The durable mark of a
   * cancellation is the caller's.
   */
  async stop(job: OpenJob, reason: GatewayError): Promise<void> {
    job.over ??= reason;
    if (job.run) return job.run.stop(reason);
    if (job.journal === null) return this.scheduler.remove(job) ? this.end(job, endingOf(reason)) : undefined;
    if (this.open.get(job.key) !== job) return;
    this.scheduler.look(job.lane);
    await this.#outcome(job.key).catch(() => {}); // silent-ok: the mark is durable, and the next start ends it
  }

  /** Answers when that is durable; and when the job has ended, if that needs no handler which runs already. */
  async cancel(job: OpenJob, reason: string): Promise<string> {
    let ended: Promise<void> | undefined;
    await this.commit("cancel", job, () => {
      // Called first, so that it stands before whatever the handler writes when it is told.
      const marked = this.persist(() => [[sql.cancel, reason, job.id]]);
      ended = this.stop(job, laneErrors.LANE_CANCELLED(reason));
      return marked;
    });
    await ended;
    return job.key;
  }

  async find(key: string): Promise<JobOutcome | undefined> {
    const [row] = await this.deps.store.read<Row>(sql.find, key);
    return row && { ...outcomeOf(row), ...(row.ended_at === null && this.open.get(key)?.run && { state: "running" }) };
  }

  async wait(key: string, signal?: AbortSignal): Promise<JobOutcome> {
    if (!this.open.has(key)) {
      const [row] = await this.deps.store.read<Row>(sql.ended, key);
      if (!row) throw laneErrors.LANE_JOB_UNKNOWN(`no job has the key "${key}"; ended ones are kept for a while only`, { data: { key } });
      if (row.ended_at !== null) return outcomeOf(row);
    }
    if (!signal) return this.#outcome(key);
    signal.throwIfAborted();
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    return Promise.race([this.#outcome(key), left.promise]).finally(() => signal.removeEventListener("abort", leave));
  }

  /** The end of a job that is open. */
  #outcome(key: string): Promise<JobOutcome> {
    const waiter = this.#waiters.get(key) ?? Promise.withResolvers<JobOutcome>();
    waiter.promise.catch(() => {}); // silent-ok: who has left need not be told
    if (this.#isClosed) waiter.reject(goesOnLater());
    else this.#waiters.set(key, waiter);
    return waiter.promise;
  }

  #leave(job: OpenJob): void {
    this.open.delete(job.key);
    job.timer?.[Symbol.dispose]();
  }

  /** Lets the next job of the lane run, if this one had it. */
  #vacate(job: OpenJob): void {
    job.run = undefined;
    this.scheduler.ended(job);
  }

  /** See `stop` of the lanes. */
  async close(): Promise<void> {
    const { clock, settings } = this.deps;
    this.isStopping = true;
    this.scheduler.stop();
    const released = laneErrors.LANE_RELEASED("the gateway stops");
    const left = this.#running();
    using _late = clock.after(settings().drainMs, () => {
      this.#impatience.abort(laneErrors.LANE_CLOSED());
      for (const run of left) run.stop(released);
    });
    for (const run of left) run.release(released);
    await Promise.all(left.map(({ finished }) => finished.promise));
    this.#isClosed = true;
    for (const { timer } of this.open.values()) timer?.[Symbol.dispose]();
    for (const waiter of this.#waiters.values()) waiter.reject(goesOnLater());
    this.#waiters.clear();
  }

  #running(): readonly RunningJob[] {
    return [...this.open.values()].flatMap(({ run }) => run ?? []);
  }
}
