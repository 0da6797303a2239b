import type { Database } from "bun:sqlite";
import type { Migration } from "./store.ts";

/** Commits what `work` does to the database, or nothing of it. */
export function transaction<T>(db: Database, work: () => T): T {
  db.exec("begin immediate");
  try {
    const result = work();
    db.exec("commit");
    return result;
  } catch (error) {
    if (db.inTransaction) db.exec("rollback");
    throw error;
  }
}

/**
 * Brings every room to its newest version, in one transaction: a store is as it was before, or wholly migrated. Rooms keep the order in
 * which they are given. Throws `STORE_TOO_NEW` before anything is changed when a room is newer than this code.
 */
export const migrate = (db: Database, migrations: readonly Migration[], path: string): void =>
  transaction(db, () => {
    db.exec("create table if not exists migration (room text primary key, version integer not null) strict");
    for (const [room, steps] of Map.groupBy(migrations, ({ room }) => room)) {
      const isInOrder = steps.every(({ version }, index) => version === index + 1);
      if (!isInOrder) throw new Error(`the migrations of ${room} must be numbered 1, 2, 3, got ${steps.map(({ version }) => version)}`);
      const known = db.query<{ version: number }, [string]>("select version from migration where room = ?").get(room)?.version ?? 0;
      const advice = "run the newer version, or restore the backup made before it";
      const newer = `${path} holds version ${known} of ${room}, this Pincer knows up to ${steps.length}: ${advice}`;
      if (known > steps.length) throw Object.assign(new Error(newer), { code: "STORE_TOO_NEW" });
      for (const { sql } of steps.slice(known)) db.exec(sql);
      db.query("insert into migration values (?1, ?2) on conflict(room) do update set version = ?2").run(room, steps.length);
    }
  });
