/** One run of a job: from its claim to its end, or until its handler gives it back. */
import { errorMessage, type GatewayError, hasCode, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Admission, EffectOutcome, Job, JobRunner, JobState, QueueMode } from "@pincer/plugin-sdk/job";
import type { Row, Statement } from "../../store/store.ts";
import { laneErrors } from "./errors.ts";
import type { Jobs } from "./jobs.ts";
import { Journal } from "./journal.ts";
import type { LanePoint } from "./points.ts";
import { admit, admitted, type OpenJob, openJob, type Step, sql } from "./rows.ts";

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

/** The store is full or locked: no fault of who meets that. */
const isRefusal = (error: unknown) => hasCode(error, "STORE_FULL") || hasCode(error, "STORE_LOCKED");

export class Run {
  readonly finished = Promise.withResolvers<void>();
  readonly #abort = new AbortController();
  readonly #abandoned = Promise.withResolvers<never>();
  readonly #sends: Admission[] = [];
  /** Names of the outside calls that are under way, to say what hangs. */
  readonly #calling = new Set<string>();
  #journal!: Journal;
  #patience: Disposable | undefined;
  #isAsleep = false;
  /** Why the job is to be given back as soon as its handler only waits. */
  #wanted: GatewayError | undefined;
  #closed = false;

  constructor(
    readonly job: OpenJob,
    readonly handler: JobRunner,
    readonly jobs: Jobs,
  ) {
    this.#abandoned.promise.catch(() => {}); // silent-ok: only a race looks at it
  }

  /** Asks the handler to stop, for the first reason given; its end is still awaited, for a while. */
  stop(reason: GatewayError): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(reason);
    const giveUp = () => {
      this.#warn("lanes.handler-hangs", { told: reason.code, steps: [...this.#calling] });
      this.#abandoned.reject(reason);
    };
    const { clock, settings } = this.jobs.deps;
    if (!this.#closed) this.#patience = clock.after(settings().abandonMs, giveUp);
  }

  /** Stops the handler as soon as it only waits, now or later; what it does, it may finish. */
  release(reason: GatewayError): void {
    this.#wanted = reason;
    if (this.#isAsleep && this.#calling.size === 0) this.stop(reason);
  }

  /** To the end of the job, or until it waits in its lane again. */
  async execute(): Promise<void> {
    const { job, handler, jobs } = this;
    try {
      const ending = await this.#handle().finally(() => this.#close());
      await (ending ? jobs.end(job, ending) : jobs.giveBack(job, handler));
    } catch (error) {
      jobs.unfinished(job, error);
    }
    this.finished.resolve();
  }

  #close(): void {
    this.#closed = true;
    this.#patience?.[Symbol.dispose]();
  }

