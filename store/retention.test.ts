import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { createRetention, type Sweep } from "./retention.ts";
import { openStore } from "./sqlite.ts";

const root = mkdtempSync(join(tmpdir(), "pincer-retention-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function start() {
  const clock = createManualClock();
  const store = await openStore({
    path: join(root, `${crypto.randomUUID()}.sqlite`),
    migrations: [{ room: "log", version: 1, sql: "create table line (id integer primary key, at integer not null) strict" }],
  });
  const warnings: unknown[] = [];
  const retention = createRetention({ store, clock, log: { warn: (_event, fields) => warnings.push(fields) } });
  const lines = async () => (await store.read<{ id: number }>("select id from line order by id")).map(({ id }) => id);
  return { clock, store, retention, warnings, lines };
}

/** Keeps an hour, takes ten rows at a time. */
const hour: Sweep = {
  name: "log",
  everyMs: 600_000,
  sweep: (now) => [["delete from line where id in (select id from line where at < ? order by at limit 10) returning id", now - 3_600_000]],
};

test("what is past its time goes, in bounded steps, and what is younger stays", async () => {
  const { clock, store, retention, lines } = await start();
  const now = clock.now();
  await store.write(...Array.from({ length: 35 }, (_, n) => ["insert into line (at) values (?)", now - 3_600_001 - n] as const));
  await store.write(["insert into line (id, at) values (99, ?)", now]);
  retention.register(hour);
  await retention.run();
  expect(await lines()).toEqual([99]);
  await store.close();
});

test("a sweep runs soon after the start, then in its interval, until its room lets go of it", async () => {
  const { clock, store, retention } = await start();
  const seen: number[] = [];
  const sweep = (now: number) => {
    seen.push(now);
    return [];
  };
  const registration = retention.register({ name: "seen", everyMs: 600_000, sweep });
  const started = clock.now();
  await clock.advance(60_000);
  await clock.advance(600_000);
  expect(seen).toEqual([started + 60_000, started + 660_000]);
  registration[Symbol.dispose]();
  await clock.advance(6_000_000);
  expect(seen.length).toBe(2);
  expect(clock.timers).toBe(0);
  await store.close();
});

test("a sweep that fails is reported by name and tried again", async () => {
  const { clock, store, retention, warnings } = await start();
  retention.register({ name: "broken", everyMs: 1_000, sweep: () => [["delete from nowhere"]] });
  for (let round = 1; round <= 2; round++) {
    await clock.advance(1_000);
    await store.write();
    await clock.armed();
    expect(warnings.length).toBe(round);
  }
  expect(warnings[0]).toMatchObject({ name: "broken" });
  retention[Symbol.dispose]();
  expect(clock.timers).toBe(0);
  await expect(retention.run()).resolves.toBeUndefined();
  await store.close();
});
