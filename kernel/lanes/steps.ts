/** A job as its handler sees it: each step is answered by what an earlier run left behind, or is taken and written down in order. */
import type { GatewayError } from "@pincer/plugin-sdk/error";
import type { Admission, EffectOutcome, Job, JobRunner, QueueMode } from "@pincer/plugin-sdk/job";
import type { Row, Statement } from "../../store/store.ts";
import { isRefusal, laneErrors } from "./errors.ts";
import type { Jobs } from "./jobs.ts";
import { admit, admitted, answerOf, failed, hashOf, type OpenJob, openJob, type Step, settled, sql } from "./rows.ts";

/** The run whose steps they are. */
interface StepsOf {
  readonly job: OpenJob;
  readonly handler: JobRunner;
  readonly jobs: Jobs;
  readonly signal: AbortSignal;
  stop(reason: GatewayError): void;
  rest(): void;
}

export class Steps {
  readonly sends: Admission[] = [];
  /** Names of the outside calls that are under way, to say what hangs. */
  readonly calling = new Set<string>();
  isAsleep = false;
  /** The handler has come to its end, or was given up: nothing that it still does counts. */
  isClosed = false;
  /** What earlier runs have left behind, by name. */
  readonly past = new Map<string, Step>();
  readonly #names = new Set<string>();
  #isClaimed = false;
  /** What is handed over next, in one write; absent when nothing waits for that. */
  #open: Statement[] | undefined;
  /** The newest write, durable with every one before it. */
  #written: Promise<Row[][]> = Promise.resolve([]);

  constructor(readonly run: StepsOf) {}

  get handed(): Job {
    const { job, signal } = this.run;
    return {
      key: job.key,
      lane: job.lane,
      admittedAt: job.admittedAt,
      order: job.id,
      input: JSON.parse(job.input),
      signal,
      resumed: job.journal !== null,
      crashes: job.crashes,
      effect: ((name, input, call, options) => this.#effect(name, input, call, options?.replay === "safe")) as Job["effect"],
      take: (name, modes = ["steer"]) => this.#take(name, modes),
      // Also when told to stop: what a handler that returns has to say at its end goes out with it.
      send: (next) => {
        if (this.isClosed) this.#assertOpen();
        this.sends.push(next);
      },
      sendNow: (name, next) => this.#sendNow(name, next),
      sleep: (ms) => this.#sleep(ms),
    };
  }

  /** Durable, with every step before it, when it resolves. */
  async write(...statements: Statement[]): Promise<Row[][]> {
    const end = this.#later(...statements);
    return (await this.#written).slice(end - statements.length, end);
  }

  /** The job ends with what is written next: steps that were not handed over by then need not be. */
  skip(): void {
    if (this.#open?.every(([text]) => text === sql.settle || text === sql.claim)) this.#open.length = 0;
  }

  /** Durable before the next `write` resolves; nothing waits for it here. Returns how many statements are handed over with it so far. */
  #later(...statements: readonly Statement[]): number {
    this.#open ??= this.#begin();
    return this.#open.push(...statements);
  }

  #begin(): Statement[] {
    const { job, jobs, handler } = this.run;
    const statements: Statement[] = [];
    if (!this.#isClaimed) statements.push([sql.claim, job.id, handler.journal, jobs.scheduler.isSuspect(job) ? 1 : 0]);
    this.#isClaimed = true;
    const give = () => {
      if (this.#open === statements) this.#open = undefined;
      return statements;
    };
    const writing = jobs.persist(give, () => !this.isClosed);
    this.#written = Promise.all([writing, this.#written]).then(([rows]) => rows);
    this.#written.catch(() => {}); // silent-ok: it fails whatever is written next
    return statements;
  }

  #assertOpen(): void {
    this.run.signal.throwIfAborted();
    if (this.isClosed) throw laneErrors.LANE_RELEASED(`${this.run.job.key} has ended: its handler returned before this step`);
  }

  /** Throws `LANE_EFFECT_TWICE` for a name used before in this run, `LANE_DIVERGED` when an earlier one gave it another input. */
  #enter(name: string, input: unknown): { readonly hash: string; readonly past: Step | undefined } {
    const { key, kind } = this.run.job;
    if (this.isClosed) this.#assertOpen();
    if (this.#names.has(name)) {
      throw laneErrors.LANE_EFFECT_TWICE(`the step "${name}" of ${key} ran before in this job: give each step a name of its own`);
    }
    this.#names.add(name);
    const hash = hashOf(input);
    const past = this.past.get(name);
    if (past && past.hash !== hash) {
      const advice = `raise the journal number of ${kind} when its steps change`;
      const diverged = laneErrors.LANE_DIVERGED(`the step "${name}" of ${key} had another input before the job was resumed: ${advice}`);
      this.run.stop(diverged); // ends the job whatever the handler makes of the exception
      throw diverged;
    }
    return { hash, past };
  }

  async #effect<T>(name: string, input: unknown, call: (signal: AbortSignal) => Promise<T>, safe: boolean): Promise<T | EffectOutcome<T>> {
    const { job, jobs, signal } = this.run;
    const answer = (value: T): T | EffectOutcome<T> => (safe ? value : { ok: true, value });
    const { hash, past } = this.#enter(name, input);
    if (past && past.state !== "begun") return answer(answerOf(past) as T);
    if (past && !safe) return { ok: false, uncertain: true };
    this.#assertOpen();
    if (!safe) {
      await jobs.commit("begin", job, () => this.write([sql.begin, job.id, name, hash]));
      // Told to stop meanwhile: the step was not called, and must not look as if it might have been.
      if (signal.aborted && !this.isClosed) this.#later([sql.unbegin, job.id, name]);
      this.#assertOpen();
    }
    jobs.probe("before-run", job);
    this.calling.add(name);
    try {
      const value = await call(signal);
      jobs.probe("after-run", job);
      if (!this.isClosed) this.#later(settled(job, name, hash, value, jobs.deps.settings()));
      jobs.probe("after-settle", job);
      return answer(value);
    } catch (error) {
      // A step that was cut short by an abort, or by a full disk, says nothing about what the next run will find.
      if (!this.isClosed && !signal.aborted && !isRefusal(error)) this.#later(failed(job, name, hash, error));
      throw error;
    } finally {
      this.calling.delete(name);
    }
  }

