/** The lanes' tables, the statements on them, and how steps are kept: what each returned or threw, as JSON, under a hash of its input. */
import { type ErrorOptions, errorMessage, GatewayError, isGatewayError } from "@pincer/plugin-sdk/error";
import type { Admission, JobOutcome, QueueMode } from "@pincer/plugin-sdk/job";
import type { Migration, Param, Row, Statement } from "../../store/store.ts";
import { laneErrors } from "./errors.ts";
import type { LanesSettings } from "./settings.ts";

export const lanesMigrations: readonly Migration[] = [
  {
    room: "lanes",
    version: 1,
    sql: `
      create table job (
        id integer primary key, lane text not null, kind text not null, key text not null unique, input text not null,
        priority integer not null, mode text not null, deadline integer, not_before integer not null, admitted_at integer not null,
        journal integer, crashes integer not null default 0, trial integer not null default 0, cancel text,
        state text not null default 'ready', absorbed_by integer, returned integer not null default 0, result text, ended_at integer
      ) strict;
      create index job_open on job(id) where ended_at is null;
      create index job_ended on job(ended_at) where ended_at is not null;
      create index job_absorbed on job(absorbed_by) where absorbed_by is not null;
      create table effect (
        job integer not null, name text not null, state text not null, hash text not null, value any,
        primary key (job, name)
      ) without rowid, strict;`,
  },
];

/** A job that runs, as who may end it sees it. */
export interface RunningJob {
  readonly finished: PromiseWithResolvers<void>;
  execute(): Promise<void>;
  stop(reason: GatewayError): void;
  release(reason: GatewayError): void;
}

/** A job that has not ended, as the lanes hold it. */
export interface OpenJob {
  id: number;
  readonly key: string;
  readonly lane: string;
  readonly kind: string;
  /** JSON. */
  readonly input: string;
  readonly priority: number;
  readonly mode: QueueMode;
  readonly deadline: number | null;
  readonly notBefore: number;
  readonly admittedAt: number;
  readonly crashes: number;
  /** The journal number it began under; null before its first claim. */
  journal: number | null;
  /** Why it is to be cancelled, as the store has it. */
  readonly cancel: string | null;
  /** The job that had absorbed it did not end well: no take reaches past it, since it came before whatever waits behind it. */
  readonly returned: boolean;
  /** Its journal may hold steps of an earlier run, and it may have absorbed others. */
  traces: boolean;
  /** Why it comes only to be ended: it waits for nobody any more. */
  over?: GatewayError | undefined;
  run?: RunningJob | undefined;
  /** Until its deadline. */
  timer?: Disposable;
}

const columns = `id, key, lane, kind, input, priority, mode, deadline, not_before as notBefore, admitted_at as admittedAt,
  crashes, journal, cancel, returned, 1 as traces`;

export const jsonOf = (value: unknown): string => JSON.stringify(value) ?? "null";

const unbegun = { id: 0, crashes: 0, journal: null, cancel: null, returned: false, traces: false };

/** Its id is 0 until it is committed. */
export function openJob(admission: Admission, now: number): OpenJob {
  const { key, lane, kind, input, priority = 0, mode = "followup", deadline = null, notBefore = 0 } = admission;
  return Object.assign({ key, lane, kind, input: jsonOf(input), priority, mode, deadline, notBefore, admittedAt: now }, unbegun);
}

export const outcomeOf = ({ key, kind, lane, state, result }: Row) =>
  ({ key, kind, lane, state, result: JSON.parse((result as string | null) ?? "null") }) as JobOutcome;

export interface Step {
  readonly name: string;
  readonly state: "begun" | "settled" | "failed";
  readonly hash: string;
  readonly value: Param;
}

export const sql = {
  find: "select key, kind, lane, state, result, ended_at from job where key = ?",
  /** How a job ended; an absorbed one as the job that absorbed it, which ended in the same commit. */
  ended: `select job.key, job.kind, job.lane, job.ended_at, coalesce(by_job.state, job.state) as state,
      coalesce(by_job.result, job.result) as result
    from job left join job as by_job on job.state = 'absorbed' and by_job.key = job.result ->> 'by' where job.key = ?`,
  open: `select ${columns} from job where ended_at is null and state <> 'absorbed'`,
  journal: "select name, state, hash, value from effect where job = ?",

  /** What a cancelled job has absorbed ends with it, instead of coming back. */
  cancel: "update job set cancel = ?1 where ended_at is null and (id = ?2 or absorbed_by = ?2)",
  /** Before an admission: only when that will admit a new job. */
  interrupt: "update job set cancel = ?1 where id = ?2 and ended_at is null and not exists (select 1 from job where key = ?3)",
  claim: "update job set state = 'running', journal = ?2, trial = ?3 where id = ?1",
  /** Whoever waits for another try is not running, or the next crash would be blamed on it. */
  release: "update job set state = 'ready', trial = 0 where id = ? and state = 'running'",
  /** The input is of no more use, and may be large or private. */
  finish: "update job set state = ?2, result = ?3, ended_at = ?4, input = 'null', trial = 0 where id = ?1 and ended_at is null",

  begin: "insert into effect values (?, ?, 'begun', ?, null)",
  settle: `insert into effect values (?, ?, ?, ?, ?)
    on conflict(job, name) do update set state = excluded.state, value = excluded.value`,
  /** A step that was begun and never called. */
  unbegin: "delete from effect where job = ? and name = ? and state = 'begun'",
  forget: "delete from effect where job = ?",

  absorb: `update job set state = 'absorbed', absorbed_by = ?1, result = json_object('by', ?2)
    where state = 'ready' and id in (select value from json_each(?3))`,
  endAbsorbed: `update job set absorbed_by = null, input = 'null', ended_at = ?2 where absorbed_by = ?1 returning ${columns}`,
  /** Each as a turn of its own, so that the one that killed its first turn cannot take the next one with it. */
  returnAbsorbed: `update job set state = 'ready', mode = 'followup', returned = 1, absorbed_by = null, result = null
    where absorbed_by = ? returning ${columns}`,
} as const;

