/** Durable, ordered work: admitted in one commit, run lane by lane, and taken up after a crash where it was. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, isGatewayError } from "@pincer/plugin-sdk/error";
import type { JobOutcome } from "@pincer/plugin-sdk/job";
import type { Retention } from "../store/retention.ts";
import type { Row, Statement, Store } from "../store/store.ts";
import { createAdmission } from "./admission.ts";
import { createChanges, type JobView, viewOf } from "./changes.ts";
import { laneErrors } from "./errors.ts";
import { createHandlers } from "./handlers.ts";
import type { LanePoint } from "./points.ts";
import { admit, admittedOf, jsonOf, type OpenJob, openJob, outcomeOf, type Step, sql, suspect, sweep as sweepBefore } from "./rows.ts";
import { cancelled, type Ending, failure, Run, type RunPorts, tooLate } from "./run.ts";
import { Scheduler } from "./scheduler.ts";
import type { LanesSettings } from "./settings.ts";
import { createWaiters } from "./waiters.ts";

export { lanesMigrations } from "./rows.ts";

export interface LanesDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: () => LanesSettings;
  readonly log: Pick<Logger, "warn" | "error">;
  /** Where ended jobs are swept. */
  readonly retention?: Retention;
  /** Brings the handler of a kind that has none; asked once for each job that comes up without one. */
  readonly activate?: (kind: string) => Promise<void>;
  readonly probe?: (point: LanePoint, key: string) => void;
}

export type Lanes = ReturnType<typeof createLanes>;

