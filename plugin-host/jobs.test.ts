import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type HostKit, startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";

const ran: string[] = [];
const gates = new Map<string, PromiseWithResolvers<void>>();
Object.assign(globalThis, { ran, gates });
const gate = (name: string) => gates.get(name) ?? gates.set(name, Promise.withResolvers()).get(name)!;

/** A job of two journalled steps; what stands between them may hold it up. */
const source = (version: number, { between = "", journal = 1 } = {}) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineJob } from "@pincer/plugin-sdk/job";
import { Type } from "@sinclair/typebox";
const work = defineJob({ kind: "worker.work", journal: ${journal}, input: Type.Object({}), result: Type.Object({ versions: Type.Array(Type.Integer()) }) });
export default definePlugin({ setup(ctx) {
  ctx.job(work, async (job) => {
    const step = (name) => job.effect(name, null, async () => { ran.push(job.key + " " + name); return ${version}; }, { replay: "safe" });
    const first = await step("first");
    ${between}
    return { versions: [first, await step("second")] };
  });
} });`;
const start = (text: string, clock = createManualClock()) =>
  startHost({ clock, prepare: (plugins) => writePlugin(plugins, "worker", text).then(() => undefined) });
/** Whose code fails when it is imported. */
const startBroken = (clock = createManualClock()) =>
  startHost({
    clock,
    async prepare(plugins) {
      const folder = await writePlugin(plugins, "worker", source(1));
      const manifest = Bun.file(`${folder}/plugin.json`);
      await manifest.write((await manifest.text()).replace('"plugin.ts"', '"bad.ts"'));
      await Bun.write(`${folder}/bad.ts`, "throw new Error('a bad version');");
    },
  });
const swapTo = async (kit: HostKit, text: string) => {
  await writePlugin(kit.plugins, "worker", text);
  return kit.host.reload("worker");
};
const admit = async (kit: HostKit, key: string) =>
  (await kit.lanes.admit({ lane: `job:worker:${key}`, kind: "worker.work", key, input: {} })).outcome;
const holding = `gates.get("entered " + job.key)?.resolve(); await Promise.race([gates.get("go").promise, new Promise((_, fail) => job.signal.addEventListener("abort", () => fail(job.signal.reason)))]);`;

test("the first job of a kind activates its plugin", async () => {
  await using kit = await start(source(1));
  expect(kit.host.inspect("worker").state).toBe("idle");
  expect(await admit(kit, "one")).toMatchObject({ state: "done", result: { versions: [1, 1] } });
  expect(kit.host.inspect("worker").state).toBe("active");
});

test("a job that runs finishes on its generation, and the next one runs on the new one", async () => {
  ran.length = 0;
  gates.clear();
  gate("go");
  gate("entered long");
  await using kit = await start(source(1, { between: holding }));
  const long = admit(kit, "long");
  await gate("entered long").promise;
  await swapTo(kit, source(2));
  expect(await admit(kit, "next")).toMatchObject({ result: { versions: [2, 2] } });
  gate("go").resolve();
  expect(await long).toMatchObject({ state: "done", result: { versions: [1, 1] } });
  expect(ran.sort()).toEqual(["long first", "long second", "next first", "next second"]);
});

test("a job that outlasts the drain is resumed from its journal on the new generation, and no settled step runs twice (#144291)", async () => {
  ran.length = 0;
  gates.clear();
  gate("go");
  gate("entered long");
  const clock = createManualClock();
  await using kit = await start(source(1, { between: holding }), clock);
  const long = admit(kit, "long");
  await gate("entered long").promise;
  await swapTo(kit, source(2));
  await clock.advance(60_000);
  expect(await long).toMatchObject({ state: "done", result: { versions: [1, 2] } });
  expect(ran).toEqual(["long first", "long second"]);
  expect((await kit.logged("plugin.drain-late")).fields.waitingFor).toEqual(["job worker.work"]);
});

test("jobs keep running through fifty swaps, each step of each job exactly once", async () => {
  ran.length = 0;
  await using kit = await start(source(0));
  const outcomes: Promise<{ state: string }>[] = [];
  for (let swap = 1; swap <= 50; swap++) {
    for (let n = 0; n < 4; n++) outcomes.push(admit(kit, `${swap}-${n}`));
    await swapTo(kit, source(swap, { journal: swap % 3 === 0 ? 2 : 1 }));
  }
  const states = (await Promise.all(outcomes)).map(({ state }) => state);
  expect(states.filter((state) => state !== "done")).toEqual([]);
  expect(ran.length).toBe(400);
  expect(new Set(ran).size).toBe(400);
});

test("a job whose plugin cannot be activated waits until that was mended, and then runs", async () => {
  ran.length = 0;
  const clock = createManualClock();
  await using kit = await startBroken(clock);
  const waiting = admit(kit, "accepted");
  expect((await kit.logged("plugin.failed")).fields).toMatchObject({ plugin: "worker", error: expect.stringContaining("a bad version") });
  await clock.advance(5_000);
  expect(await kit.lanes.find("accepted")).toMatchObject({ state: "running" });
  await writePlugin(kit.plugins, "worker", source(2));
  await kit.host.reload("worker");
  await clock.advance(1_000);
  expect(await waiting).toMatchObject({ state: "done", result: { versions: [2, 2] } });
});

test("a job that waits for its plugin can be cancelled", async () => {
  await using kit = await startBroken();
  const waiting = admit(kit, "unwanted");
  await kit.logged("plugin.failed");
  await kit.lanes.cancel({ key: "unwanted" }, "not needed");
  expect(await waiting).toMatchObject({ state: "cancelled" });
});
