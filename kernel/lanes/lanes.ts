/** Durable, ordered work: admitted in one commit, run lane by lane, and taken up after a crash where it was. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import type { JobOutcome, JobRunner } from "@pincer/plugin-sdk/job";
import type { Retention } from "../../store/retention.ts";
import type { Row, Statement, Store } from "../../store/store.ts";
import { createAdmission } from "./admission.ts";
import { laneErrors } from "./errors.ts";
import { OpenJobs, viewOf } from "./open-jobs.ts";
import type { LanePoint } from "./points.ts";
import { admit, isAdmitted, jsonOf, type OpenJob, openJob, outcomeOf, sql, suspect, sweep as sweepBefore } from "./rows.ts";
import { cancelled, type Ending, failure, type Room, Run, tooLate } from "./run.ts";
import { Scheduler } from "./scheduler.ts";
import type { LanesSettings } from "./settings.ts";

export { lanesMigrations } from "./rows.ts";

export interface LanesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: () => LanesSettings;
  readonly log: Pick<Logger, "warn" | "error">;
  /** Where ended jobs are swept. */
  readonly retention?: Retention;
  readonly probe?: (point: LanePoint, key: string) => void;
}

export type Lanes = ReturnType<typeof createLanes>;

export function createLanes(deps: LanesDeps) {
  const { store, clock, settings, log } = deps;
  const runs = new Map<string, Run>();
  const handlers = new Map<string, JobRunner>();
  const impatience = new AbortController();
  let isRefused = false;

  const probe: Room["probe"] = (point, { key }) => deps.probe?.(point, key);

  /** A store that is full or locked must not lose what was done: it is written again, until the gateway stops. */
  const persist = async (statements: () => readonly Statement[], wanted = () => true): Promise<Row[][]> => {
    for (;;) {
      try {
        const written = await store.writeLate(statements);
        isRefused = false;
        return written;
      } catch (error) {
        if (!isGatewayError(error) || !error.retryable || !wanted()) throw error;
        if (!isRefused) log.warn("lanes.store-refused", { code: error.code });
        isRefused = true;
        await clock.sleep(settings().retryMs, impatience.signal);
      }
    }
  };

  const scheduler = new Scheduler({
    clock,
    settings,
    concurrency: (kind) => handlers.get(kind)?.concurrency ?? Number.POSITIVE_INFINITY,
    start: (job) => void start(job),
  });
  const jobs = new OpenJobs(deps, scheduler, (job) => {
    const run = runs.get(job.key);
    if (run) run.stop(tooLate(job));
    else if (scheduler.remove(job)) void end(job, failure(tooLate(job)));
  });
  const room: Room = { store, clock, settings, log, scheduler, jobs, probe, persist };

  async function start(job: OpenJob): Promise<void> {
    const run = new Run(job, handlers.get(job.kind), room);
    runs.set(job.key, run);
    jobs.tell("started", job);
    try {
      const ending = await run.execute();
      await (ending ? end(job, ending) : release(job));
    } catch (error) {
      jobs.unfinished(job, error);
      vacate(job);
    }
    run.finished.resolve();
  }

  /** Lets the next job of the lane run, if this one had it. */
  const vacate = (job: OpenJob) => {
    runs.delete(job.key);
    scheduler.ended(job);
  };

  /** The end of a job, of its journal and of what it absorbed, and all that it sends, are one commit. */
  async function end(job: OpenJob, { state, result, sends }: Ending): Promise<void> {
    const isDone = state === "done";
    const now = clock.now();
    const next = sends.map((admission) => openJob(admission, now));
    const kept = jsonOf(result);
    probe("before-finish", job);
    const statements: Statement[] = [[sql.finish, job.id, state, kept, now], [sql.forget, job.id], ...next.map(admit)];
    if (job.traces) statements.push(isDone ? [sql.endAbsorbed, job.id, now] : [sql.returnAbsorbed, job.id]);
    const written = await persist(() => statements).catch((error) => jobs.unfinished(job, error));
    if (!written) return vacate(job);
    probe("after-finish", job);
    const absorbed = (job.traces ? written.at(-1) : []) as unknown as OpenJob[];
    // Before the lane is free, so that what came back goes before what waits.
    if (!isDone)
      jobs.enter(
        "returned",
        absorbed.filter(({ cancel }) => !cancel),
      );
    jobs.enter(
      "admitted",
      next.filter((sent, index) => isAdmitted(sent, written[index + 2])),
    );
    vacate(job);
    for (const other of isDone ? [job, ...absorbed] : [job]) {
      jobs.ended(other, { key: other.key, kind: other.kind, lane: job.lane, state, result: JSON.parse(kept) });
    }
    if (!isDone) await Promise.all(absorbed.map((other) => other.cancel && end(other, cancelled(other.cancel))));
  }

  /** Hands the job to the next handler of its kind. It keeps its place at the head of the lane. */
  async function release(job: OpenJob): Promise<void> {
    probe("before-release", job);
    await persist(() => [[sql.release, job.id]]);
    probe("after-release", job);
    scheduler.add([job]);
    vacate(job);
  }

  /**
   * Tells a job to end as cancelled. What has begun once is ended by its handler, which may have to say what became of it. The durable mark
   * is the caller's.
   */
  async function stop(job: OpenJob, reason: string): Promise<void> {
    job.cancel = reason;
    const run = runs.get(job.key);
    if (run) return run.stop(laneErrors.LANE_CANCELLED(reason));
    if (job.journal === null) return scheduler.remove(job) ? end(job, cancelled(reason)) : undefined;
    if (jobs.get(job.key) !== job) return;
    scheduler.hurry(job);
    await jobs.outcome(job.key).catch(() => {}); // silent-ok: the mark is durable, and the next start ends it
  }

  async function cancelOne(job: OpenJob, reason: string): Promise<string> {
    probe("before-cancel", job);
    // Called first, so that it stands before whatever the handler writes when it is told.
    const marked = persist(() => [
      [sql.cancel, reason, job.id],
      [sql.cancelAbsorbed, reason, job.id],
    ]);
    const ended = stop(job, reason);
    await marked;
    probe("after-cancel", job);
    await ended;
    return job.key;
  }

  const { senders, close, ...admission } = createAdmission(room, stop);
  const sweep = (now: number) => sweepBefore(now - settings().keepMs);
  const sweeping = deps.retention?.register({ name: "lanes", everyMs: settings().sweepMs, sweep });

  return {
    ...admission,
    sweep,

    /** Every change, after it is durable. */
    onChange: jobs.onChange.bind(jobs),

    /** Until disposed, jobs of the kind begin here; a later handler takes its place. A job that runs, runs on where it began. */
    handle(kind: string, handler: JobRunner): Disposable {
      handlers.set(kind, handler);
      return { [Symbol.dispose]: () => void (handlers.get(kind) === handler && handlers.delete(kind)) };
    },

    /** Aborts the running job, waits for its end, and runs it again from its journal under the handler that its kind then has. */
    async restart(key: string, reason: unknown): Promise<void> {
      const run = runs.get(key);
      run?.stop(laneErrors.LANE_RELEASED(errorMessage(reason), { cause: reason }));
      await run?.finished.promise;
    },

    /** What runs in a lane, and what waits there, in the order in which it will run. */
    status(name: string) {
      const { running, waiting = [] } = scheduler.peek(name) ?? {};
      const shown = (job: OpenJob, state: "running" | "ready") => ({ ...viewOf(job), state });
      return { running: running && shown(running, "running"), waiting: waiting.map((job) => shown(job, "ready")) };
    },

    /** A job as it stands; an absorbed one with the key of the job that absorbed it. Undefined: no such key, or swept. */
    async find(key: string): Promise<JobOutcome | undefined> {
      const [row] = await store.read<Row>(sql.find, key);
      return row && { ...outcomeOf(row), ...(row.ended_at === null && runs.has(key) && { state: "running" }) };
    },

    /** The end of a job; an absorbed one ends as the job that absorbed it. Rejects with `LANE_JOB_UNKNOWN`, or the signal's reason. */
    wait: jobs.wait.bind(jobs),

    /**
     * Cancels one job, or what runs in a lane and, with `waiting`, what waits there; what a job has absorbed ends with it. Answers, once that
     * is durable, with the keys; a running job ends when its handler does.
     */
    async cancel(which: { readonly key?: string; readonly lane?: string; readonly waiting?: boolean }, reason: string) {
      const { running, waiting = [] } = scheduler.peek(which.lane ?? "") ?? {};
      const named = which.key === undefined ? [running, ...(which.waiting === true ? waiting : [])] : [jobs.get(which.key)];
      return Promise.all(named.filter((job) => job !== undefined).map((job) => cancelOne(job, reason)));
    },

    /** Takes up what was open when the last process ended, and begins to run. What is admitted before waits for it. Answers with how many. */
    async recover(): Promise<number> {
      probe("before-recover", { key: "" });
      await store.write(...suspect(clock.now(), settings()));
      probe("after-recover", { key: "" });
      const found = await store.read<OpenJob>(sql.open);
      jobs.enter("admitted", found);
      scheduler.run();
      return found.length;
    },

    /** Admits and starts nothing more, lets running jobs go on for `drainMs`, then puts them back, unblamed, for the next start. */
    async stop(): Promise<void> {
      close();
      scheduler.stop();
      sweeping?.[Symbol.dispose]();
      const released = laneErrors.LANE_RELEASED("the gateway stops");
      const left = [...runs.values()];
      using _late = clock.after(settings().drainMs, () => {
        impatience.abort(laneErrors.LANE_CLOSED());
        for (const run of left) run.stop(released);
      });
      for (const run of left) run.release(released);
      await Promise.all(left.map(({ finished }) => finished.promise));
      jobs.close();
    },

    /** How much is held in memory, for diagnostics. */
    held: () => ({ lanes: scheduler.size, running: runs.size, senders: senders(), ...jobs.held }),
  };
}
