import { heapStats } from "bun:jsc";
import { beforeEach, expect, test } from "bun:test";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { defaultLimits, writePlugin } from "../tests/fixtures/plugin-host.ts";
import {
  caller,
  drained,
  forget,
  gate,
  imports,
  io,
  speaker,
  speakerSource,
  startSpeaker,
  swapTo,
  told,
  turn,
  versionOf,
} from "../tests/support/speaker.ts";

beforeEach(forget);

test("a plugin is swapped 500 times under 64 callers: no call fails, no stream is mixed, nothing stale is seen, memory levels off (#144291 #152965)", async () => {
  await using kit = await startSpeaker(speakerSource(0), { clock: systemClock });
  const handle = kit.host.handle(speaker);
  let visible = 0;
  let isOver = false;
  const counts = { calls: 0, streams: 0, methods: 0, mixed: 0, stale: 0, failed: 0 };
  const callOnce = async (n: number) => {
    const atLeast = visible;
    if (n % 8 === 0) {
      const seen = new Set<number>();
      const lines = handle.recite({ lines: 5 }, io);
      let step = await lines.next();
      for (; !step.done; step = await lines.next()) seen.add(step.value.version);
      seen.add(step.value.version);
      counts.streams++;
      if (seen.size !== 1) counts.mixed++;
      if (Math.max(...seen) < atLeast) counts.stale++;
      return;
    }
    const isMethod = n % 8 === 1;
    const asked = isMethod ? (await kit.host.methods.find("speaker.ask")!.resolve()).invoke({}, caller) : handle.speak({}, io);
    const answer = (await asked) as { version: number };
    counts[isMethod ? "methods" : "calls"]++;
    if (answer.version < atLeast) counts.stale++;
  };
  const callers = Array.from({ length: 64 }, async (_, n) => {
    while (!isOver) {
      await callOnce(n).catch(() => counts.failed++);
      await turn();
    }
  });
  const memory: number[] = [];
  const alive: number[] = [];
  const times: number[] = [];
  for (let swap = 1; swap <= 500; swap++) {
    const { visibleMs } = await swapTo(kit, speakerSource(swap));
    visible = swap;
    times.push(visibleMs);
    if (swap % 100 > 0) continue;
    Bun.gc(true);
    memory.push(Math.round(process.memoryUsage.rss() / 1e6));
    alive.push(heapStats().objectTypeCounts.AbortController ?? 0);
  }
  isOver = true;
  await Promise.all(callers);
  times.sort((a, b) => a - b);
  console.info({ ...counts, visibleMsP50: times[250]!.toFixed(1), visibleMsP99: times[495]!.toFixed(1), rssMb: memory, alive });
  expect({ failed: counts.failed, mixed: counts.mixed, stale: counts.stale }).toEqual({ failed: 0, mixed: 0, stale: 0 });
  expect(counts.calls).toBeGreaterThan(5000);
  expect(counts.streams).toBeGreaterThan(100);
  expect(alive.at(-1)! - alive[1]!).toBeLessThan(100);
}, 120_000);

test("running calls and streams finish on the old generation, and it is unloaded when the last has", async () => {
  const blocking = { speak: "await gates.get('open').promise;", also: "ctx.onUnload(() => told.push('unloaded ' + version));" };
  gate("open");
  await using kit = await startSpeaker(speakerSource(1, blocking));
  const slow = kit.host.handle(speaker).speak({}, io);
  const lines = kit.host.handle(speaker).recite({ lines: 2 }, io);
  expect((await lines.next()).value).toEqual({ version: 1 });
  await swapTo(kit, speakerSource(2));
  told.length = 0;
  expect(await versionOf(kit)).toBe(2);
  expect(kit.host.inspect("speaker")).toMatchObject({ generation: 2, draining: [{ generation: 1 }] });
  expect(kit.host.inspect("speaker").draining[0]!.calls).toEqual(["speaker/speaker.speak", "speaker/speaker.recite"]);
  expect((await lines.next()).value).toEqual({ version: 1 });
  expect(await lines.next()).toEqual({ done: true, value: { version: 1 } });
  expect(told).toEqual([]);
  gate("open").resolve();
  expect(await slow).toEqual({ version: 1 });
  await drained(kit);
  expect(told).toEqual(["unloaded 1"]);
});

