/** What a gateway has left behind, read from a copy of its store, so that looking changes nothing. */
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message } from "@pincer/plugin-sdk/message";

export interface JobRow {
  readonly key: string;
  readonly kind: string;
  readonly lane: string;
  readonly state: string;
  readonly crashes: number;
  /** Parsed. */
  readonly result: unknown;
  readonly ended: boolean;
}

interface StepRow {
  readonly key: string;
  readonly name: string;
  readonly state: "begun" | "settled" | "failed";
  readonly value: string;
}

export interface EntryRow {
  readonly session: string;
  readonly seq: number;
  readonly id: string;
  readonly kind: string;
  readonly role: string;
  readonly runId: string | null;
  readonly message: Message;
}

export interface Remains {
  readonly jobs: ReadonlyMap<string, JobRow>;
  readonly steps: readonly StepRow[];
  readonly entries: readonly EntryRow[];
  /** What SQLite says of the file: `ok`. */
  readonly integrity: string;
}

const decoder = new TextDecoder();

/** Undefined while there is no store. `whole` also reads transcripts and looks through the file. */
export function autopsy(home: string, whole: boolean): Remains | undefined {
  const source = join(home, "pincer.db");
  if (!existsSync(source)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "pincer-autopsy-"));
  const path = join(folder, "pincer.db");
  for (const suffix of ["", "-wal"]) if (existsSync(source + suffix)) copyFileSync(source + suffix, path + suffix);
  const db = new Database(path);
  try {
    // Killed before its tables were made.
    if (db.query("select 1 from sqlite_master where name = 'session_entry'").get() === null) return undefined;
    type RawJob = Omit<JobRow, "result" | "ended"> & { result: string | null; ended: number };
    const jobs = db
      .query<RawJob, []>("select key, kind, lane, state, crashes, result, ended_at is not null as ended from job order by id")
      .all();
    const steps = db
      .query<Omit<StepRow, "value"> & { value: string | Uint8Array | null }, []>(
        "select job.key as key, name, effect.state as state, value from effect join job on job.id = effect.job",
      )
      .all();
    const left = db.query<{ n: number }, []>("select count(*) as n from effect where job not in (select id from job)").get()?.n ?? 0;
    const damage = whole
      ? [
          db.query<{ integrity_check: string }, []>("pragma integrity_check").get()?.integrity_check ?? "",
          ...(left > 0 ? [`${left} steps of no job`] : []),
          ...["session_text", "session_name"].flatMap((index) => brokenIndex(db, index)),
        ].filter((line) => line !== "ok")
      : [];
    return {
      jobs: new Map(jobs.map((row) => [row.key, { ...row, result: JSON.parse(row.result ?? "null"), ended: row.ended === 1 }])),
      steps: steps.map((row) => ({
        ...row,
        value: row.value === null ? "" : typeof row.value === "string" ? row.value : decoder.decode(row.value),
      })),
      entries: whole ? entriesOf(db) : [],
      integrity: damage.join("; ") || "ok",
    };
  } finally {
    db.close();
    rmSync(folder, { recursive: true });
  }
}

function brokenIndex(db: Database, index: string): string[] {
  try {
    db.run(`insert into ${index} (${index}) values ('integrity-check')`);
    return [];
  } catch (error) {
    return [`${index}: ${String(error)}`];
  }
}

function entriesOf(db: Database): EntryRow[] {
  type Raw = Omit<EntryRow, "message"> & { body: string };
  const found = db
    .query<Raw, []>(
      `select s.key as session, e.seq as seq, e.id as id, e.kind as kind, e.role as role, e.runId as runId, e.body as body
       from session_entry e join session s on s.id = e.session order by s.id, e.seq`,
    )
    .all();
  return found.map(({ body, ...row }) => ({ ...row, message: JSON.parse(body) as Message }));
}
