import type { Database } from "bun:sqlite";
import type { Migration } from "./store.ts";

const fail = (code: string, message: string): never => {
  throw Object.assign(new Error(message), { code });
};

/**
 * Brings every room to its newest version, in one transaction: a store is as it was before, or wholly migrated. Rooms keep the order in
 * which they are given. Throws `STORE_TOO_NEW` before anything is changed when a room is newer than this code.
 */
export function migrate(db: Database, migrations: readonly Migration[], path: string): void {
  const rooms = Map.groupBy(migrations, ({ room }) => room);
  db.exec("begin immediate");
  try {
    db.exec("create table if not exists migration (room text primary key, version integer not null) strict");
    const versions = new Map(
      db
        .query<{ room: string; version: number }, []>("select room, version from migration")
        .all()
        .map(({ room, version }) => [room, version]),
    );
    for (const [room, steps] of rooms) {
      if (steps.some(({ version }, index) => version !== index + 1)) {
        fail("MIGRATION_GAP", `the migrations of ${room} must be numbered 1, 2, 3, got ${steps.map(({ version }) => version)}`);
      }
      const current = versions.get(room) ?? 0;
      if (current > steps.length) {
        fail(
          "STORE_TOO_NEW",
          `${path} holds version ${current} of ${room}, this Pincer knows up to ${steps.length}: run the newer version, or restore the backup made before it`,
        );
      }
      for (const { sql } of steps.slice(current)) db.exec(sql);
      db.query("insert into migration values (?1, ?2) on conflict(room) do update set version = ?2").run(room, steps.length);
    }
    db.exec("commit");
  } catch (error) {
    if (db.inTransaction) db.exec("rollback");
    throw error;
  }
}
