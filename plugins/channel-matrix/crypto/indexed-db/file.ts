/** The SQLite file under an IndexedDB: its databases, their stores, the records in them and the indexes over these. */
import { Database } from "bun:sqlite";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { encodeKey, type KeyRange } from "./keys.ts";
import { decodeValue, encodeValue } from "./values.ts";

export interface StoreRow {
  readonly id: number;
  readonly name: string;
}

export interface IndexRow {
  readonly id: number;
  readonly name: string;
  readonly path: string | readonly string[];
  readonly unique: boolean;
}

export interface Found {
  /** Of the index, or of the record where the store itself was asked. */
  readonly at: Uint8Array;
  readonly key: Uint8Array;
  readonly value: string;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS databases (name TEXT PRIMARY KEY, version INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS stores (id INTEGER PRIMARY KEY, database TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (database, name));
  CREATE TABLE IF NOT EXISTS indexes (id INTEGER PRIMARY KEY, store INTEGER NOT NULL REFERENCES stores ON DELETE CASCADE, name TEXT NOT NULL,
    path TEXT NOT NULL, is_unique INTEGER NOT NULL, UNIQUE (store, name));
  CREATE TABLE IF NOT EXISTS records (store INTEGER NOT NULL REFERENCES stores ON DELETE CASCADE, key BLOB NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (store, key)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS entries (idx INTEGER NOT NULL REFERENCES indexes ON DELETE CASCADE, at BLOB NOT NULL, key BLOB NOT NULL,
    PRIMARY KEY (idx, at, key)) WITHOUT ROWID;
`;

const partOf = (value: unknown, path: string): unknown =>
  path.split(".").reduce<unknown>((part, name) => (part as Record<string, unknown> | null | undefined)?.[name], value);

const pathKey = (value: unknown, path: IndexRow["path"]): Buffer | undefined =>
  encodeKey(typeof path === "string" ? partOf(value, path) : path.map((part) => partOf(value, part)));

export class File {
  readonly #sqlite: Database;

  /** Nobody else can open it until it is closed: two who use the same keys would each undo what the other does. */
  constructor(path: string) {
    this.#sqlite = new Database(path, { create: true, strict: true });
    try {
      for (const pragma of ["locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"])
        this.#sqlite.run(`PRAGMA ${pragma}`);
      this.#sqlite.run(SCHEMA);
    } catch (error) {
      this.#sqlite.close();
      throw error;
    }
  }

  /** One transaction at a time, in the order in which they were made. */
  readonly inTurn = createQueue();

  begin = (): void => void this.#sqlite.run("BEGIN IMMEDIATE");
  commit = (): void => void this.#sqlite.run("COMMIT");
  rollback = (): void => void this.#sqlite.run("ROLLBACK");

  version(database: string): number {
    return this.#sqlite.query<{ version: number }, [string]>("SELECT version FROM databases WHERE name = ?").get(database)?.version ?? 0;
  }

  setVersion(database: string, version: number): void {
    this.#sqlite.query("INSERT INTO databases VALUES (?1, ?2) ON CONFLICT DO UPDATE SET version = ?2").run(database, version);
  }

  stores(database: string): readonly StoreRow[] {
    return this.#sqlite.query<StoreRow, [string]>("SELECT id, name FROM stores WHERE database = ? ORDER BY name").all(database);
  }

  createStore(database: string, name: string): StoreRow {
    const { lastInsertRowid } = this.#sqlite.query("INSERT INTO stores (database, name) VALUES (?, ?)").run(database, name);
    return { id: Number(lastInsertRowid), name };
  }

  deleteStore(database: string, name: string): void {
    this.#sqlite.query("DELETE FROM stores WHERE database = ? AND name = ?").run(database, name);
  }

  indexes(store: number): readonly IndexRow[] {
    return this.#sqlite
      .query<{ id: number; name: string; path: string; is_unique: number }, [number]>(
        "SELECT id, name, path, is_unique FROM indexes WHERE store = ?",
      )
      .all(store)
      .map(({ id, name, path, is_unique }) => ({ id, name, path: JSON.parse(path) as IndexRow["path"], unique: is_unique === 1 }));
  }

  createIndex(store: number, name: string, path: IndexRow["path"], unique: boolean): IndexRow {
    const { lastInsertRowid } = this.#sqlite
      .query("INSERT INTO indexes (store, name, path, is_unique) VALUES (?, ?, ?, ?)")
      .run(store, name, JSON.stringify(path), unique ? 1 : 0);
    const index = { id: Number(lastInsertRowid), name, path, unique };
    for (const { key, value } of this.find(store, undefined, ALL)) this.#enter(index, key, decodeValue(value));
    return index;
  }

  /** Undefined is an index that the store has not: the store itself is looked through. */
  find(store: number, index: number | undefined, range: KeyRange, most = -1, after?: Pick<Found, "at" | "key">): readonly Found[] {
    const at = index === undefined ? "r.key" : "e.at";
    const from = index === undefined ? "records r" : "entries e JOIN records r ON r.store = ?1 AND r.key = e.key";
    const conditions = [
      index === undefined ? "r.store = ?1" : "e.idx = ?2",
      ...(range.lower === undefined ? [] : [`${at} ${range.lowerOpen ? ">" : ">="} ?3`]),
      ...(range.upper === undefined ? [] : [`${at} ${range.upperOpen ? "<" : "<="} ?4`]),
      ...(after === undefined ? [] : [`(${at}, r.key) > (?5, ?6)`]),
    ];
    return this.#sqlite
      .query<Found, (number | Uint8Array | null)[]>(
        `SELECT ${at} AS at, r.key AS key, r.value AS value FROM ${from} WHERE ${conditions.join(" AND ")} ORDER BY ${at}, r.key LIMIT ?7`,
      )
      .all(store, index ?? null, range.lower ?? null, range.upper ?? null, after?.at ?? null, after?.key ?? null, most);
  }

  count(store: number, index: number | undefined, range: KeyRange): number {
    return this.find(store, index, range).length;
  }

  put(store: number, key: Buffer, value: unknown, mayReplace: boolean): void {
    const indexes = this.indexes(store);
    if (mayReplace) this.#leave(indexes, key);
    const text = encodeValue(value);
    const { changes } = this.#sqlite
      .query(`INSERT INTO records VALUES (?1, ?2, ?3) ON CONFLICT DO ${mayReplace ? "UPDATE SET value = ?3" : "NOTHING"}`)
      .run(store, key, text);
    if (changes === 0) throw new DOMException("there is a record with this key", "ConstraintError");
    for (const index of indexes) this.#enter(index, key, decodeValue(text));
  }

  delete(store: number, range: KeyRange): void {
    const indexes = this.indexes(store);
    for (const { key } of this.find(store, undefined, range)) {
      this.#leave(indexes, key);
      this.#sqlite.query("DELETE FROM records WHERE store = ? AND key = ?").run(store, key);
    }
  }

  close(): void {
    this.#sqlite.close();
  }

  #enter({ id, path, unique }: IndexRow, key: Uint8Array, value: unknown): void {
    const at = pathKey(value, path);
    if (at === undefined) return;
    if (unique && this.#sqlite.query("SELECT 1 FROM entries WHERE idx = ? AND at = ?").get(id, at) !== null)
      throw new DOMException("there is a record with this key in a unique index", "ConstraintError");
    this.#sqlite.query("INSERT INTO entries VALUES (?, ?, ?)").run(id, at, key);
  }

  #leave(indexes: readonly IndexRow[], key: Uint8Array): void {
    for (const { id } of indexes) this.#sqlite.query("DELETE FROM entries WHERE idx = ? AND key = ?").run(id, key);
  }
}

const ALL: KeyRange = { lower: undefined, upper: undefined, lowerOpen: false, upperOpen: false };
