/** What the store does when the disk, the file or its writer thread fails. */
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dyingWriter } from "../tests/support/dying-writer.ts";
import { openStore } from "./sqlite.ts";
import type { Migration, Statement } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "pincer-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(root, `${files++}.sqlite`);
const migration = (version: number, sql: string, room = "notes"): Migration => ({ room, version, sql });
const first = migration(1, "create table note (id integer primary key, text text not null) strict; create index note_text on note(text)");
const add = (text: string): Statement => ["insert into note (text) values (?)", text];

/** A store of some hundred pages, whose process ended without closing it: its log still lies beside it. */
async function abandoned(): Promise<string> {
  const source = newPath();
  const path = newPath();
  const store = await openStore({ path: source, migrations: [first] });
  for (let n = 0; n < 40; n++) await store.write(...Array.from({ length: 25 }, (_, i) => add(`${n}.${i} ${"x".repeat(200)}`)));
  for (const suffix of ["", "-wal"]) copyFileSync(source + suffix, path + suffix);
  await store.close();
  return path;
}

const overwrite = (path: string, offset: number, length: number) => {
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(length).fill(0xa5), 0, length, offset);
  closeSync(file);
};

/** Merges the log into the file and leaves a log behind, as a crash right after a checkpoint does. */
const merge = (path: string) => {
  const db = new Database(path);
  db.exec("pragma wal_checkpoint(truncate)");
  db.close();
  writeFileSync(`${path}-wal`, "left over");
};

test("after an unclean end a sound store opens, with everything that was written", async () => {
  const store = await openStore({ path: await abandoned(), migrations: [first] });
  expect(await store.read("select count(*) as n from note")).toEqual([{ n: 1_000 }]);
  await store.close();
});

test("after an unclean end a damaged store is refused, with the file and what is wrong with it", async () => {
  const path = await abandoned();
  merge(path);
  overwrite(path, 4096 * 10, 4096 * 20);
  const opening = openStore({ path, migrations: [first] });
  await expect(opening).rejects.toMatchObject({ code: "STORE_CORRUPT", retryable: false });
  await expect(opening).rejects.toThrow(path);
  await expect(opening).rejects.toThrow("restore a backup");
});

test("looking for damage is bounded: a store above the bound opens at once, and its damage shows when it is read", async () => {
  const path = await abandoned();
  merge(path);
  overwrite(path, 4096 * 10, 4096 * 20);
  const store = await openStore({ path, migrations: [first], checkBytes: 1_000 });
  await expect(store.read("select sum(length(text)) from note not indexed")).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  await store.close();
});

test("a file that is no database is refused by name", async () => {
  const path = newPath();
  writeFileSync(path, "these are not the bytes you are looking for".repeat(100));
  const opening = openStore({ path, migrations: [first] });
  await expect(opening).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  await expect(opening).rejects.toThrow(path);
});

test("a store in a folder that does not exist says which file it wanted", async () => {
  const path = join(root, "nowhere", "pincer.sqlite");
  await expect(openStore({ path, migrations: [first] })).rejects.toMatchObject({ code: "STORE_FAILED" });
  await expect(openStore({ path, migrations: [first] })).rejects.toThrow(path);
});

test("each room is migrated from the version it has, in order, and only once", async () => {
  const path = newPath();
  const second = migration(2, "alter table note add column author text; update note set author = 'unknown'");
  const other = migration(1, "create table sight (note integer references note(id)) strict", "sights");
  const old = await openStore({ path, migrations: [first] });
  await old.write(add("from version 1"));
  await old.close();
  for (let round = 0; round < 2; round++) {
    const store = await openStore({ path, migrations: [first, second, other] });
    expect(await store.read("select text, author from note")).toEqual([{ text: "from version 1", author: "unknown" }]);
    expect(await store.read("select room, version from migration order by room")).toEqual([
      { room: "notes", version: 2 },
      { room: "sights", version: 1 },
    ]);
    await store.close();
  }
});

test("a store of a newer version is refused untouched, and says what to do (#128782, #153191)", async () => {
  const path = newPath();
  const store = await openStore({ path, migrations: [first, migration(2, "create table later (id integer)")] });
  await store.write(add("kept"));
  await store.close();
  const opening = openStore({ path, migrations: [migration(1, "create table early (id integer)", "early"), first] });
  await expect(opening).rejects.toMatchObject({ code: "STORE_TOO_NEW" });
  await expect(opening).rejects.toThrow(`${path} holds version 2 of notes, this Pincer knows up to 1`);
  expect(new Database(path).query("select name from sqlite_master where name = 'early'").all()).toEqual([]);
});

