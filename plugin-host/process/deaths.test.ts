/** How a plugin's process ends, and what comes of whatever it was asked. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { defaultLimits, startHost, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { confinement, frail, invoke, io, kill, own } from "../../tests/support/frail.ts";

test("a job whose plugin's process is killed goes on from its journal in the next one, and no settled step runs twice", async () => {
  await using kit = await own("frail", frail());
  const { outcome } = await kit.lanes.admit({ lane: "job:frail:a", kind: "frail.work", key: "a", input: {} });
  await kit.logged("frail.waits");
  kill(kit, "frail");
  expect(await outcome).toMatchObject({ state: "done", result: { steps: [1, 1, 1] } });
  expect(kit.host.inspect("frail")).toMatchObject({ state: "active", generation: 2 });
});

test("a call in flight of a process that dies is made again when it is safe, and told so when it is not", async () => {
  await using kit = await own("frail", frail());
  const { pool } = await import(join(kit.plugins, "frail", "plugin.ts"));
  const held = kit.host.handle(pool) as Record<"ask" | "spend", (params: object, given: typeof io) => Promise<unknown>>;
  const [asked, spent] = [held.ask({}, io), held.spend({}, io)];
  asked.catch(() => undefined);
  spent.catch(() => undefined);
  while (kit.lines.filter(({ event }) => event === "frail.waits").length < 2) await new Promise((next) => setImmediate(next));
  kill(kit, "frail");
  const message = expect.stringContaining("whether pool/pool.spend took effect is not known");
  await expect(spent).rejects.toMatchObject({ code: "PLUGIN_GONE", retryable: true, message });
  expect(await asked).toEqual({ life: 2 });
  expect((await kit.logged("plugin.crashed")).fields).toMatchObject({ plugin: "frail", error: expect.stringContaining("SIGKILL") });
});

test("behind further ends a plugin pauses, longer each time: a safe call waits for that, another is told at once", async () => {
  const clock = createManualClock();
  const { retryFirstMs: pause } = defaultLimits;
  await using kit = await own("frail", frail(), { clock });
  const { pool } = await import(join(kit.plugins, "frail", "plugin.ts"));
  const held = kit.host.handle(pool) as Record<"ask" | "spend", (params: object, given: typeof io) => Promise<unknown>>;
  const first = held.ask({}, io);
  await kit.logged("frail.waits");
  kill(kit, "frail");
  expect(await first).toEqual({ life: 2 });
  for (const [life, ms] of [
    [3, pause],
    [4, pause * 2],
  ] as const) {
    await expect(invoke(kit.host, "frail.exits")).rejects.toMatchObject({ code: "PLUGIN_GONE" });
    await expect(held.spend({}, io)).rejects.toMatchObject({ code: "PLUGIN_GONE", retryable: true });
    let isAnswered = false;
    const asked = held.ask({}, io).finally(() => {
      isAnswered = true;
    });
    await clock.advance(ms - 1);
    expect({ isAnswered, state: kit.host.inspect("frail").state }).toEqual({ isAnswered: false, state: "failed" });
    await clock.advance(1);
    expect(await asked).toEqual({ life });
  }
});

test("a call that ends every process that it comes to is given up before the plugin is", async () => {
  const limits = { ...defaultLimits, retryFirstMs: 1 };
  const source = frail().replace('deadly("ask")', "process.exit(5)");
  await using kit = await own("frail", source, { clock: systemClock, limits: () => limits });
  const { pool } = await import(join(kit.plugins, "frail", "plugin.ts"));
  const held = kit.host.handle(pool) as { ask(params: object, given: typeof io): Promise<unknown> };
  await expect(held.ask({}, io)).rejects.toMatchObject({ code: "PLUGIN_GONE" });
  expect(kit.host.inspect("frail")).toMatchObject({ generation: 3, error: { code: "PLUGIN_GONE" } });
});

test("what a process said last is in the log, and nobody else is told: it may hold secrets", async () => {
  await using kit = await own(
    "frail",
    frail(`ctx.method(method("frail.cries"), () => { console.error("out of luck"); process.exit(7); });`),
  );
  const message = expect.stringMatching(/^(?!.*out of luck).*whether frail\.cries took effect is not known$/);
  for (let times = 1; times <= 2; times++)
    await expect(invoke(kit.host, "frail.cries")).rejects.toMatchObject({ code: "PLUGIN_GONE", message });
  const { fields } = await kit.logged("plugin.crashed");
  expect(fields).toMatchObject({ error: "the process of frail ended with code 7", said: "out of luck" });
  const told = (await invoke(kit.host, "frail.pid").catch((error) => error)) as Error;
  expect(JSON.stringify([told.message, kit.host.inspect("frail")])).not.toContain("out of luck");
});

test("a mistake that no call can be blamed for is told, and ends nobody", async () => {
  const slips = `ctx.method(method("frail.slips"), () => { queueMicrotask(() => { throw new Error("slipped"); }); Promise.reject(new Error("forgot")); return {}; });`;
  await using kit = await own("frail", frail(slips));
  await invoke(kit.host, "frail.slips");
  const faults = () => kit.lines.filter(({ event }) => event === "plugin.fault");
  while (faults().length < 2) await new Promise((next) => setImmediate(next));
  expect(
    faults()
      .map(({ fields }) => String(fields?.["error"]))
      .join(),
  ).toMatch(/slipped[\s\S]*forgot|forgot[\s\S]*slipped/);
  expect(kit.host.inspect("frail")).toMatchObject({ state: "active", generation: 1, activity: { errors: 2 } });
});

test("a process that ends too often is not started again by itself, and is when it is asked for", async () => {
  const clock = createManualClock();
  const limits = { ...defaultLimits, crashes: 2 };
  await using kit = await own("frail", frail(), { clock, limits: () => limits });
  for (let times = 1; times <= 3; times++) {
    await expect(invoke(kit.host, "frail.exits")).rejects.toMatchObject({ code: "PLUGIN_GONE" });
    while (kit.host.inspect("frail").state === "active") await new Promise((next) => setImmediate(next));
    if (times > 1)
      await expect(invoke(kit.host, "frail.pid")).rejects.toMatchObject({ code: times === 2 ? "PLUGIN_GONE" : "PLUGIN_CRASHED" });
    await clock.advance(limits.retryLongestMs);
  }
  await expect(invoke(kit.host, "frail.pid")).rejects.toMatchObject({
    code: "PLUGIN_CRASHED",
    message: expect.stringContaining("pincer plugins reload frail"),
  });
  expect(kit.host.inspect("frail")).toMatchObject({ state: "failed", error: { code: "PLUGIN_CRASHED" } });
  await kit.host.reload("frail");
  expect(await invoke(kit.host, "frail.pid")).toMatchObject({ pid: expect.any(Number) });
});

test("a new version whose process ends too often makes way for the one before it", async () => {
  const clock = createManualClock();
  const limits = { ...defaultLimits, crashes: 1 };
  await using kit = await own("frail", frail(), { clock, limits: () => limits });
  const version = async () => ((await invoke(kit.host, "frail.pid")) as { pid: number }).pid;
  await version();
  await writePlugin(kit.plugins, "frail", frail().replace("pid: process.pid", "pid: -1"));
  await kit.host.reload("frail");
  expect(await version()).toBe(-1);
  for (const _ of [1, 2]) {
    await expect(invoke(kit.host, "frail.exits")).rejects.toMatchObject({ code: "PLUGIN_GONE" });
    while (kit.host.inspect("frail").state === "active" && kit.host.inspect("frail").error === undefined)
      await new Promise((next) => setImmediate(next));
  }
  await kit.logged("plugin.rolled-back");
  while (kit.host.inspect("frail").state !== "active") await new Promise((next) => setImmediate(next));
  expect(await version()).toBeGreaterThan(0);
});

test("a process that answers nothing is ended, and the next call has a new one", async () => {
  const clock = createManualClock();
  await using kit = await own("frail", frail(), { clock });
  await invoke(kit.host, "frail.pid");
  const spinning = invoke(kit.host, "frail.spins");
  spinning.catch(() => undefined);
  await kit.logged("frail.spins");
  await clock.advance(defaultLimits.heartbeatMs);
  await clock.advance(defaultLimits.stallMs);
  await expect(spinning).rejects.toMatchObject({ code: "PLUGIN_STALLED", retryable: true });
  expect(await invoke(kit.host, "frail.pid")).toMatchObject({ pid: expect.any(Number) });
  expect(kit.host.inspect("frail").generation).toBe(2);
});

/** One that asks `pool`, and is asked itself; each time it is, it says so. */
const asking = `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract } from "@pincer/plugin-sdk/contract";
import { defineJob } from "@pincer/plugin-sdk/job";
import { Type } from "@sinclair/typebox";
const pool = defineContract({ id: "pool", version: 1, arity: "one", members: { spend: call(Type.Object({}), Type.Object({ life: Type.Integer() })) } });
export const desk = defineContract({ id: "desk", version: 1, arity: "one", members: { ask: call(Type.Object({}), Type.Object({ life: Type.Integer() }), { safe: true }) } });
const work = defineJob({ kind: "asker.work", journal: 1, input: Type.Object({}), result: Type.Object({ life: Type.Integer() }) });
export default definePlugin({ uses: { pool }, setup(ctx) {
  const ask = (_, io) => { ctx.log.info("asker.asked"); return ctx.uses.pool.spend({}, io); };
  ctx.provide(desk, "asker", {}, { ask });
  ctx.job(work, (job) => ask({}, job));
} });`;