  /** Why the handler is not to be called at all. */
  #refusal(past: readonly Step[]): GatewayError | undefined {
    const { job, handler } = this;
    const { clock, settings } = this.jobs.deps;
    if (job.crashes >= settings().parkAfter)
      return laneErrors.LANE_PARKED(`given up: the gateway died ${job.crashes} times while ${job.key} ran`);
    if (job.deadline !== null && job.deadline <= clock.now()) return tooLate(job);
    if (past.length === 0 || job.journal === handler.journal) return undefined;
    const numbers = `begun under journal ${job.journal} of ${job.kind}, and its plugin is now at ${handler.journal}`;
    return laneErrors.LANE_DIVERGED(`${job.key} was ${numbers}: ask again`);
  }

  /** How the job ended; undefined when it is to be run again by the next handler. Rejects when the store fails. */
  async #handle(): Promise<Ending | undefined> {
    const { job, handler, jobs } = this;
    // An earlier run of any job may have settled steps, not only of those that crashed.
    const past = job.traces ? await jobs.deps.store.read<Step & Row>(sql.journal, job.id) : [];
    const refusal = this.#refusal(past);
    if (refusal) return endingOf(refusal);
    if (job.over) this.stop(job.over);
    const claim: Statement = [sql.claim, job.id, handler.journal, jobs.scheduler.isSuspect(job) ? 1 : 0];
    this.#journal = new Journal(job, jobs, past, [claim], () => !this.#closed);
    // A replay may need no write before the step that kills the process: without this claim nobody would ever be blamed for it.
    if (job.traces) await jobs.step("claim", job, () => this.#journal.write());
    let ending: Ending;
    try {
      const result = await Promise.race([handler.run(this.#handed()), this.#abandoned.promise]);
      JSON.stringify(result); // what is not JSON is the handler's failure, and no later surprise
      ending = { state: "done", result, sends: this.#sends };
    } catch (error) {
      if (isRefusal(error) && (await this.#storeTakes())) return undefined;
      if (!this.#abort.signal.aborted) this.#warn("lanes.job-failed", { error: errorMessage(error), stack: (error as Error)?.stack });
      const code = isGatewayError(error) ? error.code : "LANE_FAILED";
      ending = { state: "failed", result: { code, message: errorMessage(error) }, sends: [] };
    }
    this.#closed = true;
    const reason: unknown = this.#abort.signal.reason;
    if (!isGatewayError(reason)) {
      this.#journal.skip();
      return ending;
    }
    // Whatever a handler answers once it was told to give its job back may be cut short; running it again from the journal is exact.
    if (reason.code === "LANE_RELEASED") return undefined;
    return { ...endingOf(reason), sends: reason.code === "LANE_DIVERGED" ? [] : ending.sends };
  }

  /** Waits until the store takes writes again, and has taken those of every step so far. False when the job was told to stop meanwhile. */
  async #storeTakes(): Promise<boolean> {
    const { clock, settings } = this.jobs.deps;
    this.#warn("lanes.job-waits", { next: "it goes on when the store takes writes again" });
    try {
      await clock.sleep(settings().retryMs, this.#abort.signal);
      await this.#journal.write();
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error;
    }
    return !this.#abort.signal.aborted;
  }

  #handed(): Job {
    return {
      key: this.job.key,
      lane: this.job.lane,
      admittedAt: this.job.admittedAt,
      input: JSON.parse(this.job.input),
      signal: this.#abort.signal,
      resumed: this.job.journal !== null,
      crashes: this.job.crashes,
      effect: ((name, input, run, options) => this.#effect(name, input, run, options?.replay === "safe")) as Job["effect"],
      take: (name, modes = ["steer"]) => this.#take(name, modes),
      // Also when told to stop: what a handler that returns has to say at its end goes out with it.
      send: (next) => {
        if (this.#closed) this.#assertOpen();
        this.#sends.push(next);
      },
      sendNow: (name, next) => this.#sendNow(name, next),
      sleep: (ms) => this.#sleep(ms),
    };
  }

  #warn(event: string, fields: Readonly<Record<string, unknown>>): void {
    const { key, kind } = this.job;
    this.jobs.deps.log.warn(event, { key, kind, ...fields });
  }

  #probe(point: LanePoint): void {
    this.jobs.deps.probe?.(point, this.job.key);
  }

  #assertOpen(): void {
    this.#abort.signal.throwIfAborted();
    if (this.#closed) throw laneErrors.LANE_RELEASED(`${this.job.key} has ended: its handler returned before this step`);
  }

  #enter(name: string, input: unknown) {
    if (this.#closed) this.#assertOpen();
    try {
      return this.#journal.enter(name, input);
    } catch (error) {
      // Ends the job whatever the handler makes of the exception.
      if (hasCode(error, "LANE_DIVERGED")) this.stop(error);
      throw error;
    }
  }

  async #effect<T>(name: string, input: unknown, run: (signal: AbortSignal) => Promise<T>, safe: boolean): Promise<T | EffectOutcome<T>> {
    const { job, jobs } = this;
    const answer = (value: T): T | EffectOutcome<T> => (safe ? value : { ok: true, value });
    const { hash, past } = this.#enter(name, input);
    if (past && past.state !== "begun") return answer(this.#journal.answer(past) as T);
    if (past && !safe) return { ok: false, uncertain: true };
    this.#assertOpen();
    if (!safe) {
      await jobs.step("begin", job, () => this.#journal.write([sql.begin, job.id, name, hash]));
      // Told to stop meanwhile: the step was not called, and must not look as if it might have been.
      if (this.#abort.signal.aborted && !this.#closed) this.#journal.later([sql.unbegin, job.id, name]);
      this.#assertOpen();
    }
    this.#probe("before-run");
    this.#calling.add(name);
    try {
      const value = await run(this.#abort.signal);
      this.#probe("after-run");
      if (!this.#closed) this.#journal.later(this.#journal.settled(name, hash, value));
      this.#probe("after-settle");
      return answer(value);
    } catch (error) {
      // A step that was cut short by an abort, or by a full disk, says nothing about what the next run will find.
      if (!this.#closed && !this.#abort.signal.aborted && !isRefusal(error)) this.#journal.later(this.#journal.failed(name, hash, error));
      throw error;
    } finally {
      this.#calling.delete(name);
    }
  }

  async #sleep(ms: number): Promise<void> {
    this.#isAsleep = true;
    if (this.#wanted) this.release(this.#wanted);
    await this.jobs.deps.clock.sleep(ms, this.#abort.signal).finally(() => {
      this.#isAsleep = false;
    });
  }

  async #take<T>(name: string, modes: readonly QueueMode[]): Promise<readonly { readonly key: string; readonly input: T }[]> {
    const { job, jobs } = this;
    const { hash, past } = this.#enter(name, modes);
    if (past) return this.#journal.answer(past) as { key: string; input: T }[];
    this.#assertOpen();
    const taken = jobs.scheduler.take(job.lane, modes);
    const inputs = taken.map(({ key, input }) => ({ key, input: JSON.parse(input) as T }));
    const settled = this.#journal.settled(name, hash, inputs);
    if (taken.length === 0) {
      this.#journal.later(settled);
      return inputs;
    }
    job.traces = true;
    const ids = JSON.stringify(taken.map(({ id }) => id));
    try {
      await jobs.step("take", job, () => this.#journal.write(settled, [sql.absorb, job.id, job.key, ids]));
    } catch (error) {
      jobs.scheduler.add(taken);
      throw error;
    }
    jobs.absorbed(taken);
    return inputs;
  }

  async #sendNow(name: string, next: Admission): Promise<void> {
    const { job, jobs } = this;
    const { hash, past } = this.#enter(name, next);
    if (past) return;
    this.#assertOpen();
    const sent = openJob(next, jobs.deps.clock.now());
    const written = await jobs.step("send", job, () => this.#journal.write(this.#journal.settled(name, hash, null), admit(sent)));
    jobs.enter("admitted", admitted([sent], written.slice(1)));
  }
}
