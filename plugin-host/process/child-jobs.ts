/** The host's end of jobs whose handlers run in a plugin's own process: steps, journal and lane stay here. */
import type { Job } from "@pincer/plugin-sdk/job";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";
import { isGone } from "@pincer/plugin-sdk/runtime/gone";
import type { Peer } from "@pincer/plugin-sdk/runtime/peer";
import type { JobFacts } from "@pincer/plugin-sdk/runtime/process-protocol";

export type ChildJobs = ReturnType<typeof createChildJobs>;

export function createChildJobs(peer: () => Peer) {
  const running = new Map<string, Job>();
  return {
    async run(kind: string, job: Job): Promise<unknown> {
      const { key, lane, input, admittedAt, order, resumed, crashes } = job;
      const facts: JobFacts = { kind, key, lane, input, admittedAt, order, resumed, crashes };
      running.set(key, job);
      try {
        return await orGivenBack(job, peer(), peer().call("job", { job: facts }, { signal: job.signal }));
      } finally {
        running.delete(key);
      }
    },

    /** A job of this process. Throws `PLUGIN_PROTOCOL`: it may touch no other. */
    required(key: string): Job {
      const job = running.get(key);
      if (!job) throw pluginErrors.PLUGIN_PROTOCOL(`no job ${key.slice(0, 200)} runs in this process`);
      return job;
    },

    /** Runs a step over there, when no earlier run has journalled it. */
    effect(job: Job, name: string, input: unknown, safe: boolean): Promise<unknown> {
      const run = (signal: AbortSignal) => orGivenBack(job, peer(), peer().call("job.step", { key: job.key, name }, { signal }));
      return safe ? job.effect(name, input, run, { replay: "safe" }) : job.effect(name, input, run);
    },
  };
}

/**
 * A process that went away says nothing about the job or its step: the host gives the job back, and only then this ends, so that neither is
 * written down as failed.
 */
async function orGivenBack<T>({ signal }: Job, { isEnd }: Peer, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isGone(error) || !(signal.aborted || isEnd(error))) throw error;
    if (!signal.aborted) await new Promise<void>((given) => signal.addEventListener("abort", () => given(), { once: true }));
    throw signal.reason;
  }
}
