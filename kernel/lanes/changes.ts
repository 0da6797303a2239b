/** What happens to jobs, for whoever shows it. */
import type { Logger } from "@pincer/plugin-sdk";
import type { LaneJob } from "@pincer/plugin-sdk/contracts/lanes";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { JobOutcome, JobState } from "@pincer/plugin-sdk/job";
import type { Static } from "@sinclair/typebox";
import type { OpenJob } from "./rows.ts";

/** A job as it is shown; its input is read from JSON at each look. */
export type JobView = Readonly<Static<typeof LaneJob>> & { readonly lane: string };

/**
 * `admitted`, also at the start for what was open; `absorbed` by the job that runs in its lane; `returned` to the lane when that job did not
 * end well; `ended`: see `outcome`.
 */
export interface JobChange {
  readonly type: "admitted" | "started" | "absorbed" | "returned" | "ended";
  readonly job: JobView;
  readonly outcome?: JobOutcome;
}

export const viewOf = (job: OpenJob, state: JobState): JobView => ({
  key: job.key,
  kind: job.kind,
  lane: job.lane,
  mode: job.mode,
  state,
  admittedAt: job.admittedAt,
  get input() {
    return JSON.parse(job.input);
  },
});

const states = { admitted: "ready", started: "running", absorbed: "absorbed", returned: "ready", ended: "done" } as const;

export function createChanges(log: Pick<Logger, "warn">) {
  const listeners = new Set<(change: JobChange) => void>();
  return {
    tell(type: JobChange["type"], job: OpenJob, outcome?: JobOutcome): void {
      for (const listener of listeners) {
        try {
          listener({ type, job: viewOf(job, outcome?.state ?? states[type]), ...(outcome && { outcome }) });
        } catch (error) {
          log.warn("lanes.listener-failed", { type, key: job.key, error: errorMessage(error) });
        }
      }
    },
    /** Every change, after it is durable. */
    onChange(listener: (change: JobChange) => void): Disposable {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}
