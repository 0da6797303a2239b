/** Durable, ordered work: admitted in one commit, run lane by lane, and taken up after a crash where it was. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { JobRunner } from "@pincer/plugin-sdk/job";
import { createAdmission } from "./admission.ts";
import { laneErrors } from "./errors.ts";
import { Jobs, type LanesDeps } from "./jobs.ts";
import { type OpenJob, sql, suspect, sweep as sweepBefore } from "./rows.ts";
import { Run } from "./run.ts";

export type Lanes = ReturnType<typeof createLanes>;

export function createLanes(deps: LanesDeps) {
  const { store, clock, settings } = deps;
  const jobs = new Jobs(deps, (...begun) => new Run(...begun));
  const { scheduler, handlers } = jobs;
  const { admitAll, senders } = createAdmission(jobs);
  const sweep = (now: number) => sweepBefore(now - settings().keepMs);
  const sweeping = deps.retention?.register({ name: "lanes", everyMs: settings().sweepMs, sweep });

  return {
    admitAll,
    sweep,

    /** Until disposed, jobs of the kind begin here; a later handler takes its place. A job that runs, runs on where it began. */
    handle(kind: string, handler: JobRunner): Disposable {
      handlers.set(kind, handler);
      return { [Symbol.dispose]: () => void (handlers.get(kind) === handler && handlers.delete(kind)) };
    },

    /** Aborts the running job, waits for its end, and runs it again from its journal under the handler that its kind then has. */
    async restart(key: string, reason: unknown): Promise<void> {
      const run = jobs.open.get(key)?.run;
      run?.stop(laneErrors.LANE_RELEASED(errorMessage(reason), { cause: reason }));
      await run?.finished.promise;
    },

    /** What runs in a lane, and what waits there, in the order in which it will run. */
    status(name: string) {
      const { running, waiting = [] } = scheduler.lanes.get(name) ?? {};
      const shown = ({ id, key, kind, lane, mode, admittedAt, input }: OpenJob, state: "running" | "ready") => {
        return { key, kind, lane, mode, state, admittedAt, order: id, input: JSON.parse(input) as unknown };
      };
      return { running: running && shown(running, "running"), waiting: waiting.map((job) => shown(job, "ready")) };
    },

    /** A job as it stands; an absorbed one with the key of the job that absorbed it. Undefined: no such key, or swept. */
    find: jobs.find.bind(jobs),

    /** The end of a job; an absorbed one ends as the job that absorbed it. Rejects with `LANE_JOB_UNKNOWN`, or the signal's reason. */
    wait: jobs.wait.bind(jobs),

    /**
     * Cancels one job, or what runs in a lane and, with `waiting`, what waits there; what a job has absorbed ends with it. Answers, once that
     * is durable, with the keys; a running job ends when its handler does.
     */
    async cancel(which: { readonly key?: string; readonly lane?: string; readonly waiting?: boolean }, reason: string) {
      const { running, waiting = [] } = scheduler.lanes.get(which.lane ?? "") ?? {};
      const named = which.key === undefined ? [running, ...(which.waiting === true ? waiting : [])] : [jobs.open.get(which.key)];
      return Promise.all(named.filter((job) => job !== undefined).map((job) => jobs.cancel(job, reason)));
    },

    /** Takes up what was open when the last process ended, and begins to run. What is admitted before waits for it. */
    async recover(): Promise<void> {
      await jobs.commit("recover", { key: "" }, () => store.write(...suspect(clock.now(), settings())));
      jobs.enter("admitted", await store.read<OpenJob>(sql.open));
      scheduler.run();
    },

    /** Admits and starts nothing more, lets running jobs go on for `drainMs`, then puts them back, unblamed, for the next start. */
    async stop(): Promise<void> {
      sweeping?.[Symbol.dispose]();
      await jobs.close();
    },

    /** How much is held in memory, for diagnostics. */
    held: () => ({ lanes: scheduler.lanes.size, senders: senders(), ...jobs.held }),
  };
}
