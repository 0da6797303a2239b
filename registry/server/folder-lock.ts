/**
 * One server for a registry's folder: what it counts and limits lies in memory, and a second one would know nothing of it. The lock is SQLite's exclusive
 * lock on a file of its own, which the operating system releases with the process, however that ends. Who changes the folder beside a server needs the turn
 * of its database alone, and where no server was ever, this lock (`aloneIn`).
 */
import { Database } from "bun:sqlite";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RegistryError } from "../error.ts";

const lockFile = (folder: string) => join(folder, "server.lock");
const pidFile = (folder: string) => join(folder, "server.pid");

/** A connection that nothing refers to is closed by the garbage collector, and the lock with it. */
const held = new Set<Database>();

/** For whoever changes the folder just now: that is done within moments. */
const patienceMs = 5_000;

/** Until it is disposed. Throws `REGISTRY_IN_USE`, with the process that has it. */
export function lockFolder(folder: string): Disposable {
  const db = new Database(lockFile(folder), { create: true });
  try {
    db.exec(`PRAGMA busy_timeout = ${patienceMs}; BEGIN EXCLUSIVE`);
  } catch (error) {
    db.close();
    if ((error as { readonly code?: unknown }).code !== "SQLITE_BUSY") throw error;
    throw new RegistryError(
      "REGISTRY_IN_USE",
      `${holderOf(folder)} has ${folder}: end that first; a copy for another server is made by pincer registry mirror`,
    );
  }
  held.add(db);
  // Who may read it may keep others from locking it.
  chmodSync(lockFile(folder), 0o600);
  writeFileSync(pidFile(folder), `${process.pid}\n`);
  return {
    [Symbol.dispose]() {
      if (!held.delete(db)) return;
      rmSync(pidFile(folder), { force: true });
      db.close();
    },
  };
}

function holderOf(folder: string): string {
  try {
    return `process ${Number.parseInt(readFileSync(pidFile(folder), "utf8"), 10)}`;
  } catch {
    // silent-ok: it has not written it yet
    return "another process";
  }
}