test("a migration that fails leaves the store as the old version can use it", async () => {
  const path = newPath();
  await (await openStore({ path, migrations: [first] })).close();
  const broken = migration(2, "create table half (id integer); this is no sql");
  await expect(openStore({ path, migrations: [first, broken] })).rejects.toMatchObject({ code: "STORE_FAILED" });
  const store = await openStore({ path, migrations: [first] });
  expect(await store.read("select name from sqlite_master where name = 'half'")).toEqual([]);
  await store.close();
});

test("migrations that are not numbered 1, 2, 3 are refused", async () => {
  const path = newPath();
  await expect(openStore({ path, migrations: [first, migration(3, "select 1")] })).rejects.toThrow("numbered 1, 2, 3");
});

test("a writer thread that dies rejects what waits, is reported once, and no write hangs", async () => {
  const writer = dyingWriter(root);
  const reported: string[] = [];
  const path = newPath();
  const onFailure = (error: Error) => reported.push(error.message);
  const store = await openStore({ path, migrations: [first], writer, onFailure });
  await store.write(add("before"));
  const committing = store.write(add("poison"));
  const results = await Promise.allSettled([committing, store.write(add("beside")), committing.catch(() => store.write(add("after")))]);
  for (const result of results) expect(result).toMatchObject({ status: "rejected", reason: { code: "STORE_FAILED" } });
  expect(reported).toEqual([expect.stringContaining("out of luck")]);
  expect(store.failure()).toBe(reported[0]!);
  expect(await store.read("select text from note")).toEqual([{ text: "before" }]);
  await store.close();
});

test("a writer thread that cannot be loaded is an error, not a hang", async () => {
  const writer = new URL(`file://${join(root, "missing-writer.ts")}`);
  await expect(openStore({ path: newPath(), migrations: [first], writer })).rejects.toMatchObject({ code: "STORE_FAILED" });
});

const sandboxed = (folder: string, script: string) =>
  Bun.spawnSync(["bwrap", "--dev-bind", "/", "/", "--size", "400000", "--tmpfs", folder, process.execPath, "-e", script]);
const canLimit = Bun.which("bwrap") !== null && sandboxed(root, "console.log(1)").exitCode === 0;

test.skipIf(!canLimit)("on a disk that is really full nothing accepted is lost, and freed space is used at once", async () => {
  const folder = join(root, "disk");
  mkdirSync(folder);
  const script = `
    import { rmSync, writeFileSync } from "node:fs";
    import { Database } from "bun:sqlite";
    import { openStore } from ${JSON.stringify(join(import.meta.dir, "sqlite.ts"))};
    const path = ${JSON.stringify(join(folder, "pincer.sqlite"))};
    const ballast = ${JSON.stringify(join(folder, "ballast"))};
    const store = await openStore({ path, migrations: ${JSON.stringify([first])} });
    writeFileSync(ballast, new Uint8Array(150_000));
    const accepted = [], codes = new Set();
    const add = (n) => store.write(["insert into note (text) values (?)", n + "x".repeat(3000)]).then(() => accepted.push(n), (e) => codes.add(e.code));
    for (let n = 0; n < 100; n++) await Promise.all([add(n + "a"), add(n + "b")]);
    const whileFull = accepted.length;
    rmSync(ballast);
    await add("after");
    await store.close();
    const kept = new Database(path).query("select text from note order by id").all().map((row) => row.text.replace(/x+$/, ""));
    console.log(JSON.stringify({ codes: [...codes], whileFull, after: accepted.at(-1), same: JSON.stringify(kept) === JSON.stringify(accepted) }));`;
  const { stdout, stderr } = sandboxed(folder, script);
  expect(stderr.toString()).toBe("");
  const outcome = JSON.parse(stdout.toString());
  expect(outcome).toMatchObject({ codes: ["STORE_FULL"], after: "after", same: true });
  expect(outcome.whileFull).toBeGreaterThan(5);
  expect(outcome.whileFull).toBeLessThan(200);
});

test("bundled into one file, the store finds its writer beside it", async () => {
  const source = join(root, "app.ts");
  const out = join(root, "bundle");
  writeFileSync(
    source,
    `import { openStore } from ${JSON.stringify(join(import.meta.dir, "sqlite.ts"))};
     const store = await openStore({ path: process.argv[2], migrations: ${JSON.stringify([first])} });
     await store.write(["insert into note (text) values ('from the bundle')"]);
     console.log(JSON.stringify(await store.read("select text from note")));
     await store.close();`,
  );
  const built = await Bun.build({
    entrypoints: [source, join(import.meta.dir, "writer.ts")],
    outdir: out,
    target: "bun",
    naming: "[name].js",
    minify: true,
  });
  expect(built.outputs.map((output) => output.path.slice(out.length)).sort()).toEqual(["/app.js", "/writer.js"]);
  const run = Bun.spawnSync([process.execPath, join(out, "app.js"), newPath()], { cwd: root });
  expect(run.stderr.toString()).toBe("");
  expect(JSON.parse(run.stdout.toString())).toEqual([{ text: "from the bundle" }]);
});
