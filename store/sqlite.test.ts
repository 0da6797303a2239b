import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, type StoreOptions } from "./sqlite.ts";
import type { Migration, Param, Statement } from "./store.ts";

const root = mkdtempSync(join(tmpdir(), "pincer-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let files = 0;
const newPath = () => join(root, `${files++}.sqlite`);
const notes: Migration = {
  room: "notes",
  version: 1,
  sql: "create table note (id integer primary key, text text unique not null, data blob) strict",
};
const open = (options: Partial<StoreOptions> = {}) => openStore({ path: newPath(), migrations: [notes], ...options });
const add = (text: string): Statement => ["insert into note (text) values (?) returning id", text];

test("a write is on the disk, for every other process, when its promise resolves", async () => {
  const path = newPath();
  const store = await open({ path });
  expect(await store.write(add("one"), ["select count(*) as n from note"])).toEqual([[{ id: 1 }], [{ n: 1 }]]);
  const script = `import { Database } from "bun:sqlite"; console.log(new Database(${JSON.stringify(path)}).query("select text from note").get().text)`;
  expect(await new Response(Bun.spawn([process.execPath, "-e", script]).stdout).text()).toBe("one\n");
  expect(await store.read<{ text: string }>("select text from note where id = ?", 1)).toEqual([{ text: "one" }]);
  await store.close();
});

test("what is written in the same moment is committed as one group, in the order of the calls", async () => {
  let commits = 0;
  const store = await open({ probe: (point) => point === "before-commit" && commits++ });
  const rows = await Promise.all(Array.from({ length: 50 }, (_, n) => store.write(add(`note ${n}`))));
  expect(rows.map(([first]) => first?.[0]?.id)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  expect(commits).toBe(1);
  await store.close();
});

test("what continues on one commit joins the next one as a group", async () => {
  let commits = 0;
  const store = await open({ probe: (point) => point === "before-commit" && commits++ });
  const steps = async (name: number) => {
    for (const step of ["a", "b", "c"]) await store.write(add(`${name}${step}`));
  };
  await Promise.all(Array.from({ length: 20 }, (_, name) => steps(name)));
  expect(commits).toBe(3);
  await store.close();
});

test("one bad write in a group fails alone, and statements keep their meaning afterwards (lane trap 6)", async () => {
  const store = await open();
  await store.write(add("taken"));
  const results = await Promise.allSettled([
    store.write(add("first"), ["select text from note where text = 'first'"]),
    store.write(add("half"), add("taken")),
    store.write(["insert into nowhere values (1)"]),
    store.write(["select 'new statement behind a bad one' as text"]),
    store.write(["this is no sql"]),
    store.write(add("last"), ["select text from note where text = 'last'"]),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled", "rejected", "fulfilled"]);
  expect(results[1]).toMatchObject({ reason: { code: "STORE_FAILED", data: { sqlite: "SQLITE_CONSTRAINT_UNIQUE" } } });
  expect((await store.read<{ text: string }>("select text from note order by id")).map(({ text }) => text)).toEqual([
    "taken",
    "first",
    "last",
  ]);
  const again = await store.write(
    ["select text from note where text = 'last'"],
    ["select 'new statement behind a bad one' as text"],
    ["select text from note where text = 'first'"],
  );
  expect(again.map((rows) => rows[0]?.text)).toEqual(["last", "new statement behind a bad one", "first"]);
  await store.close();
});

test("a late write is asked for its statements once, when its group is handed over", async () => {
  const store = await open();
  const statements = [add("known at once")];
  let asked = 0;
  const late = store.writeLate(() => {
    asked++;
    return statements;
  });
  statements.push(add("added later"));
  await store.write(add("after"));
  statements.push(add("too late"));
  expect(await late).toHaveLength(2);
  expect(asked).toBe(1);
  expect((await store.read<{ text: string }>("select text from note order by id")).map(({ text }) => text)).toEqual([
    "known at once",
    "added later",
    "after",
  ]);
  await store.close();
});

test("a write that fails leaves nothing of itself behind", async () => {
  const store = await open();
  await expect(store.write(add("a"), add("b"), add("a"))).rejects.toMatchObject({ code: "STORE_FAILED" });
  expect(await store.read("select * from note")).toEqual([]);
  await store.close();
});

test("bytes go in and come out as bytes, on both connections", async () => {
  const store = await open();
  const data = crypto.getRandomValues(new Uint8Array(3_000));
  const [rows, text] = await Promise.all([
    store.write(["insert into note (text, data) values ('bytes', ?) returning data", data]),
    store.write(add("plain, in the same group")),
  ]);
  expect(rows[0]).toEqual([{ data }]);
  expect(text[0]).toEqual([{ id: 2 }]);
  expect(await store.read("select data from note where text = 'bytes'")).toEqual([{ data }]);
  await store.close();
});

test("more statements than are kept prepared still mean what they say", async () => {
  const store = await open({ statements: 4 });
  const ask = (n: number): Statement => [`select ${n} as n`];
  const numbers = Array.from({ length: 200 }, (_, n) => (n * 7) % 13);
  const written = await Promise.all(numbers.map((n) => store.write(ask(n), ask(n + 100))));
  expect(written.map((rows) => rows.map(([row]) => row?.n))).toEqual(numbers.map((n) => [n, n + 100]));
  for (const n of numbers) {
    expect(await store.write(ask(n))).toEqual([[{ n }]]);
    expect(await store.read(...ask(n))).toEqual([{ n }]);
  }
  await store.close();
});

test("a full disk refuses the write, keeps everything accepted, and the store works again once there is space", async () => {
  const path = newPath();
  const small: Migration = { room: "small", version: 1, sql: "pragma max_page_count=24" };
  const store = await open({ path, migrations: [notes, small] });
  const accepted: string[] = [];
  const write = (text: string) => store.write(add(text)).then(() => accepted.push(text));
  const big = "x".repeat(9_000);
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => write(`${n} ${big}`)));
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  expect(accepted.length).toBeGreaterThan(0);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: "STORE_FULL", retryable: true });
  await write("small ones still fit beside a big one that does not");
  await store.write(["pragma max_page_count=100000"]);
  await write(`there is space again ${big}`);
  await store.close();
  const texts = new Database(path).query<{ text: string }, []>("select text from note order by id").all();
  expect(texts.map(({ text }) => text)).toEqual(accepted);
});

test("a store that another process holds says so, and goes on when it is let go", async () => {
  const path = newPath();
  const store = await open({ path, busyTimeoutMs: 20 });
  const other = new Database(path);
  other.exec("begin immediate");
  const both = await Promise.allSettled([store.write(add("a")), store.write(add("b"))]);
  expect(both).toMatchObject([{ reason: { code: "STORE_LOCKED", retryable: true } }, { reason: { code: "STORE_LOCKED" } }]);
  other.exec("rollback");
  await store.write(add("a"));
  await store.close();
});

test("the file is for its owner alone", async () => {
  const path = newPath();
  const store = await open({ path });
  await store.write(add("secret"));
  for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  await store.close();
});

test("a parameter is compared as its column is, whatever its type, and by the index", async () => {
  const path = newPath();
  const store = await open({ path });
  const bytes = new Uint8Array([1, 2]);
  await store.write(["insert into note (text, data) values ('7', ?)", bytes], add("b?= ?"), add("c"));
  const plain = new Database(path, { readonly: true });
  const all = async (where: string, ...params: Param[]) => {
    const found = await store.read(`select id from note where ${where} order by id`, ...params);
    expect(found).toEqual(plain.query<{ readonly id: number }, Param[]>(`select id from note where ${where} order by id`).all(...params));
    return found.map(({ id }) => id);
  };
  expect(await all("text = ?", "c")).toEqual([3]);
  expect(await all("text = ?", 7)).toEqual([1]);
  expect(await all("id = ?2 or id >= ?1", "3", "1")).toEqual([1, 3]);
  expect(await all("id > ? and id <= ?", 1, 2)).toEqual([2]);
  expect(await all("id <> ? and data is null", 2)).toEqual([3]);
  expect(await all("data = ?", bytes)).toEqual([1]);
  expect(await all("text = ?", null)).toEqual([]);
  expect(await all("text = 'b?= ?' and id < ?", 9)).toEqual([2]);
  expect(await store.read("select '{\"a\":5}' ->> ? as a", "a")).toEqual([{ a: 5 }]);
  const plan = await store.read<{ detail: string }>("explain query plan select id from note where text = ?", "c");
  expect(plan.map(({ detail }) => detail)).toEqual([expect.stringContaining("(text=?)")]);
  plain.close();
  await store.close();
});

test("closing finishes what was written before, refuses what comes after, and leaves a clean file", async () => {
  const path = newPath();
  const store = await open({ path });
  const last = store.write(add("last words"));
  const closing = store.close();
  await expect(store.write(add("too late"))).rejects.toMatchObject({ code: "STORE_FAILED" });
  await last;
  await closing;
  await store.close();
  await expect(store.read("select 1")).rejects.toMatchObject({ code: "STORE_FAILED" });
  expect(() => statSync(`${path}-wal`)).toThrow();
  expect(new Database(path).query("select text from note").all()).toEqual([{ text: "last words" }]);
});

test("a write of nothing waits for everything that was written before it", async () => {
  const store = await open({ delayMs: 5 });
  let done = 0;
  for (let n = 0; n < 3; n++) void store.write(add(`note ${n}`)).then(() => done++);
  await store.write();
  expect(done).toBe(3);
  await store.write();
  await store.close();
});

test("milliseconds can be added to every commit, to see what a slow disk does", async () => {
  const store = await open({ delayMs: 30 });
  const before = performance.now();
  await Promise.all([store.write(add("a")), store.write(add("b"))]);
  expect(performance.now() - before).toBeGreaterThanOrEqual(30);
  await store.close();
});
