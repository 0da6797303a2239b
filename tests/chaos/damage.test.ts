/** A store whose bytes are not what they were, and a key file that is gone. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { closeSync, copyFileSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { createAudit } from "../../kernel/access/audit.ts";
import { openKeys } from "../../kernel/access/keys.ts";
import { WireClient } from "../../plugin-sdk/testing/client.ts";
import { openStore } from "../../store/sqlite.ts";
import { type CliHome, createCliHome } from "../support/cli.ts";

const pageBytes = 4096;

interface Up {
  readonly url: string;
}
interface Findings {
  readonly ok: boolean;
  readonly findings: readonly { readonly check: string; readonly level: string; readonly detail: string; readonly mend?: string }[];
}

const storeOf = (home: CliHome) => join(home.path, "pincer.db");

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}

async function clientOf(home: CliHome): Promise<WireClient> {
  const { url } = await home.json<Up>(["up"]);
  const token = readFileSync(join(home.path, "token"), "utf8").trim();
  return WireClient.connect({ url: `ws://${new URL(url).host}`, token });
}

/** One turn from beginning to end. */
async function say(client: WireClient, sessionKey: string, message: string): Promise<void> {
  const runId = crypto.randomUUID();
  await client.call("chat.send", { sessionKey, message, idempotencyKey: runId });
  expect(await client.call<object>("agent.wait", { runId, timeoutMs: 60_000 })).toMatchObject({ status: "ok" });
}