export function createLanes(deps: LanesDeps) {
  const { store, clock, settings, log } = deps;
  /** Every job that waits or runs; those that were absorbed are only in the store. */
  const open = new Map<string, OpenJob>();
  const runs = new Map<string, Run>();
  const deadlines = new Map<string, Disposable>();
  const { tell, onChange } = createChanges(log);
  const waiters = createWaiters(store);
  const impatience = new AbortController();
  let stopped = false;
  let refused = false;

  const probe = (point: LanePoint, { key }: { readonly key: string }) => deps.probe?.(point, key);

  /** A store that is full or locked must not lose what was done: it is written again, until the gateway stops. */
  const persist = async (statements: () => readonly Statement[], wanted = () => true): Promise<Row[][]> => {
    for (;;) {
      try {
        const written = await store.writeLate(statements);
        refused = false;
        return written;
      } catch (error) {
        if (!isGatewayError(error) || !error.retryable || !wanted()) throw error;
        if (!refused) log.warn("lanes.store-refused", { code: error.code });
        refused = true;
        await clock.sleep(settings().retryMs, impatience.signal);
      }
    }
  };

  const scheduler = new Scheduler({
    clock,
    settings,
    concurrency(kind) {
      const handler = handlerOf(kind);
      return handler && (handler.concurrency ?? Number.POSITIVE_INFINITY);
    },
    async activate(kind) {
      await deps.activate?.(kind).catch((error) => log.warn("lanes.activation-failed", { kind, error: errorMessage(error) }));
    },
    start: (job) => void start(job),
  });

  const { handlerOf, handle, hand, restart } = createHandlers({ clock, settings, runs, changed: () => scheduler.advance() });

  /** Only what is committed comes here; what was admitted while the open jobs were read comes twice. */
  const enter = (type: "admitted" | "returned", committed: readonly OpenJob[]) => {
    const jobs = committed.filter(({ key }) => !open.has(key));
    for (const job of jobs) {
      open.set(job.key, job);
      const late = job.deadline === null ? undefined : clock.after(job.deadline - clock.now(), () => overdue(job));
      if (late) deadlines.set(job.key, late);
      tell(type, job);
    }
    scheduler.add(jobs);
  };

  const leave = (job: OpenJob) => {
    open.delete(job.key);
    deadlines.get(job.key)?.[Symbol.dispose]();
    deadlines.delete(job.key);
  };

  const overdue = (job: OpenJob) => {
    const run = runs.get(job.key);
    if (run) run.stop(tooLate(job));
    else if (scheduler.remove(job)) void withdraw(job, failure(tooLate(job)));
  };

  const ports: RunPorts = {
    clock,
    settings,
    probe,
    persist,
    journal: (job) => store.read<Step & Row>(sql.journal, job.id),
    isSuspect: (job) => scheduler.isSuspect(job),
    take: (lane, modes) => scheduler.take(lane, modes),
    putBack: (jobs) => scheduler.add(jobs),
    absorbed(jobs) {
      for (const job of jobs) {
        leave(job);
        tell("absorbed", job);
      }
    },
    admitted: (job, written) => enter("admitted", admittedOf([job], [written])),
    warn: (event, { key, kind }, fields) => log.warn(event, { key, kind, ...fields }),
  };

  async function start(job: OpenJob): Promise<void> {
    const run = new Run(job, handlerOf(job.kind), ports);
    runs.set(job.key, run);
    tell("started", job);
    try {
      const ending = await run.execute();
      if (ending) await end(job, ending);
      else await release(job);
    } catch (error) {
      unfinished(job, error);
    }
    vacate(job);
    run.finished.resolve();
  }

  /** Lets the next job of the lane run, if this one had it. */
  const vacate = (job: OpenJob) => {
    runs.delete(job.key);
    scheduler.ended(job);
  };

  /** Ends a job that was taken out of its lane. */
  const withdraw = async (job: OpenJob, ending: Ending) => {
    await end(job, ending);
    vacate(job);
  };

  /** The end of a job, of its journal and of what it absorbed, and all that it sends, are one commit. */
  async function end(job: OpenJob, { state, result, sends }: Ending): Promise<void> {
    const now = clock.now();
    const next = sends.map((admission) => openJob(admission, now));
    const kept = jsonOf(result);
    probe("before-finish", job);
    const statements: Statement[] = [[sql.finish, job.id, state, kept, now], [sql.forget, job.id], ...next.map(admit)];
    if (job.absorbs) statements.push(state === "done" ? [sql.endAbsorbed, job.id, now] : [sql.returnAbsorbed, job.id]);
    const written = await persist(() => statements).catch((error) => unfinished(job, error));
    if (!written) return;
    probe("after-finish", job);
    const outcome: JobOutcome = { key: job.key, kind: job.kind, lane: job.lane, state, result: JSON.parse(kept) };
    const absorbed = (job.absorbs ? written.at(-1) : []) as unknown as OpenJob[];
    const returned = state === "done" ? [] : absorbed;
    enter(
      "returned",
      returned.filter(({ cancel }) => !cancel),
    );
    enter("admitted", admittedOf(next, written.slice(2)));
    vacate(job);
    for (const other of state === "done" ? [job, ...absorbed] : [job]) {
      leave(other);
      const theirs = { ...outcome, key: other.key, kind: other.kind };
      tell("ended", other, theirs);
      waiters.resolve(theirs);
    }
    await Promise.all(returned.map((other) => other.cancel && end(other, cancelled(other.cancel))));
  }

  /** Hands the job to the next handler of its kind. It keeps its place at the head of the lane. */
  async function release(job: OpenJob): Promise<void> {
    probe("before-release", job);
    await persist(() => [[sql.release, job.id]]);
    probe("after-release", job);
    scheduler.add([job]);
  }

  /** The store has failed: the job stays open there, and the next start takes it up. */
  function unfinished(job: OpenJob, error: unknown): undefined {
    log.error("lanes.job-unfinished", { key: job.key, kind: job.kind, error: errorMessage(error) });
    leave(job);
    waiters.reject(job.key, error);
  }

  const admission = createAdmission({ ...deps, probe, scheduler, waiters, enter, stop, isStopped: () => stopped });
  const sweep = (now: number) => sweepBefore(now - settings().keepMs);
  const sweeping = deps.retention?.register({ name: "lanes", everyMs: settings().sweepMs, sweep });

  /** Tells a job that runs, or has begun and waits, to end as cancelled. Its durable mark is the caller's. */
  async function stop(job: OpenJob, reason: string): Promise<void> {
    job.cancel = reason;
    const run = runs.get(job.key);
    if (run) run.stop(laneErrors.LANE_CANCELLED(reason));
    else if (scheduler.remove(job)) await withdraw(job, cancelled(reason));
  }

  return {
    ...admission,
    sweep,

    handle,
    restart,
    onChange,

    /** What runs in a lane, and what waits there, in the order in which it will run. */
    status(name: string): { readonly running: JobView | undefined; readonly waiting: readonly JobView[] } {
      const lane = scheduler.peek(name);
      return {
        running: lane?.running && viewOf(lane.running, "running"),
        waiting: lane?.waiting.map((job) => viewOf(job, "ready")) ?? [],
      };
    },

    /** A job as it stands; an absorbed one with the key of the job that absorbed it. Undefined: no such key, or swept. */
    async find(key: string): Promise<JobOutcome | undefined> {
      const [row] = await store.read<Row>(sql.find, key);
      return row && { ...outcomeOf(row), ...(row.ended_at === null && runs.has(key) && { state: "running" }) };
    },

    /** The end of a job; an absorbed one ends as the job that absorbed it. Rejects with `LANE_JOB_UNKNOWN`, or the signal's reason. */
    wait: waiters.wait,

    /**
     * Cancels one job, or what runs in a lane and, with `waiting`, what waits there; what a job has absorbed ends with it. Answers, once that
     * is durable, with the keys; a running job ends when its handler does.
     */
    async cancel(which: { readonly key: string } | { readonly lane: string; readonly waiting?: boolean }, reason: string) {
      let jobs: OpenJob[];
      if ("key" in which) {
        const job = open.get(which.key);
        jobs = job ? [job] : [];
      } else {
        const { running, waiting = [] } = scheduler.peek(which.lane) ?? {};
        jobs = [...(running ? [running] : []), ...(which.waiting === true ? waiting : [])];
      }
      await Promise.all(
        jobs.map(async (job) => {
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
        }),
      );
      return jobs.map(({ key }) => key);
    },

    /** Takes up what was open when the last process ended, and begins to run. What is admitted before waits for it. Answers with how many. */
    async recover(): Promise<number> {
      probe("before-recover", { key: "" });
      await store.write(...suspect(clock.now(), settings()));
      probe("after-recover", { key: "" });
      const found = await store.read<OpenJob>(sql.open);
      enter("admitted", found);
      scheduler.run();
      return found.length;
    },

    /** Admits and starts nothing more, lets running jobs go on for `drainMs`, then puts them back, unblamed, for the next start. */
    async stop(): Promise<void> {
      stopped = true;
      scheduler.stop();
      sweeping?.[Symbol.dispose]();
      using _late = clock.after(settings().drainMs, () => impatience.abort(laneErrors.LANE_CLOSED()));
      await hand([...runs.values()], settings().drainMs, "the gateway stops");
      for (const timer of deadlines.values()) timer[Symbol.dispose]();
      waiters.close();
    },

    /** How much is held in memory, for diagnostics. */
    held: () => ({ lanes: scheduler.size, jobs: open.size, running: runs.size, waiters: waiters.size, senders: admission.senders() }),
  };
}
