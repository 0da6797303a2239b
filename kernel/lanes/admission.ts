/** The way into the lanes: limits first, then one commit, and only what is committed is acknowledged and runs. */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Admission, JobOutcome } from "@pincer/plugin-sdk/job";
import type { Statement } from "../../store/store.ts";
import { laneErrors } from "./errors.ts";
import type { Jobs } from "./jobs.ts";
import { admit, admitted, type OpenJob, openJob, sql } from "./rows.ts";
import type { LanesSettings } from "./settings.ts";

/** `fresh` is false when the key was admitted before: this is that job. */
type Admitted = Pick<JobOutcome, "key" | "state"> & { readonly fresh: boolean };

const interrupted = "interrupted by a newer message";

export function createAdmission(all: Jobs) {
  const { store, clock, settings, gate } = all.deps;
  const { scheduler } = all;
  const buckets = createBuckets(clock, settings);
  /** How many are being committed, by lane. */
  const arriving = new Map<string, number>();

  const arrive = (lane: string, by: 1 | -1) => {
    const now = (arriving.get(lane) ?? 0) + by;
    if (now > 0) arriving.set(lane, now);
    else arriving.delete(lane);
  };

  const limit = ({ lane, sender }: Admission) => {
    const { queue, fullRetryMs } = settings();
    const waits = (scheduler.lanes.get(lane)?.waiting.length ?? 0) + (arriving.get(lane) ?? 0);
    if (waits >= queue) {
      const options = { retryAfterMs: fullRetryMs, data: { lane } };
      throw laneErrors.LANE_FULL(`${waits} jobs wait in ${lane}, all that gateway.lanes.queue allows`, options);
    }
    if (sender !== undefined) buckets.take(sender);
    arrive(lane, 1);
  };

  /** Returns the jobs whose keys were new. */
  const commit = async (jobs: readonly OpenJob[], extra: readonly Statement[]): Promise<readonly OpenJob[]> => {
    // An interrupt cancels what runs, or has begun and waits for another try.
    const interrupts = jobs.flatMap((job) => {
      const lane = job.mode === "interrupt" ? scheduler.lanes.get(job.lane) : undefined;
      const victim = lane?.running ?? lane?.waiting.find(({ journal }) => journal !== null);
      return victim ? [{ job, victim }] : [];
    });
    const marks = interrupts.map(({ job, victim }): Statement => [sql.interrupt, interrupted, victim.id, job.key]);
    const write = () => store.write(...marks, ...jobs.map(admit), ...extra);
    const written = await all.commit("admit", jobs[0] ?? { key: "" }, write);
    const fresh = admitted(jobs, written.slice(marks.length));
    for (const { job, victim } of interrupts) if (fresh.includes(job)) void all.stop(victim, laneErrors.LANE_CANCELLED(interrupted));
    return fresh;
  };

  /**
   * All in one commit with the caller's own rows, or none; durable when it resolves. Throws `LANE_FULL`, `LANE_RATE_LIMITED`, `LANE_REFUSED`,
   * `LANE_CLOSED`, `STORE_*`; then nothing is admitted.
   */
  async function admitAll(admissions: readonly Admission[], extra: readonly Statement[] = []): Promise<readonly Admitted[]> {
    if (all.isStopping) throw laneErrors.LANE_CLOSED();
    const arrived: Admission[] = [];
    let fresh: readonly OpenJob[] = [];
    try {
      try {
        for (const admission of admissions) {
          const { input: _, ...asked } = admission;
          const verdict = asked.spends && (await gate?.(asked));
          if (verdict?.allow === false) throw laneErrors.LANE_REFUSED(verdict.reason, { ...verdict, data: { refusal: verdict.code } });
          limit(admission);
          arrived.push(admission);
        }
      } catch (refusal) {
        // A repetition is answered with its job, whatever the limits say by now.
        const known = await Promise.all(admissions.map(({ key }) => all.find(key)));
        if (known.includes(undefined)) throw refusal;
      }
      const now = clock.now();
      const jobs = admissions.map((admission) => openJob(admission, now));
      fresh = await commit(jobs, extra);
      all.enter("admitted", fresh);
      return await Promise.all(
        jobs.map(async (job): Promise<Admitted> => {
          const { key } = job;
          if (fresh.includes(job)) return { key, fresh: true, state: "ready" };
          const known = await all.find(key);
          if (!known) throw laneErrors.LANE_JOB_UNKNOWN(`${key} was swept while it was asked for`);
          return { key, fresh: false, state: known.state };
        }),
      );
    } finally {
      for (const { lane, sender, key } of arrived) {
        arrive(lane, -1);
        if (sender !== undefined && !fresh.some((job) => job.key === key)) buckets.giveBack(sender);
      }
    }
  }

  return { admitAll, senders: buckets.senders };
}

/** A token bucket for each sender. */
function createBuckets(clock: Clock, settings: () => LanesSettings) {
  /** When a sender's bucket will be full again. A full one says nothing, so that the memory is bounded by the senders of the last minutes. */
  const fullAt = new Map<string, number>();
  let prunedAt = clock.monotonic();
  const tokenMs = () => 60_000 / settings().senderRate;

  return {
    /** Takes one token. Throws `LANE_RATE_LIMITED` when there is none. */
    take(sender: string): void {
      const { senderRate, senderBurst } = settings();
      const now = clock.monotonic();
      if (now - prunedAt >= 60_000) {
        prunedAt = now;
        for (const [other, at] of fullAt) if (at <= now) fullAt.delete(other);
      }
      const next = Math.max(now, fullAt.get(sender) ?? 0) + tokenMs();
      const retryAfterMs = Math.floor(next - now - senderBurst * tokenMs());
      const message = `${sender} has asked ${senderBurst} times at once, and may ask ${senderRate} times a minute`;
      if (retryAfterMs > 0) throw laneErrors.LANE_RATE_LIMITED(message, { retryAfterMs });
      fullAt.set(sender, next);
    },
    /** For an admission that was none: refused by others, or a repetition. */
    giveBack: (sender: string) => void fullAt.set(sender, (fullAt.get(sender) ?? 0) - tokenMs()),
    senders: () => fullAt.size,
  };
}