  async #take<T>(name: string, modes: readonly QueueMode[]): Promise<readonly { readonly key: string; readonly input: T }[]> {
    const { job, jobs } = this.run;
    const { hash, past } = this.#enter(name, modes);
    if (past) return answerOf(past) as { key: string; input: T }[];
    this.#assertOpen();
    const taken = jobs.scheduler.take(job.lane, modes);
    const inputs = taken.map(({ key, input }) => ({ key, input: JSON.parse(input) as T }));
    try {
      const note = settled(job, name, hash, inputs, jobs.deps.settings());
      if (taken.length === 0) {
        this.#later(note);
        return inputs;
      }
      job.traces = true;
      const ids = JSON.stringify(taken.map(({ id }) => id));
      await jobs.commit("take", job, () => this.write(note, [sql.absorb, job.id, job.key, ids]));
    } catch (error) {
      jobs.scheduler.add(taken);
      throw error;
    }
    jobs.absorbed(taken);
    return inputs;
  }

  async #sendNow(name: string, next: Admission): Promise<void> {
    const { job, jobs } = this.run;
    const { hash, past } = this.#enter(name, next);
    if (past) return;
    this.#assertOpen();
    const sent = openJob(next, jobs.deps.clock.now());
    const note = settled(job, name, hash, null, jobs.deps.settings());
    const [, ...written] = await jobs.commit("send", job, () => this.write(note, admit(sent)));
    jobs.enter("admitted", admitted([sent], written));
  }

  async #sleep(ms: number): Promise<void> {
    const { jobs, signal } = this.run;
    this.isAsleep = true;
    this.run.rest();
    await jobs.deps.clock.sleep(ms, signal).finally(() => {
      this.isAsleep = false;
    });
  }
}