for (const isolation of ["inline", "process"])
  test(`of one that runs ${isolation}, the end of another that it called is an error like others: it is not called again, and its job fails`, async () => {
    await using kit = await startHost({
      clock: systemClock,
      confinement,
      config: { plugins: { frail: { isolation: "process" }, asker: { isolation } } },
      prepare: async (plugins) => {
        await writePlugin(plugins, "frail", frail().replace('deadly("spend")', "process.exit(5)"));
        await writePlugin(plugins, "asker", asking);
      },
    });
    const { desk } = await import(join(kit.plugins, "asker", "plugin.ts"));
    const held = kit.host.handle(desk) as { ask(params: object, given: typeof io): Promise<unknown> };
    await expect(held.ask({}, io)).rejects.toMatchObject({
      code: "PLUGIN_GONE",
      message: expect.stringMatching(/^(?!.*desk).*pool.spend took effect is not known$/),
    });
    expect(kit.lines.filter(({ event }) => event === "asker.asked").length).toBe(1);
    const { outcome } = await kit.lanes.admit({ lane: "job:asker:a", kind: "asker.work", key: "a", input: {} });
    expect(await outcome).toMatchObject({ state: "failed", result: { code: "PLUGIN_GONE" } });
  });

test("whoever reaches an open route ends no process by saying much at once", async () => {
  const takes = `ctx.route("/plugins/frail", { access: "open" }, async (request) => new Response(String((await request.bytes()).length)));`;
  await using kit = await own("frail", frail(takes), { clock: systemClock });
  const body = new Uint8Array(16_000_000);
  const said = Array.from({ length: 12 }, () =>
    kit.host.routes.match("/plugins/frail")!.handle(new Request("http://gateway/plugins/frail", { method: "POST", body })),
  );
  for (const answer of await Promise.all(said)) expect(await answer.text()).toBe("16000000");
  expect(kit.host.inspect("frail")).toMatchObject({ state: "active", generation: 1 });
});
