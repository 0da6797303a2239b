/**
 * A job is a durable function: admitted in one commit, run in its lane's order, and after a crash run again from its beginning with
 * every settled step answered from its journal. The handler wraps each outside step in `effect`.
 */
import { type Static, type TSchema, Type } from "@sinclair/typebox";

/**
 * What to do with an admission when a job of its lane is running: `followup` waits its turn; `collect` waits, and the next turn takes all
 * that collected; `steer` is taken by the running job at its next `take`; `interrupt` cancels the running job and goes first.
 */
export const QueueMode = Type.Union([Type.Literal("followup"), Type.Literal("collect"), Type.Literal("steer"), Type.Literal("interrupt")]);
export type QueueMode = Static<typeof QueueMode>;

/** Work to admit. Repeating an admission with the same key gives the same job. */
export const Admission = Type.Object({
  /** What must not overlap: `turn:<session>`, `out:<channel>:<account>:<conversation>`, `job:<plugin>:<name>`. */
  lane: Type.String({ minLength: 1 }),
  kind: Type.String({ minLength: 1 }),
  key: Type.String({ minLength: 1 }),
  input: Type.Unknown(),
  priority: Type.Optional(Type.Integer()),
  mode: Type.Optional(QueueMode),
  /** Whose token bucket this takes from; absent for the owner, who is exempt. */
  sender: Type.Optional(Type.String()),
  /** Epoch milliseconds after which the job ends as `LANE_DEADLINE` instead of starting, or is aborted when running. */
  deadline: Type.Optional(Type.Integer()),
  /** Epoch milliseconds before which the job does not start. */
  notBefore: Type.Optional(Type.Integer()),
  /** For whom it will ask models, so that a budget which is used up refuses it now; absent: it asks none, or for nobody in particular. */
  spends: Type.Optional(
    Type.Object({
      agentId: Type.Optional(Type.String()),
      sessionKey: Type.Optional(Type.String()),
      user: Type.Optional(Type.String()),
      /** Whoever wrote waits in a conversation and is answered there, also with a refusal: the job is not to be refused before. */
      answered: Type.Optional(Type.Boolean()),
    }),
  ),
});
export type Admission = Static<typeof Admission>;

/** `absorbed`: another job took this one's input, and its outcome is this one's. `parked`: given up after repeated crashes. */
export const JobState = Type.Union([
  Type.Literal("ready"),
  Type.Literal("running"),
  Type.Literal("done"),
  Type.Literal("failed"),
  Type.Literal("cancelled"),
  Type.Literal("absorbed"),
  Type.Literal("parked"),
]);
export type JobState = Static<typeof JobState>;

export const JobOutcome = Type.Object({
  key: Type.String(),
  kind: Type.String(),
  lane: Type.String(),
  state: JobState,
  /**
   * The handler's result when `done`; `{ code, message }` when `failed`, `cancelled` or `parked`; `{ by: <key> }` when it is looked up while
   * `absorbed`. Whoever waits for an absorbed job is given the state and result of the job that absorbed it.
   */
  result: Type.Unknown(),
});
export type JobOutcome = Static<typeof JobOutcome>;

export interface JobKind<I extends TSchema = TSchema, R extends TSchema = TSchema> {
  /** `<plugin>.<noun>`, such as `agent.turn`. */
  readonly kind: string;
  /** Raised whenever the handler's steps change; a job begun under another number ends as `LANE_DIVERGED`. */
  readonly journal: number;
  readonly input: I;
  readonly result: R;
  /** How many jobs of this kind run at once, over all lanes; unlimited when absent. */
  readonly concurrency?: number;
}

export const defineJob = <I extends TSchema, R extends TSchema>(definition: JobKind<I, R>): JobKind<I, R> => definition;

/** `uncertain`: the step had begun when the process died, and nobody can say whether it happened. */
export type EffectOutcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly uncertain: true };

export interface Job<I = unknown> {
  readonly key: string;
  readonly lane: string;
  readonly input: I;
  /** Epoch milliseconds of the admission. */
  readonly admittedAt: number;
  /** Grows with each admission, over all lanes, whatever the time of day says. */
  readonly order: number;
  /** Aborts on cancellation, on the deadline, and when this generation stops waiting for its jobs. */
  readonly signal: AbortSignal;
  /** True when this run continues one that a crash or a swap ended. */
  readonly resumed: boolean;
  /** How often the process died while this job ran. */
  readonly crashes: number;
  /**
   * Runs a step once, and journals what it returned (JSON up to 1 MB; larger values become blobs) or threw: a replay throws the same.
   * Names are unique within the job. `input` is hashed: another hash on replay ends the job as `LANE_DIVERGED`.
   */
  effect<T>(name: string, input: unknown, run: (signal: AbortSignal) => Promise<T>, options: { readonly replay: "safe" }): Promise<T>;
  effect<T>(
    name: string,
    input: unknown,
    run: (signal: AbortSignal) => Promise<T>,
    options?: { readonly replay?: "never" },
  ): Promise<EffectOutcome<T>>;
  /** Absorbs what waits in this lane under one of the modes (default `steer`), journals it, and returns the inputs: one commit. */
  take<T>(name: string, modes?: readonly QueueMode[]): Promise<readonly { readonly key: string; readonly input: T }[]>;
  /** Admits work in the commit that ends this job. A handler that throws sends nothing. */
  send(next: Admission): void;
  /** Admits work now, in one commit with a journal entry of that name, so that a replay does not admit it twice. */
  sendNow(name: string, next: Admission): Promise<void>;
  /** A pause. A stop or a swap does not wait for its end: the job is put back, and the next run decides anew how long to wait. */
  sleep(ms: number): Promise<void>;
}

export type JobHandler<K extends JobKind> = (job: Job<Static<K["input"]>>) => Promise<Static<K["result"]>>;

/** What runs the jobs of one kind. */
export interface JobRunner {
  /** Raised whenever the steps change; a job begun under another number ends as `LANE_DIVERGED`. */
  readonly journal: number;
  /** How many jobs of the kind run at once, over all lanes; unlimited when absent. */
  readonly concurrency?: number;
  run(job: Job): Promise<unknown>;
}