/** Returns its id when the key is new. */
export const admit = (job: OpenJob): Statement => [
  `insert into job (lane, kind, key, input, priority, mode, deadline, not_before, admitted_at)
   values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict(key) do nothing returning id`,
  ...[job.lane, job.kind, job.key, job.input, job.priority, job.mode, job.deadline, job.notBefore, job.admittedAt],
];

/** Those of the jobs whose keys were new, by what the `admit` of each has returned; they have their ids from then on. */
export const admitted = (jobs: readonly OpenJob[], returned: readonly (readonly Row[])[]): OpenJob[] =>
  jobs.filter((job, index) => {
    const row = returned[index]?.[0];
    if (row) job.id = row.id as number;
    return row;
  });

/** Stable between versions of the runtime, since journals outlive them. */
export const hashOf = (input: unknown): string => Bun.hash.xxHash64(JSON.stringify(input) ?? "").toString(36);

interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly gateway?: Pick<GatewayError, "code" | "wire" | "retryable"> & ErrorOptions;
}

const errorOf = ({ name, message, gateway }: Thrown): Error =>
  gateway ? new GatewayError(gateway.code, { ...gateway, message }, message, gateway) : Object.assign(new Error(message), { name });

/** What a past step returned; throws what it threw. */
export function answerOf({ state, value }: Step): unknown {
  if (value === null) return undefined;
  const decoded: unknown = JSON.parse(typeof value === "string" ? value : new TextDecoder().decode(value as Uint8Array));
  if (state === "failed") throw errorOf(decoded as Thrown);
  return decoded;
}

/** Throws when the value is not JSON, or too large. */
export function settled({ id, key }: OpenJob, name: string, hash: string, value: unknown, bounds: LanesSettings): Statement {
  const text = JSON.stringify(value);
  if (text?.length > bounds.resultBytes) {
    const bound = `gateway.lanes.resultBytes allows ${bounds.resultBytes}`;
    throw laneErrors.LANE_RESULT_TOO_LARGE(`the step "${name}" of ${key} returned ${text.length} bytes of JSON; ${bound}`);
  }
  return [sql.settle, id, name, "settled", hash, text?.length > bounds.blobBytes ? new TextEncoder().encode(text) : (text ?? null)];
}

export function failed({ id }: OpenJob, name: string, hash: string, error: unknown): Statement {
  const gateway = isGatewayError(error) && { gateway: { ...error } };
  const thrown = { name: error instanceof Error ? error.name : "Error", message: errorMessage(error), ...gateway };
  return [sql.settle, id, name, "failed", hash, JSON.stringify(thrown)];
}

/**
 * Who was running when the last process died is suspected. When a suspect was on trial, it alone is blamed: those that merely ran beside it
 * are not. The first crash costs no wait; a backoff is never longer than its bound, also after the time of day was set back.
 */
export const suspect = (now: number, { trialAfter, backoffFirstMs, backoffLongestMs }: LanesSettings): Statement[] => [
  [
    `update job set crashes = crashes + 1,
       not_before = case when crashes + 1 < ?1 then not_before else ?2 + min(?4, ?3 << min(crashes + 1, 20)) end
     where ended_at is null and state = 'running'
       and (trial = 1 or not exists (select 1 from job where ended_at is null and state = 'running' and trial = 1))`,
    ...[trialAfter, now, backoffFirstMs, backoffLongestMs],
  ],
  ["update job set state = 'ready', trial = 0 where ended_at is null and state = 'running'"],
  ["update job set not_before = min(not_before, ?) where ended_at is null and state = 'ready' and crashes > 0", now + backoffLongestMs],
];

/** Ended jobs past their time, and whatever journal or blob has no open job. */
export const sweep = (before: number): Statement[] => [
  ["delete from job where id in (select id from job where ended_at < ? order by ended_at limit 500) returning id", before],
  [
    `delete from effect where (job, name) in (
       select job, name from effect where job not in (select id from job where ended_at is null) limit 500) returning job`,
  ],
];
