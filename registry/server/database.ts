/**
 * What a server knows beside the files: tokens, grants and counts. It lies in `server.db` in the registry's folder. What can be
 * read from the files, it holds only to answer faster.
 */
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RegistryError } from "../error.ts";

const migrations: readonly string[] = [
  `CREATE TABLE tokens (
     id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, publisher TEXT NOT NULL, scopes TEXT NOT NULL,
     created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER, used_at INTEGER) STRICT;
   CREATE TABLE nonces (key TEXT NOT NULL, nonce TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (key, nonce)) STRICT, WITHOUT ROWID;
   CREATE INDEX nonces_until ON nonces (until);
   CREATE TABLE grants (kind TEXT NOT NULL, id TEXT NOT NULL, publisher TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
   CREATE TABLE held (
     kind TEXT NOT NULL, id TEXT NOT NULL, publisher TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL,
     PRIMARY KEY (kind, id, publisher)) STRICT, WITHOUT ROWID;
   CREATE TABLE packages (
     number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, publisher TEXT NOT NULL, version TEXT NOT NULL, summary TEXT NOT NULL,
     published_at TEXT NOT NULL, downloads INTEGER NOT NULL DEFAULT 0, UNIQUE (kind, id)) STRICT;
   CREATE INDEX packages_publisher ON packages (publisher);
   CREATE TABLE roles (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE downloads (
     kind TEXT NOT NULL, id TEXT NOT NULL, version TEXT NOT NULL, day TEXT NOT NULL, count INTEGER NOT NULL,
     PRIMARY KEY (kind, id, version, day)) STRICT, WITHOUT ROWID;
   CREATE TABLE offers (kind TEXT NOT NULL, id TEXT NOT NULL, statement BLOB NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
   CREATE VIRTUAL TABLE words USING fts5 (id, summary, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
   CREATE VIRTUAL TABLE grams USING fts5 (id, tokenize = 'trigram');`,
  // With the roles forgotten everything is read anew.
  `CREATE TABLE sizes (publisher TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE revoked (publisher TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
   ALTER TABLE packages ADD COLUMN withdrawn TEXT;
   DELETE FROM roles;`,
  // What was given to a publisher's name alone counts no more: whoever came first would have it. Where nobody has it yet, it waits to be given again.
  `ALTER TABLE grants ADD COLUMN keys TEXT NOT NULL DEFAULT '';
   ALTER TABLE grants ADD COLUMN threshold INTEGER NOT NULL DEFAULT 1;
   ALTER TABLE held RENAME TO held_by_name;
   CREATE TABLE held (
     kind TEXT NOT NULL, id TEXT NOT NULL, publisher TEXT NOT NULL, keys TEXT NOT NULL, threshold INTEGER NOT NULL, why TEXT NOT NULL,
     at INTEGER NOT NULL, PRIMARY KEY (kind, id, publisher, keys, threshold)) STRICT, WITHOUT ROWID;
   INSERT INTO held SELECT kind, id, publisher, '', 1, why, at FROM held_by_name;
   INSERT OR REPLACE INTO held SELECT kind, id, publisher, '', 1, 'it was given before the keys were kept with that: give it again', unixepoch() * 1000
     FROM grants WHERE NOT EXISTS (SELECT 1 FROM packages WHERE packages.kind = grants.kind AND packages.id = grants.id);
   DROP TABLE held_by_name;`,
  `CREATE TABLE rekeys (publisher TEXT PRIMARY KEY, before TEXT NOT NULL, after TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX grants_publisher ON grants (publisher);
   CREATE INDEX offers_to ON offers (CAST(statement AS TEXT) ->> '$.signed.to');`,
  // The files say of nobody with which keys he signs who has no name left.
  `CREATE TABLE departed (publisher TEXT PRIMARY KEY, keys TEXT NOT NULL, threshold INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX offers_from ON offers (CAST(statement AS TEXT) ->> '$.signed.from');`,
];

/** Throws `REGISTRY_NOT_FOUND`. */
export function requireRegistry(folder: string): void {
  if (!existsSync(join(folder, "metadata", "timestamp.json")))
    throw new RegistryError("REGISTRY_NOT_FOUND", `there is no registry in ${folder}: pincer registry init makes one`);
}

/** Throws `REGISTRY_NOT_FOUND` for a folder in which there is no registry. */
export function openDatabase(folder: string): Database {
  requireRegistry(folder);
  const database = new Database(join(folder, "server.db"), { create: true, strict: true });
  database.exec("PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
  const migrate = database.transaction(() => {
    const { user_version: done } = database.query<{ user_version: number }, []>("PRAGMA user_version").get()!;
    if (done > migrations.length)
      throw new RegistryError(
        "REGISTRY_SETTINGS_INVALID",
        `${folder}/server.db is of a newer Pincer (${done}; this one knows ${migrations.length})`,
      );
    for (const step of migrations.slice(done)) database.exec(step);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
  migrate.immediate();
  return database;
}
