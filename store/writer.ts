/**
 * The thread with the only writing connection: what waits is committed as one group. A bundle names this file as an entry point of its own,
 * beside the kernel's (see `writerUrl`).
 */
import { Database } from "bun:sqlite";
import { type Failure, failureOf, isLocked } from "./errors.ts";
import { migrate, transaction } from "./migrations.ts";
import { createPrepared } from "./prepared.ts";
import type { Migration, Param, Row } from "./store.ts";

interface OpenRequest {
  readonly path: string;
  readonly migrations: readonly Migration[];
  readonly busyTimeoutMs: number;
  readonly statements: number;
  readonly delayMs: number;
  /** Look for damage first. */
  readonly check: boolean;
}
/** Each text of a group is sent once; a write names it by its place. Nothing is counted from one group to the next. */
export type Write = readonly (readonly [text: number, params: readonly Param[]])[];
export interface Group {
  readonly texts: readonly string[];
  readonly writes: readonly Write[];
}
export type Result = Row[][] | Failure;
/** Text unless a parameter or a row holds bytes: JSON crosses the thread in two thirds of the time of a structured clone. */
export type ToWriter = { readonly open: OpenRequest } | Group | string | "close";
export type FromWriter = { readonly opened: Failure | undefined } | Result[] | string | "closed";

declare const self: Worker;

/** What the write-ahead log is cut back to after it was merged. */
const logBytes = 64 << 20;

let db: Database;
let settings: OpenRequest;
let prepared: ReturnType<typeof createPrepared>;

/** Why it cannot be opened; then nothing is left open. */
function open(request: OpenRequest): Failure | undefined {
  settings = request;
  try {
    db = new Database(request.path, { create: true });
    prepared = createPrepared(db, request.statements);
    db.exec(`pragma busy_timeout=${request.busyTimeoutMs}; pragma journal_mode=WAL; pragma synchronous=FULL`);
    db.exec(`pragma journal_size_limit=${logBytes}`);
    if (request.check) check();
    migrate(db, request.migrations, request.path);
    return undefined;
  } catch (error) {
    db?.close();
    return failureOf(error);
  }
}

function check(): void {
  const found = db.query("pragma quick_check(3)").values().flat();
  const damage = found.filter((line) => line !== "ok");
  if (damage.length > 0) throw Object.assign(new Error(damage.join("; ")), { code: "SQLITE_CORRUPT" });
}

/** Groups rarely fail, so guards come second. What fails guarded too, such as the commit itself, refuses the whole group. */
function commit({ texts, writes }: Group): Result[] {
  const run = (write: Write): Row[][] => write.map(([text, params]) => prepared.all(texts[text] as string, params));
  /** A write that fails is undone alone, unless its failure took the whole transaction with it. */
  const runGuarded = (write: Write): Result => {
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
  };
  const commitBy = (runOne: (write: Write) => Result): Result[] => {
    try {
      return transaction(db, () => {
        const results = writes.map(runOne);
        if (settings.delayMs > 0) Bun.sleepSync(settings.delayMs);
        return results;
      });
    } catch (error) {
      const failure = failureOf(error);
      return runOne === runGuarded || isLocked(failure) ? writes.map(() => failure) : commitBy(runGuarded);
    }
  };
  return commitBy(run);
}

const hasBytes = (result: Result): boolean =>
  Array.isArray(result) && result.some((rows) => rows.some((row) => Object.values(row).some((value) => value instanceof Uint8Array)));

function answer(group: Group): void {
  const results = group.texts.length > 0 ? commit(group) : group.writes.map(() => []);
  self.postMessage((results.some(hasBytes) ? results : JSON.stringify(results)) satisfies FromWriter);
}

self.onmessage = ({ data }: MessageEvent<ToWriter>) => {
  if (data === "close") {
    prepared.forget();
    db.close();
    self.postMessage("closed" satisfies FromWriter);
  } else if (typeof data === "string") {
    answer(JSON.parse(data));
  } else if ("open" in data) {
    self.postMessage({ opened: open(data.open) } satisfies FromWriter);
  } else {
    answer(data);
  }
};
