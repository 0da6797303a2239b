/** The way into the lanes: limits and gates first, then one commit, and only what is committed is acknowledged and runs. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Verdict } from "@pincer/plugin-sdk/hook";
import type { Admission, JobOutcome, JobState } from "@pincer/plugin-sdk/job";
import type { Statement } from "../store/store.ts";
import { laneErrors } from "./errors.ts";
import { createLimits } from "./limits.ts";
import { admit, isAdmitted, type OpenJob, openJob, sql } from "./rows.ts";
import type { Room } from "./run.ts";

export interface Admitted {
  readonly key: string;
  /** False when the key was admitted before: this is that job. */
  readonly fresh: boolean;
  readonly state: JobState;
  /** An absorbed job ends as the one that absorbed it. Rejects when the store fails or the gateway stops; the job goes on at the next start. */
  readonly outcome: Promise<JobOutcome>;
}

export type Gate = (admission: Admission) => Promise<Verdict>;

const interrupted = "interrupted by a newer message";

export function createAdmission(
  { store, clock, settings, scheduler, jobs: open, probe }: Room,
  stop: (job: OpenJob, reason: string) => unknown,
) {
  const limits = createLimits(clock, settings);
  const gates = new Set<Gate>();
  let isClosed = false;

  const limit = ({ lane, sender }: Admission) => {
    const { waiting = [], arriving = 0 } = scheduler.peek(lane) ?? {};
    const { queue, fullRetryMs } = settings();
    const waits = waiting.length + arriving;
    if (waits >= queue) {
      const options = { retryAfterMs: fullRetryMs, data: { lane } };
      throw laneErrors.LANE_FULL(`${waits} jobs wait in ${lane}, all that gateway.lanes.queue allows`, options);
    }
    if (sender !== undefined) limits.take(sender);
  };

  const ask = async (admission: Admission) => {
    for (const gate of gates) {
      const verdict = await gate(admission).catch((error): Verdict => ({ allow: false, reason: `a gate failed: ${errorMessage(error)}` }));
      if (!verdict.allow) throw laneErrors.LANE_REFUSED(verdict.reason, { data: { lane: admission.lane } });
    }
  };

  /** What an interrupt that comes now cancels: what runs, or has begun and waits for another try. */
  const victimOf = ({ lane, mode }: OpenJob): OpenJob | undefined => {
    const { running, waiting = [] } = scheduler.peek(lane) ?? {};
    return mode === "interrupt" ? (running ?? waiting.find(({ journal }) => journal !== null)) : undefined;
  };

  /** Returns the jobs whose keys were new. */
  const commit = async (jobs: readonly OpenJob[], extra: readonly Statement[]): Promise<readonly OpenJob[]> => {
    const victims = jobs.map(victimOf);
    const statements = jobs.map((job, index): Statement[] => {
      const victim = victims[index];
      return victim ? [admit(job), [sql.interrupt, interrupted, victim.id]] : [admit(job)];
    });
    const first = jobs[0] ?? { key: "" };
    probe("before-admit", first);
    const written = await store.write(...statements.flat(), ...extra);
    probe("after-admit", first);
    let at = 0;
    return jobs.filter((job, index) => {
      const isNew = isAdmitted(job, written[at]);
      at += statements[index]?.length ?? 0;
      const victim = victims[index];
      if (isNew && victim) stop(victim, interrupted);
      return isNew;
    });
  };

  /** All in one commit with the caller's own rows, or none. */
  async function admitAll(admissions: readonly Admission[], extra: readonly Statement[] = []): Promise<readonly Admitted[]> {
    if (isClosed) throw laneErrors.LANE_CLOSED();
    const arrived: Admission[] = [];
    let fresh: readonly OpenJob[] = [];
    try {
      try {
        for (const admission of admissions) {
          limit(admission);
          arrived.push(admission);
          scheduler.arrive(admission.lane, 1);
        }
        for (const admission of admissions) await ask(admission);
      } catch (refusal) {
        // A repetition is answered with its job, whatever the limits say by now.
        const known = await Promise.all(admissions.map(({ key }) => open.find(key)));
        if (known.includes(undefined)) throw refusal;
      }
      const now = clock.now();
      const jobs = admissions.map((admission) => openJob(admission, now));
      fresh = await commit(jobs, extra);
      open.enter("admitted", fresh);
      return await Promise.all(
        jobs.map(async (job): Promise<Admitted> => {
          const { key } = job;
          if (fresh.includes(job)) return { key, fresh: true, state: "ready", outcome: open.outcome(key) };
          const known = await open.find(key);
          if (!known) throw laneErrors.LANE_JOB_UNKNOWN(`${key} was swept while it was asked for`);
          return { key, fresh: false, ...known };
        }),
      );
    } finally {
      for (const { lane, sender, key } of arrived) {
        scheduler.arrive(lane, -1);
        if (sender !== undefined && !fresh.some((job) => job.key === key)) limits.giveBack(sender);
      }
    }
  }

  return {
    senders: () => limits.senders,
    close: () => {
      isClosed = true;
    },
    /** Asked before an admission; a veto, or a failure, refuses it with `LANE_REFUSED`. */
    gate(ask: Gate): Disposable {
      gates.add(ask);
      return { [Symbol.dispose]: () => void gates.delete(ask) };
    },
    /** Durable when it resolves. Throws `LANE_FULL`, `LANE_RATE_LIMITED`, `LANE_REFUSED`, `LANE_CLOSED`, `STORE_*`; then nothing is admitted. */
    admit: async (admission: Admission): Promise<Admitted> => (await admitAll([admission]))[0] as Admitted,
    admitAll,
  };
}