test("a drain that takes too long names what it waits for, and goes on", async () => {
  const clock = createManualClock();
  gate("open");
  gate("entered");
  await using kit = await startSpeaker(speakerSource(1, { speak: "gates.get('entered').resolve(); await gates.get('open').promise;" }), {
    clock,
  });
  const slow = kit.host.handle(speaker).speak({}, io);
  await gate("entered").promise;
  await swapTo(kit, speakerSource(2));
  await clock.advance(60_000);
  expect((await kit.logged("plugin.drain-late")).fields).toMatchObject({
    plugin: "speaker",
    generation: 1,
    waitingFor: ["speaker/speaker.speak"],
  });
  await drained(kit);
  gate("open").resolve();
  expect(await slow).toEqual({ version: 1 });
});

const broken: readonly (readonly [what: string, source: string, code: string, said: RegExp])[] = [
  ["a syntax error", `${imports}\nexport default definePlugin({ setup( { } );`, "PLUGIN_LOAD_FAILED", /plugin\.ts:\d+:\d+: /],
  ["an error at top level", speakerSource(2, { top: "throw new Error('no luck');" }), "PLUGIN_LOAD_FAILED", /plugin\.ts:\d+:\d+: no luck/],
  ["an import that does not exist", speakerSource(2, { top: "import './nowhere.ts';" }), "PLUGIN_LOAD_FAILED", /nowhere/],
  ["an error in setup", speakerSource(2, { also: "throw new Error('no setup');" }), "PLUGIN_LOAD_FAILED", /plugin\.ts:\d+:\d+: no setup/],
  ["no default export", "export const nothing = 1;", "PLUGIN_LOAD_FAILED", /default export/],
  ["something undeclared", speakerSource(2, { also: "ctx.health(async () => ({ ok: true }));" }), "PLUGIN_UNDECLARED", /health/],
  ["something missing", speakerSource(2).replace("ctx.method(ask, () => ({ version }));", ""), "PLUGIN_MISSING", /methods speaker\.ask/],
  [
    "another schema than declared",
    speakerSource(2).replace('scope: "any"', 'scope: "operator.admin"'),
    "PLUGIN_UNDECLARED",
    /speaker\.ask otherwise/,
  ],
  ["a name twice", speakerSource(2, { also: "ctx.method(ask, () => ({ version }));" }), "PLUGIN_DUPLICATE", /speaker\.ask/],
];

test.each(broken)("%s in the new generation leaves the old one, and says where and why", async (_, source, code, said) => {
  await using kit = await startSpeaker(speakerSource(1));
  expect(await versionOf(kit)).toBe(1);
  await Bun.write(`${kit.plugins}/speaker/plugin.ts`, source);
  const error = await kit.host.reload("speaker").catch((reason) => reason);
  expect(error).toMatchObject({ code });
  expect(error.message).toMatch(said);
  expect(await versionOf(kit)).toBe(1);
  expect(kit.host.inspect("speaker")).toMatchObject({ state: "active", draining: [] });
});

