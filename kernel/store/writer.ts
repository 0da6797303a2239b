/**
 * The thread with the only writing connection: what waits is committed as one group. A bundle names this file as an entry point of its own,
 * beside the kernel's (see `writerUrl`).
 */
import { Database, type Statement as Prepared } from "bun:sqlite";
import { type Failure, failureOf, isLocked } from "./errors.ts";
import { migrate } from "./migrations.ts";
import type { Migration, Param, Row } from "./store.ts";

export interface OpenRequest {
  readonly path: string;
  readonly migrations: readonly Migration[];
  readonly busyTimeoutMs: number;
  readonly logBytes: number;
  /** Look for damage first. */
  readonly check: boolean;
  /** Added to every commit, to measure a slow disk. */
  readonly delayMs: number;
}

/** Ids are the sender's and never used twice, so that a group that is tried again cannot shift them. */
export type Write = readonly (readonly [id: number, params: Param[]])[];
export interface Group {
  readonly writes: readonly Write[];
  readonly learn: readonly (readonly [id: number, sql: string])[];
  /** Let go after this group. */
  readonly forget: readonly number[];
}
export type Result = Row[][] | Failure;
/** Text unless a parameter or a row holds bytes: JSON crosses the thread in two thirds of the time of a structured clone. */
export type ToWriter = { readonly open: OpenRequest } | Group | string | "close";
export type FromWriter = { readonly opened: Failure | undefined } | Result[] | string | "closed";

declare const self: Worker;

let db: Database;
let delayMs = 0;
const texts = new Map<number, string>();
const prepared = new Map<number, Prepared<Row, Param[]>>();

function open(request: OpenRequest): void {
  delayMs = request.delayMs;
  db = new Database(request.path, { create: true });
  try {
    db.exec(`pragma busy_timeout=${request.busyTimeoutMs}; pragma journal_mode=WAL; pragma synchronous=FULL`);
    db.exec(`pragma journal_size_limit=${request.logBytes}`);
    if (request.check) check();
    migrate(db, request.migrations, request.path);
  } catch (error) {
    db.close();
    throw error;
  }
}

function check(): void {
  const found = db.query<{ quick_check: string }, []>("pragma quick_check(3)").all();
  const damage = found.map((row) => row.quick_check).filter((line) => line !== "ok");
  if (damage.length > 0) throw Object.assign(new Error(damage.join("; ")), { code: "SQLITE_CORRUPT" });
}

function statement(id: number): Prepared<Row, Param[]> {
  let found = prepared.get(id);
  if (!found) {
    found = db.prepare<Row, Param[]>(texts.get(id) ?? "");
    prepared.set(id, found);
  }
  return found;
}

const run = (write: Write): Row[][] => write.map(([id, params]) => statement(id).all(...params));

/** One write of a group, undone alone when it fails. Throws when the failure took the whole transaction with it. */
function runGuarded(write: Write): Result {
  db.exec("savepoint one");
  try {
    const rows = run(write);
    db.exec("release one");
    return rows;
  } catch (error) {
    if (!db.inTransaction) throw error;
    db.exec("rollback to one; release one");
    return failureOf(error);
  }
}

function transact(writes: readonly Write[], runOne: (write: Write) => Result): Result[] {
  db.exec("begin immediate");
  try {
    const results = writes.map(runOne);
    if (delayMs > 0) Bun.sleepSync(delayMs);
    db.exec("commit");
    return results;
  } catch (error) {
    if (db.inTransaction) db.exec("rollback");
    throw error;
  }
}

/** Groups rarely fail, so guards come second. What fails guarded too, such as the commit itself, refuses the whole group. */
function commit(writes: readonly Write[]): Result[] {
  let failure: Failure = { code: "", message: "" };
  for (const runOne of [run, runGuarded]) {
    try {
      return transact(writes, runOne);
    } catch (error) {
      failure = failureOf(error);
      if (isLocked(failure)) break;
    }
  }
  return writes.map(() => failure);
}

const hasBytes = (result: Result): boolean =>
  Array.isArray(result) && result.some((rows) => rows.some((row) => Object.values(row).some((value) => value instanceof Uint8Array)));

function answer(group: Group): void {
  for (const [id, sql] of group.learn) texts.set(id, sql);
  const results = group.writes.some((write) => write.length > 0) ? commit(group.writes) : group.writes.map(() => []);
  for (const id of group.forget) {
    prepared.get(id)?.finalize();
    prepared.delete(id);
    texts.delete(id);
  }
  const message: FromWriter = results.some(hasBytes) ? results : JSON.stringify(results);
  self.postMessage(message);
}

self.onmessage = ({ data }: MessageEvent<ToWriter>) => {
  if (data === "close") {
    for (const found of prepared.values()) found.finalize();
    db.close();
    self.postMessage("closed" satisfies FromWriter);
  } else if (typeof data === "string") {
    answer(JSON.parse(data));
  } else if ("open" in data) {
    let opened: Failure | undefined;
    try {
      open(data.open);
    } catch (error) {
      opened = failureOf(error);
    }
    self.postMessage({ opened } satisfies FromWriter);
  } else {
    answer(data);
  }
};
