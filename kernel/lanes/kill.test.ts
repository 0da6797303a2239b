/** `kill -9` at every named point and at random, against a ledger of what happened outside. */
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storePoints } from "../../store/sqlite.ts";
import { lanePoints } from "./jobs.ts";

const root = mkdtempSync(join(tmpdir(), "pincer-kill-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const victim = join(import.meta.dir, "../../tests/fixtures/lanes/victim.ts");

/** True when it ended by its own hand, before the work was done. */
async function run(folder: string, point: string, nth: number, delayMs: number): Promise<boolean> {
  const child = Bun.spawn([process.execPath, victim, folder, point, `${nth}`, `${delayMs}`], { stdout: "pipe", stderr: "pipe" });
  const [code, stderr] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (child.signalCode === "SIGKILL") return true;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return false;
}

interface Row {
  readonly key: string;
  readonly kind: string;
  readonly state: string;
  readonly result: string;
}

/** What a user would complain about. */
function complaints(folder: string): string[] {
  const found: string[] = [];
  const lines = readFileSync(join(folder, "ledger"), "utf8").trim().split("\n");
  const db = new Database(join(folder, "lanes.sqlite"), { readonly: true });
  const jobs = new Map(
    db
      .query<Row, []>("select key, kind, state, result from job")
      .all()
      .map((row) => [row.key, row]),
  );
  const open = db
    .query<{ n: number }, []>("select (select count(*) from effect) + (select count(*) from job where ended_at is null) as n")
    .get();
  db.close();
  if (open?.n !== 0) found.push(`${open?.n} rows of open work are left over`);

  const count = (line: string) => lines.filter((other) => other === line).length;
  const results = new Map([...jobs.values()].filter(({ state }) => state === "done").map(({ key, result }) => [key, JSON.parse(result)]));
  const takenBy = new Map<string, string[]>();
  for (const [key, { taken = [] }] of results) for (const other of taken) takenBy.set(other, [...(takenBy.get(other) ?? []), key]);

  for (const key of new Set(lines.filter((line) => line.startsWith("accepted ")).map((line) => line.slice(9)))) {
    const job = jobs.get(key);
    if (!job) found.push(`${key} was accepted and is lost`);
    else if (job.state === "absorbed" && takenBy.get(key)?.length !== 1) found.push(`${key} was absorbed and seen by ${takenBy.get(key)}`);
    else if (job.state === "done" && takenBy.has(key)) found.push(`${key} had a turn of its own and was also taken by ${takenBy.get(key)}`);
    else if (!["done", "absorbed", "cancelled"].includes(job.state)) found.push(`${key} ended as ${job.state}: ${job.result}`);
    else if (job.state === "cancelled" && !["cancelled", "b1", "b2", "b3", "b4"].includes(key)) found.push(`nobody cancelled ${key}`);
  }
  if (count("cancel-acknowledged cancelled") > 0 && jobs.get("cancelled")?.state !== "cancelled")
    found.push("an acknowledged cancel was lost");

  for (const { key, kind, state } of jobs.values()) {
    const result = results.get(key);
    for (const step of kind === "out" ? ["deliver"] : ["tool:1", "tool:2", "tool:3"]) {
      const times = count(`${step} ${key}`);
      if (times > 1) found.push(`${step} of ${key} ran ${times} times`);
      if (result?.[step] === true && times !== 1) found.push(`${step} of ${key} is said to have run and did not`);
    }
    if (kind !== "turn") continue;
    const settled = lines.indexOf(`tool:1 ${key}`);
    if (settled >= 0 && lines.indexOf(`model:1 ${key}`, settled) >= 0) found.push(`the model was asked again for ${key}`);
    if (state !== "done") continue;
    for (const part of ["block", "final"]) if (jobs.get(`${key}:${part}`)?.state !== "done") found.push(`the ${part} of ${key} is missing`);
  }
  return found;
}

const points = [...lanePoints, ...storePoints.map((point) => `store:${point}`)];
/** More by `PINCER_KILL_TRIALS=1000 bun test kernel/lanes/kill.test.ts`. */
const randomTrials = Number(process.env.PINCER_KILL_TRIALS ?? 8);
let trials = 0;

/** Kills at the point, once or more, then lets the work end. */
async function trial(
  point: string,
  nths: readonly number[],
  delayMs: number,
): Promise<{ readonly killed: number; readonly found: string[] }> {
  const folder = join(root, `${trials++}`);
  mkdirSync(folder);
  let killed = 0;
  for (const nth of nths) if (await run(folder, point, nth, delayMs)) killed++;
  expect(await run(folder, "none", 0, 0)).toBe(false);
  const found = complaints(folder);
  rmSync(folder, { recursive: true, force: true });
  return { killed, found };
}

/** Two at a time, since most of a trial is starting a process. */
async function both(work: readonly (() => Promise<void>)[]): Promise<void> {
  const rest = [...work];
  const worker = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) await next();
  };
  await Promise.all([worker(), worker()]);
}

test("killed at every named point, nothing accepted is lost, and nothing runs twice but what is reported uncertain (#51620, #95866, #39138)", async () => {
  const failures: string[] = [];
  // At its first passing, and in the life after that at its third.
  const twice = (point: string) => async () => {
    const { killed, found } = await trial(point, [1, 3], 0);
    if (killed === 0) failures.push(`${point} was never reached`);
    failures.push(...found.map((complaint) => `${point}: ${complaint}`));
  };
  await both(points.map(twice));
  expect(failures).toEqual([]);
}, 300_000);

test(
  "killed at random, twice in a row, nothing accepted is lost, and nothing runs twice but what is reported uncertain",
  async () => {
    const failures: string[] = [];
    let deaths = 0;
    const random = (seed: number) => async () => {
      // Any point, at the nth that is passed: about 300 are, when nothing dies.
      const nths = [1 + ((seed * 7919) % 290), 1 + ((seed * 104_729) % 170)];
      const { killed, found } = await trial("any", nths, seed % 3);
      deaths += killed;
      failures.push(...found.map((complaint) => `seed ${seed}, points ${nths}: ${complaint}`));
    };
    await both(Array.from({ length: randomTrials }, (_, n) => random(n + 1)));
    expect(failures).toEqual([]);
    expect(deaths).toBeGreaterThan(randomTrials);
  },
  100_000 + randomTrials * 2_000,
);
