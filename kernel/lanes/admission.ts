/** The way into the lanes: limits and gates first, then one commit, and only what is committed is acknowledged and runs. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import { errorMessage, type GatewayError } from "@pincer/plugin-sdk/error";
import type { Verdict } from "@pincer/plugin-sdk/hook";
import type { Admission, JobOutcome, JobState } from "@pincer/plugin-sdk/job";
import type { Statement, Store } from "../store/store.ts";
import { laneErrors } from "./errors.ts";
import { createLimits } from "./limits.ts";
import type { LanePoint } from "./points.ts";
import { admit, admittedOf, type OpenJob, openJob, sql } from "./rows.ts";
import type { Scheduler } from "./scheduler.ts";
import type { LanesSettings } from "./settings.ts";
import type { Waiters } from "./waiters.ts";

export interface Admitted {
  readonly key: string;
  /** False when the key was admitted before: this is that job. */
  readonly fresh: boolean;
  readonly state: JobState;
  /** An absorbed job ends as the one that absorbed it. Rejects when the store fails or the gateway stops; the job goes on at the next start. */
  readonly outcome: Promise<JobOutcome>;
}

export type Gate = (admission: Admission) => Promise<Verdict>;

interface AdmissionPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: () => LanesSettings;
  readonly scheduler: Scheduler;
  readonly waiters: Waiters;
  readonly probe: (point: LanePoint, job: { readonly key: string }) => void;
  enter(type: "admitted", jobs: readonly OpenJob[]): void;
  stop(job: OpenJob, reason: string): Promise<void>;
  isStopped(): boolean;
}

const interrupted = "interrupted by a newer message";

export function createAdmission({ store, clock, settings, scheduler, waiters, probe, enter, stop, isStopped }: AdmissionPorts) {
  const limits = createLimits(clock, settings);
  const gates = new Set<Gate>();

  const limit = ({ lane: name, sender }: Admission): GatewayError | undefined => {
    const { waiting = [], arriving = 0 } = scheduler.peek(name) ?? {};
    const { queue, fullRetryMs } = settings();
    if (waiting.length + arriving >= queue) {
      const message = `${waiting.length + arriving} jobs wait in ${name}, all that gateway.lanes.queue allows`;
      return laneErrors.LANE_FULL(message, { retryAfterMs: fullRetryMs, data: { lane: name } });
    }
    return sender === undefined ? undefined : limits.take(sender);
  };

  const ask = async (admission: Admission): Promise<GatewayError | undefined> => {
    for (const gate of gates) {
      const verdict = await gate(admission).catch((error): Verdict => ({ allow: false, reason: `a gate failed: ${errorMessage(error)}` }));
      if (!verdict.allow) return laneErrors.LANE_REFUSED(verdict.reason, { data: { lane: admission.lane } });
    }
    return undefined;
  };

  /** What was running when an interrupt came: it runs, or has begun and waits for another try. */
  const interruptible = (lane: string): OpenJob | undefined => {
    const { running, waiting = [] } = scheduler.peek(lane) ?? {};
    return running ?? waiting.find(({ journal }) => journal !== null);
  };

  /** Commits the admissions and the caller's own rows together. */
  async function admitWith(admissions: readonly Admission[], extra: readonly Statement[]): Promise<readonly Admitted[]> {
    if (isStopped()) throw laneErrors.LANE_CLOSED();
    const arrived: Admission[] = [];
    let keys: ReadonlySet<string> = new Set();
    try {
      let refusal: GatewayError | undefined;
      for (const admission of admissions) {
        refusal ??= limit(admission);
        if (refusal) break;
        arrived.push(admission);
        scheduler.arrive(admission.lane, 1);
      }
      for (const admission of refusal ? [] : admissions) refusal ??= await ask(admission);
      // A repetition is answered with its job, whatever the limits say by now.
      if (refusal && (await Promise.all(admissions.map(({ key }) => waiters.find(key)))).includes(undefined)) throw refusal;

      const now = clock.now();
      const jobs = admissions.map((admission) => openJob(admission, now));
      const victims = new Map<OpenJob, OpenJob>();
      const at: number[] = [];
      const statements: Statement[] = [];
      for (const job of jobs) {
        at.push(statements.length);
        statements.push(admit(job));
        const victim = job.mode === "interrupt" ? interruptible(job.lane) : undefined;
        if (!victim) continue;
        victims.set(job, victim);
        statements.push([sql.interrupt, interrupted, victim.id]);
      }
      const first = jobs[0] ?? { key: "" };
      probe("before-admit", first);
      const written = await store.write(...statements, ...extra);
      probe("after-admit", first);
      const fresh = admittedOf(
        jobs,
        at.map((index) => written[index]),
      );
      for (const job of fresh) {
        const victim = victims.get(job);
        if (victim) void stop(victim, interrupted);
      }
      enter("admitted", fresh);
      keys = new Set(fresh.map(({ key }) => key));
      return await Promise.all(
        jobs.map(async (job): Promise<Admitted> => {
          const { key } = job;
          if (fresh.includes(job)) return { key, fresh: true, state: "ready", outcome: waiters.outcome(key) };
          const known = await waiters.find(key);
          if (!known) throw laneErrors.LANE_JOB_UNKNOWN(`${key} was swept while it was asked for`);
          return { key, fresh: false, ...known };
        }),
      );
    } finally {
      for (const admission of arrived) {
        scheduler.arrive(admission.lane, -1);
        if (admission.sender !== undefined && !keys.has(admission.key)) limits.giveBack(admission.sender);
      }
    }
  }

  return {
    senders: () => limits.senders,
    /** Asked before an admission; a veto, or a failure, refuses it with `LANE_REFUSED`. */
    gate(ask: Gate): Disposable {
      gates.add(ask);
      return { [Symbol.dispose]: () => void gates.delete(ask) };
    },
    /** Durable when it resolves. Throws `LANE_FULL`, `LANE_RATE_LIMITED`, `LANE_REFUSED`, `LANE_CLOSED`, `STORE_*`; then nothing is admitted. */
    async admit(admission: Admission): Promise<Admitted> {
      return (await admitWith([admission], []))[0] as Admitted;
    },
    /** All in one commit, or none. */
    admitAll: (admissions: readonly Admission[]) => admitWith(admissions, []),
    admitWith,
  };
}