test("whatever was wrong with a saved file, the next save that is right works, also when the fault was in a file beside it", async () => {
  await using kit = await startSpeaker(speakerSource(1));
  await versionOf(kit);
  const folder = `${kit.plugins}/speaker`;
  const save = async (entry: string, beside: string) => {
    await Bun.write(`${folder}/number.ts`, beside);
    await Bun.write(`${folder}/plugin.ts`, entry);
    return kit.host.reload("speaker").then(
      () => versionOf(kit),
      () => "refused",
    );
  };
  const entry = speakerSource(0, { top: 'import { number } from "./number.ts";' }).replace("const version = 0", "const version = number");
  let next = 2;
  for (const [brokenEntry, brokenBeside] of [
    ["throw new Error('top');", ""],
    ["export default ((;", ""],
    [entry, "throw new Error('beside'); export const number = 0;"],
    [entry, "export const number = ((;"],
    [entry, "export const other = 1;"],
    [entry, "import './nowhere.ts'; export const number = 0;"],
    ["await null; throw new Error('late');", ""],
  ] as const) {
    expect(await save(brokenEntry, brokenBeside)).toBe("refused");
    expect(await save(brokenEntry, brokenBeside)).toBe("refused");
    expect(await save(entry, `export const number = ${next};`)).toBe(next++);
    expect(await save(entry, `export const number = ${next};`)).toBe(next++);
  }
});

test("a new generation that reports ill health, or whose setup does not end, leaves the old one", async () => {
  const clock = createManualClock();
  const health = (ok: boolean) => ({
    also: `ctx.health(async () => ({ ok: ${ok}, detail: "a tooth" })); ctx.onUnload(() => told.push("undone " + version));`,
  });
  await using kit = await startSpeaker(speakerSource(1, health(true)), { clock });
  await versionOf(kit);
  await expect(swapTo(kit, speakerSource(2, health(false)))).rejects.toMatchObject({
    code: "PLUGIN_UNHEALTHY",
    message: expect.stringContaining("a tooth"),
  });
  expect(told.filter((line) => line === "undone 2").length).toBeGreaterThan(0);
  const { also } = health(true);
  await writePlugin(
    kit.plugins,
    "speaker",
    speakerSource(3, { also: `${also} if (ctx.home.includes("pincer-plugins")) return new Promise(() => {});` }),
  );
  const hanging = kit.host.reload("speaker").catch((error) => error);
  await clock.armed();
  await clock.advance(30_000);
  expect(await hanging).toMatchObject({ code: "PLUGIN_TIMEOUT", message: expect.stringContaining("setup of speaker") });
  expect(await versionOf(kit)).toBe(1);
});

test("a generation that fails again and again after the swap is rolled back", async () => {
  await using kit = await startSpeaker(speakerSource(1), { limits: () => ({ ...defaultLimits, faults: 3 }) });
  await versionOf(kit);
  await swapTo(kit, speakerSource(2, { speak: "null.x;" }));
  for (let n = 0; n < 4; n++)
    await expect(versionOf(kit)).rejects.toMatchObject({
      code: "PLUGIN_FAULT",
      message: expect.stringContaining("speaker failed in speaker/speaker.speak"),
    });
  await kit.logged("plugin.rolled-back");
  while ((await versionOf(kit).catch(() => 0)) !== 1) await turn();
  expect(kit.host.inspect("speaker")).toMatchObject({
    state: "active",
    generation: 3,
    error: { code: "PLUGIN_FAULT", message: expect.stringContaining("rolled back") },
  });
});

test("a reload runs what lies there now, also of a plugin that was bundled with the gateway, and keeps to it from then on", async () => {
  const bundle = { isChecked: () => false, entryOf: ({ folder }: { readonly folder: string }) => `${folder}.bundled.ts` };
  await using kit = await startSpeaker(speakerSource(1), { bundle });
  await Bun.write(`${kit.plugins}/speaker.bundled.ts`, speakerSource(7));
  expect(await versionOf(kit)).toBe(7);
  await Bun.write(`${kit.plugins}/speaker/number.ts`, "export const number = 2;");
  const entry = speakerSource(0, { top: 'import { number } from "./number.ts";' }).replace("const version = 0", "const version = number");
  await swapTo(kit, entry);
  expect(await versionOf(kit)).toBe(2);
  await Bun.write(`${kit.plugins}/speaker/number.ts`, "export const number = 3;");
  await kit.host.reload("speaker");
  expect(await versionOf(kit)).toBe(3);
  await kit.host.setEnabled("speaker", false);
  await kit.host.setEnabled("speaker", true);
  expect(await versionOf(kit)).toBe(3);
});
