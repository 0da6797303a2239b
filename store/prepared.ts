import type { Database, Statement } from "bun:sqlite";
import type { Param, Row } from "./store.ts";

/** The statements of one connection, each prepared once; above `most` all are forgotten, and it begins anew. */
export function createPrepared(db: Database, most: number) {
  const known = new Map<string, Statement<Row, Param[]>>();
  const forget = () => {
    for (const statement of known.values()) statement.finalize();
    known.clear();
  };
  // SQLite plans anew for each value that a column is compared with, which costs more than most statements, unless a plus stands before it.
  const planned = (sql: string) => sql.replaceAll(/'[^']*'|(?<=[=<>] )\?/g, (part) => (part === "?" ? "+?" : part));
  const all = (sql: string, params: readonly Param[]): Row[] => {
    if (known.size > most) forget();
    return known.getOrInsertComputed(sql, () => db.prepare<Row, Param[]>(planned(sql))).all(...params);
  };
  return { forget, all };
}
