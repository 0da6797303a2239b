/** One installation at a time in a home, whichever process is at it. */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { clientErrors } from "../errors.ts";

/** A connection that nothing refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<Database>();

/** SQLite's exclusive lock, which the system releases however the process ends. Throws `REGISTRY_CLIENT_BUSY` after a while. */
export function takeTurn(home: string): Disposable {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const db = new Database(join(home, "install.lock"), { create: true });
  try {
    db.exec("pragma busy_timeout=2000; begin exclusive");
  } catch (error) {
    db.close();
    throw clientErrors.REGISTRY_CLIENT_BUSY(`something else is being installed into ${home}: try again when that is done`, {
      cause: error,
    });
  }
  held.add(db);
  return {
    [Symbol.dispose]() {
      held.delete(db);
      db.close();
    },
  };
}