/** Ends the gateway as a power cut would. */
async function cutPower(home: CliHome): Promise<void> {
  const { pid } = JSON.parse(readFileSync(join(home.path, "gateway.json"), "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
  while (existsSync(`/proc/${pid}`) && !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) await clock.sleep(1);
}

/** The page that holds the newest entries of all transcripts. */
function newestEntries(store: string): number {
  const db = new Database(store, { readonly: true });
  const sql = "select pageno from dbstat where name = 'session_entry' and pagetype = 'leaf' order by path desc limit 1";
  const found = db.query<{ pageno: number }, []>(sql).get();
  db.close();
  return found?.pageno ?? 0;
}

const texts = async (client: WireClient, sessionKey: string) => {
  const { messages } = await client.call<{ messages: { role: string; content: unknown }[] }>("chat.history", { sessionKey });
  return messages.filter(({ role }) => role === "user").map(({ content }) => content);
};

test("a store that is no database any more: which file, what to do, and the exit code say so; nothing of it is changed", async () => {
  await using home = createCliHome();
  const client = await clientOf(home);
  await say(client, "main", "remember me");
  expect((await home.pincer(["stop"])).code).toBe(0);
  const store = storeOf(home);
  const backup = join(home.path, "backup.db");
  copyFileSync(store, backup);
  overwrite(store, 0, new Uint8Array(100).fill(0xa5));
  const damaged = readFileSync(store);

  const up = await home.pincer(["up"]);
  expect(up.code).toBe(1);
  expect(up.err).toContain(`${store} is damaged`);
  expect(up.err).toContain("restore a backup");
  const gateway = await home.pincer(["gateway"]);
  expect(gateway.code).toBe(1);
  expect(gateway.err).toContain(`${store} is damaged`);
  expect(readFileSync(store).equals(damaged)).toBe(true);

  const doctor = await home.pincer(["doctor", "--json"]);
  expect(doctor.code).toBe(1);
  const { findings } = JSON.parse(doctor.out) as Findings;
  expect(findings.find(({ check }) => check === "store")).toMatchObject({ level: "error", mend: expect.stringContaining(store) });

  copyFileSync(backup, store);
  expect(await texts(await clientOf(home), "main")).toEqual(["remember me"]);
}, 120_000);

test("damage in the middle of a store is found at the start behind a power cut", async () => {
  await using home = createCliHome();
  await say(await clientOf(home), "main", "remember me");
  await cutPower(home);
  const store = storeOf(home);
  // The log is merged, and another power cut leaves one behind: the pages that follow are those of the file.
  const db = new Database(store);
  db.run("pragma wal_checkpoint(truncate)");
  db.close();
  const pages = Math.floor(statSync(store).size / pageBytes);
  overwrite(store, pageBytes * Math.floor(pages / 3), new Uint8Array(pageBytes * Math.floor(pages / 3)).fill(0xa5));
  writeFileSync(`${store}-wal`, "left over");
  const up = await home.pincer(["up"]);
  expect(up.code).toBe(1);
  expect(up.err).toContain(`${store} is damaged`);
  const doctor = JSON.parse((await home.pincer(["doctor", "--json"])).out) as Findings;
  expect(doctor).toMatchObject({ ok: false });
  expect(doctor.findings.find(({ check }) => check === "store")).toMatchObject({ level: "error" });
}, 120_000);

test("damage that nobody looked for costs the conversation that it is in, by name, and no other", async () => {
  await using home = createCliHome();
  const before = await clientOf(home);
  await say(before, "agent:main:whole", "here all is well");
  for (let n = 0; n < 6; n++) await say(before, "agent:main:broken", `${n} ${"words ".repeat(250)}`);
  expect((await home.pincer(["stop"])).code).toBe(0);
  const store = storeOf(home);
  const leaf = newestEntries(store);
  overwrite(store, (leaf - 1) * pageBytes, new Uint8Array(pageBytes).fill(0xa5));

  const client = await clientOf(home);
  expect(await client.call("health", {})).toMatchObject({ ok: true });
  expect(await texts(client, "agent:main:whole")).toEqual(["here all is well"]);
  const reading = client.call("chat.history", { sessionKey: "agent:main:broken" });
  await expect(reading).rejects.toMatchObject({ error: { code: "UNAVAILABLE", details: { code: "STORE_CORRUPT" } } });
  await expect(reading).rejects.toThrow(store);
  const doctor = JSON.parse((await home.pincer(["doctor", "--json"])).out) as Findings;
  expect(doctor.findings.find(({ check }) => check === "store")).toMatchObject({ level: "error" });
}, 120_000);

test("a lost key file: what was closed with it is named, and all else is there", async () => {
  await using home = createCliHome();
  const before = await clientOf(home);
  await say(before, "main", "remember me");
  const set = await home.pincer(["secrets", "set", "SOME_API_KEY"], { stdin: "a-secret-of-the-test\n" });
  expect(set).toMatchObject({ code: 0 });
  expect((await home.pincer(["stop"])).code).toBe(0);
  const key = join(home.path, "key");
  const backup = readFileSync(key);
  rmSync(key);
  const { findings } = JSON.parse((await home.pincer(["doctor", "--json"])).out) as Findings;
  expect(findings.find(({ check }) => check === "key")).toMatchObject({ level: "error", detail: expect.stringContaining(key) });

  const client = await clientOf(home);
  expect(await texts(client, "main")).toEqual(["remember me"]);
  await say(client, "main", "and this");
  const log = readFileSync(join(home.path, "gateway.log"), "utf8").split("\n");
  const said = log.find((line) => line.includes("secrets.key-lost"));
  expect(JSON.parse(said ?? "{}")).toMatchObject({ level: "error", names: ["SOME_API_KEY"], problem: expect.stringContaining(key) });
  expect((await home.pincer(["stop"])).code).toBe(0);

  // What happened in between was sealed with another key, which an audit log must not pass over.
  writeFileSync(key, backup, { mode: 0o600 });
  const again = await clientOf(home);
  expect(await texts(again, "main")).toEqual(["remember me", "and this"]);
  const lines = readFileSync(join(home.path, "gateway.log"), "utf8").trim().split("\n").slice(log.length);
  expect(lines.filter((line) => line.includes("secrets.key-lost"))).toEqual([]);
  expect((await home.pincer(["stop"])).code).toBe(0);
  expect(await auditOf(home)).toMatchObject({ ok: false });
}, 120_000);

/** What the audit log says of itself. */
async function auditOf(home: CliHome) {
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const store = await openStore({ path: storeOf(home), migrations: [] });
  try {
    return await createAudit(store, clock, log, await openKeys(home.path, log), () => 1_000).verify();
  } finally {
    await store.close();
  }
}
