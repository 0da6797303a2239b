import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LogLines } from "@pincer/plugin-sdk/contracts/diagnostics";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Value } from "@sinclair/typebox/value";
import { createLog, type LogLine, type LogOptions } from "./log.ts";

const folders: string[] = [];

function setup(options: Partial<LogOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "pincer-log-"));
  folders.push(folder);
  const file = join(folder, "gateway.log");
  const clock = createManualClock();
  const log = createLog({ file, clock, bytes: 1_000_000, files: 2, ...options });
  const lines = async () => {
    await log.flush();
    return existsSync(file)
      ? readFileSync(file, "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as LogLine)
      : [];
  };
  return { folder, file, clock, log, lines };
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test("a line is one JSON object with time, level, event and what belongs to it", async () => {
  const { log, lines, file } = setup();
  log.info("gateway.started", { port: 1 });
  log.child({ plugin: "routing" }).warn("rule.ignored", { error: new Error("bad rule"), big: 1n });
  log.debug("below.level");
  expect(await lines()).toEqual([
    { time: "2026-11-20T00:00:00.000Z", level: "info", event: "gateway.started", port: 1 },
    {
      time: "2026-11-20T00:00:00.000Z",
      level: "warn",
      event: "rule.ignored",
      plugin: "routing",
      error: { message: "bad rule", stack: expect.any(String) },
      big: "1",
    },
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("what cannot be written as JSON fails nobody who logs: the line says so", async () => {
  const { log, lines } = setup();
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  log.child({ plugin: "p" }).warn("answer.odd", { circle });
  expect(await lines()).toMatchObject([{ level: "warn", event: "answer.odd", plugin: "p", unwritable: expect.stringContaining("cyclic") }]);
});

test("a known secret appears in no line, however it got there, and telling names are never written out (#28359)", async () => {
  const { log, file } = setup();
  log.redact('s3"cret-token');
  log.info("oops", { url: 'http://x/?t=s3"cret-token', apiKey: "abc", deep: { authorization: "Bearer y" } });
  log.child({ plugin: "p" }).error('failed with s3"cret-token');
  await log.flush();
  const text = readFileSync(file, "utf8");
  expect(text).not.toMatch(/cret-token|abc|Bearer/);
  expect(
    text
      .split("\n")
      .slice(0, 2)
      .map((line) => JSON.parse(line)),
  ).toHaveLength(2);
});

test("a storm of equal lines is written once, and once more with its number", async () => {
  const { log, lines, clock } = setup();
  for (let i = 0; i < 10_000; i += 1) {
    log.warn("socket.refused", { reason: "full" });
    log.warn("socket.closed", { reason: "full" });
  }
  expect(await lines()).toHaveLength(2);
  await clock.advance(5_000);
  expect((await lines()).slice(2)).toMatchObject([
    { event: "socket.refused", repeated: 9_999 },
    { event: "socket.closed", repeated: 9_999 },
  ]);
  log.warn("socket.refused", { reason: "full" });
  expect(await lines()).toHaveLength(5);
  await clock.advance(5_000);
  expect(await lines()).toHaveLength(5);
  expect(clock.timers).toBe(0);
});

test("files are bounded in size and number (#86214)", async () => {
  const { log, folder } = setup({ bytes: 2_000, files: 2 });
  for (let i = 0; i < 200; i += 1) {
    log.info("step", { i });
    await log.flush();
  }
  expect(readdirSync(folder).sort()).toEqual(["gateway.log", "gateway.log.1", "gateway.log.2"]);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(2_000);
  expect(readFileSync(join(folder, "gateway.log"), "utf8")).toContain('"i":199');
});

test("a disk that takes nothing harms nobody: lines wait within a bound, and what was dropped is counted", async () => {
  const said: string[] = [];
  const { log, file, lines } = setup({ pendingBytes: 500, print: ({ event }) => void said.push(event) });
  mkdirSync(file);
  for (let i = 0; i < 50; i += 1) log.info("step", { i });
  await log.flush();
  expect(said).toContain("log.write_failed");
  rmSync(file, { recursive: true });
  for (let i = 50; i < 60; i += 1) {
    log.info("later", { i });
    await log.flush();
  }
  const written = await lines();
  expect(written.find(({ event }) => event === "step")).toMatchObject({ i: 0 });
  expect(written.find(({ event }) => event === "log.dropped")?.lines).toBeGreaterThan(30);
  expect(written.at(-1)).toMatchObject({ event: "later", i: 59 });
});

test("what is dropped while a write is under way is counted too", async () => {
  const { log, lines } = setup({ pendingBytes: 500 });
  for (let i = 0; i < 50; i += 1) log.info("step", { i });
  const written = await lines();
  const kept = written.filter(({ event }) => event === "step").length;
  expect(written.at(-1)).toMatchObject({ event: "log.dropped", lines: 50 - kept });
});

test("the tail follows by cursor, loses no line, and starts anew after the file was put aside", async () => {
  const { log, file } = setup({ bytes: 3_000, files: 1 });
  log.info("a");
  log.info("b");
  const first = await log.tail({});
  expect(first.lines.map((line) => JSON.parse(line).event)).toEqual(["a", "b"]);
  expect(first).toMatchObject({ file, cursor: first.size });
  log.info("c");
  const second = await log.tail({ cursor: first.cursor });
  expect(second.lines.map((line) => JSON.parse(line).event)).toEqual(["c"]);
  expect((await log.tail({ cursor: second.cursor })).lines).toEqual([]);
  expect(await log.tail({ limit: 1 })).toMatchObject({ truncated: true, lines: [expect.stringContaining('"c"')] });
  expect(await log.tail({ maxBytes: 100 })).toMatchObject({ truncated: true, lines: [expect.stringContaining('"c"')] });
  for (let i = 0; i < 40; i += 1) log.info("step", { i, text: "x".repeat(20) });
  await log.flush();
  log.info("after");
  const third = await log.tail({ cursor: 1_000_000 });
  expect(third.reset).toBe(true);
  expect(third.lines.at(-1)).toContain("after");
  expect(Value.Check(LogLines, third)).toBe(true);
});
