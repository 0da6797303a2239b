/** One run of a job: from its claim to its end, or until its handler gives it back. */
import { errorMessage, type GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import type { JobRunner } from "@pincer/plugin-sdk/job";
import { isRefusal, laneErrors } from "./errors.ts";
import { type Ending, endingOf, type Jobs, tooLate } from "./jobs.ts";
import { type OpenJob, type RunningJob, type Step, sql } from "./rows.ts";
import { Steps } from "./steps.ts";

export class Run implements RunningJob {
  readonly finished = Promise.withResolvers<void>();
  readonly #abort = new AbortController();
  readonly signal = this.#abort.signal;
  readonly #abandoned = Promise.withResolvers<never>();
  readonly #steps = new Steps(this);
  #patience: Disposable | undefined;
  /** Why the job is to be given back as soon as its handler only waits. */
  #wanted: GatewayError | undefined;

  constructor(
    readonly job: OpenJob,
    readonly handler: JobRunner,
    readonly jobs: Jobs,
  ) {
    this.#abandoned.promise.catch(() => {}); // silent-ok: only a race looks at it
  }

  /** Asks the handler to stop, for the first reason given; its end is still awaited, for a while. */
  stop(reason: GatewayError): void {
    if (this.signal.aborted) return;
    this.#abort.abort(reason);
    const giveUp = () => {
      this.#warn("lanes.handler-hangs", { told: reason.code, steps: [...this.#steps.calling] });
      this.#abandoned.reject(reason);
    };
    const { clock, settings } = this.jobs.deps;
    if (!this.#steps.isClosed) this.#patience = clock.after(settings().abandonMs, giveUp);
  }

  /** Stops the handler as soon as it only waits, now or later; what it does, it may finish. */
  release(reason: GatewayError): void {
    this.#wanted = reason;
    this.rest();
  }

  /** Told when the handler begins to wait. */
  rest(): void {
    const { isAsleep, calling } = this.#steps;
    if (this.#wanted && isAsleep && calling.size === 0) this.stop(this.#wanted);
  }

  /** To the end of the job, or until it waits in its lane again. */
  async execute(): Promise<void> {
    const { job, handler, jobs } = this;
    try {
      const ending = await this.#handle().finally(() => {
        this.#steps.isClosed = true;
        this.#patience?.[Symbol.dispose]();
      });
      await (ending ? jobs.end(job, ending) : jobs.giveBack(job, handler));
    } catch (error) {
      jobs.unfinished(job, error);
    }
    this.finished.resolve();
  }

  /** Why the handler is not to be called at all. */
  #refusal(): GatewayError | undefined {
    const { job, handler } = this;
    const { clock, settings } = this.jobs.deps;
    if (job.crashes >= settings().parkAfter)
      return laneErrors.LANE_PARKED(`given up: the gateway died ${job.crashes} times while ${job.key} ran`);
    if (job.deadline !== null && job.deadline <= clock.now()) return tooLate(job);
    if (this.#steps.past.size === 0 || job.journal === handler.journal) return undefined;
    const numbers = `begun under journal ${job.journal} of ${job.kind}, and its plugin is now at ${handler.journal}`;
    return laneErrors.LANE_DIVERGED(`${job.key} was ${numbers}: ask again`);
  }

  /** How the job ended; undefined when it is to be run again by the next handler. Rejects when the store fails. */
  async #handle(): Promise<Ending | undefined> {
    const { job, jobs } = this;
    const steps = this.#steps;
    // An earlier run of any job may have settled steps, not only of those that crashed. Awaited in any case: whoever starts a job goes on first.
    const past = await (job.traces ? jobs.deps.store.read<Step>(sql.journal, job.id) : []);
    for (const step of past) steps.past.set(step.name, step);
    const refusal = this.#refusal();
    if (refusal) return endingOf(job.over ?? refusal);
    if (job.over) this.stop(job.over);
    // A replay may need no write before the step that kills the process: without this claim nobody would ever be blamed for it.
    if (job.traces) await jobs.commit("claim", job, () => steps.write());
    let ending: Ending;
    try {
      const result = await Promise.race([this.handler.run(steps.handed), this.#abandoned.promise]);
      JSON.stringify(result); // what is not JSON is the handler's failure, and no later surprise
      ending = { state: "done", result, sends: steps.sends };
    } catch (error) {
      // Also a job that was told to end: its handler has something to write down first.
      if (isRefusal(error)) return await this.#storeTakes();
      if (!this.signal.aborted) this.#warn("lanes.job-failed", { error: errorMessage(error), stack: (error as Error)?.stack });
      const code = isGatewayError(error) ? error.code : "LANE_FAILED";
      ending = { state: "failed", result: { code, message: errorMessage(error) }, sends: [] };
    }
    steps.isClosed = true;
    const reason: unknown = this.signal.reason;
    if (!isGatewayError(reason)) {
      steps.skip();
      return ending;
    }
    // Whatever a handler answers once it was told to give its job back may be cut short; running it again from the journal is exact.
    if (reason.code === "LANE_RELEASED") return undefined;
    return { ...endingOf(reason), sends: reason.code === "LANE_DIVERGED" ? [] : ending.sends };
  }

  /** Waits until the store takes writes again, and has taken those of every step so far, or until the job is told to stop. */
  async #storeTakes(): Promise<undefined> {
    const { clock, settings } = this.jobs.deps;
    this.#warn("lanes.job-waits", { next: "it goes on when the store takes writes again" });
    const told = this.signal.aborted ? undefined : this.signal;
    const taken = clock.sleep(settings().retryMs, told).then(() => this.#steps.write());
    await taken.catch((error) => {
      if (!this.signal.aborted) throw error;
    });
  }

  #warn(event: string, fields: Readonly<Record<string, unknown>>): void {
    const { key, kind } = this.job;
    this.jobs.deps.log.warn(event, { key, kind, ...fields });
  }
}
