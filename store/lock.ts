/**
 * One gateway per home. The lock is SQLite's exclusive lock on a file of its own, so that the operating system releases it with the
 * process, however that ends, and a reused pid means nothing; the pid beside it is only for the message.
 */
import { Database } from "bun:sqlite";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { failureOf, isLocked, storeError, storeErrors } from "./errors.ts";

const lockFile = (home: string) => join(home, "gateway.lock");
const pidFile = (home: string) => join(home, "gateway.pid");

/** How long a lock that is only being looked at is waited for. */
const patienceMs = 250;

/** A connection that nothing refers to is closed by the garbage collector, and the lock with it. */
const held = new Set<Database>();

/** Undefined when somebody else holds the lock. */
function tryLock(home: string): Database | undefined {
  let db: Database | undefined;
  try {
    db = new Database(lockFile(home), { create: true });
    db.exec(`pragma busy_timeout=${patienceMs}; begin exclusive`);
    chmodSync(lockFile(home), 0o600); // who may read it may keep others from locking it
    return db;
  } catch (error) {
    db?.close();
    const failure = failureOf(error);
    if (isLocked(failure)) return undefined;
    throw storeError(failure, lockFile(home));
  }
}

function readPid(home: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(pidFile(home), "utf8"), 10) || undefined;
  } catch {
    return undefined; // silent-ok: the holder has not written it yet
  }
}

/** Takes the home (a folder that exists) until disposed. Throws `HOME_IN_USE`, with `data.pid` when it is known. */
export function lockHome(home: string): Disposable {
  const db = tryLock(home);
  if (!db) {
    const pid = readPid(home);
    const who = pid === undefined ? "another gateway" : `another gateway (pid ${pid})`;
    const message = `${who} uses ${home}: stop it with "pincer stop", or choose another PINCER_HOME`;
    throw storeErrors.HOME_IN_USE(message, { data: { home, ...(pid !== undefined && { pid }) } });
  }
  held.add(db);
  try {
    writeFileSync(pidFile(home), `${process.pid}\n`, { mode: 0o600 });
  } catch {
    // silent-ok: on a full disk the lock holds all the same, and the message of a second gateway has no pid
  }
  return {
    [Symbol.dispose]() {
      if (!held.delete(db)) return;
      rmSync(pidFile(home), { force: true });
      db.close();
    },
  };
}

/** Who holds the home; undefined when nobody does, whatever a left-over pid file says. */
export function homeHolder(home: string): { readonly pid: number | undefined } | undefined {
  const db = tryLock(home);
  db?.close();
  return db ? undefined : { pid: readPid(home) };
}
