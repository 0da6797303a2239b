/**
 * Durable turns at 100 lanes: an admission, five journalled steps (two of them not to be repeated) and an outbound job each, with
 * `synchronous=FULL`. `bun tests/bench/lanes.ts [--seconds 5] [--json]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Job } from "@pincer/plugin-sdk/job";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { Value } from "@sinclair/typebox/value";
import { createLanes } from "../../kernel/lanes/lanes.ts";
import { lanesMigrations } from "../../kernel/lanes/rows.ts";
import { LanesConfig, type LanesSettings } from "../../kernel/lanes/settings.ts";
import { openStore } from "../../store/sqlite.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "5" }, json: { type: "boolean", default: false } } });
const lanesAtOnce = 100;
const target = { turnsPerSecond: 2_000, p99Ms: 100 };

const at = (sorted: readonly number[], share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
const round = (value: number) => Math.round(value * 10) / 10;

/** The longest the event loop was held: how late a task comes that asks for every turn of it. */
function watchLoop() {
  let worst = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - last - 1);
    last = now;
  }, 1);
  return () => {
    clearInterval(timer);
    return worst;
  };
}

async function measure(delayMs: number) {
  const folder = mkdtempSync(join(tmpdir(), "pincer-bench-"));
  let commits = 0;
  const store = await openStore({
    path: join(folder, "bench.sqlite"),
    migrations: lanesMigrations,
    delayMs,
    probe: (point) => {
      if (point === "before-commit") commits++;
    },
  });
  const settings = Value.Default(LanesConfig, {}) as LanesSettings;
  const lanes = createLanes({ store, clock, settings: () => settings, log: console });
  let delivered = 0;
  lanes.handle("turn", {
    journal: 1,
    run: async (job: Job) => {
      await job.take("start", ["steer", "collect"]);
      const call = await job.effect("model:1", job.input, async () => ({ text: "x".repeat(400), tool: "read" }), { replay: "safe" });
      await job.effect("tool:1", call, async () => "y".repeat(400));
      await job.effect("tool:2", call, async () => "z".repeat(400));
      const answer = await job.effect("model:2", "y", async () => "w".repeat(400), { replay: "safe" });
      job.send({ lane: `out:${job.lane}`, kind: "out", key: `${job.key}:out`, input: answer });
      return { answer };
    },
  });
  lanes.handle("out", {
    journal: 1,
    run: async (job: Job) => {
      await job.effect("deliver", null, async () => "id");
      delivered++;
    },
  });
  await lanes.recover();

  const latencies: number[] = [];
  let until = clock.monotonic() + 1_000;
  let counting = false;
  const sender = async (lane: number) => {
    for (let n = 0; clock.monotonic() < until; n++) {
      const before = clock.monotonic();
      const key = `${counting}:${lane}:${n}`;
      await lanes.admitAll([{ lane: `turn:${lane}`, kind: "turn", key, input: { text: "m".repeat(200) } }]);
      await lanes.wait(key);
      if (counting) latencies.push(clock.monotonic() - before);
    }
  };
  const all = () => Promise.all(Array.from({ length: lanesAtOnce }, (_, lane) => sender(lane)));
  await all();

  counting = true;
  commits = 0;
  delivered = 0;
  const seconds = Number(values.seconds);
  const cpu = process.cpuUsage();
  const begun = clock.monotonic();
  until = begun + seconds * 1_000;
  const worstLag = watchLoop();
  await all();
  const lag = worstLag();
  const took = (clock.monotonic() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await lanes.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
  latencies.sort((a, b) => a - b);
  const turnsPerSecond = Math.round(latencies.length / took);
  const p99Ms = round(at(latencies, 0.99));
  return {
    commitDelayMs: delayMs,
    turnsPerSecond,
    deliveredPerSecond: Math.round(delivered / took),
    p50Ms: round(at(latencies, 0.5)),
    p99Ms,
    worstLoopLagMs: round(lag),
    commitsPerSecond: Math.round(commits / took),
    cpuMsPerTurn: Math.round((user + system) / latencies.length) / 1_000,
    met: turnsPerSecond >= target.turnsPerSecond && p99Ms <= target.p99Ms,
  };
}

const results = [await measure(0), await measure(5)];
if (values.json) console.log(JSON.stringify({ bench: "lanes", lanes: lanesAtOnce, target, results }));
else console.table(results);
