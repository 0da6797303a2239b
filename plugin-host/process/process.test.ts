import { expect, test } from "bun:test";
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { promptBuilding } from "@pincer/plugin-sdk/hooks";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type HostKit, type HostOptions, startHost, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { counter } from "../../tests/fixtures/plugins/everything/contract.ts";
import type { PluginHost } from "../host.ts";
import { defaultLimits } from "../limits.ts";

const root = join(import.meta.dir, "..", "..");
const io = { signal: new AbortController().signal };
const connection = {
  ...{ id: "c", principal: "p", clientId: "cli", clientMode: "cli", clientVersion: "1", remoteAddress: "", caps: new Set(["a"]) },
  ...{ displayName: undefined, deviceId: undefined },
};
const call = { connection, role: "operator", scopes: [], signal: io.signal, accepted: () => undefined } as never;
const invoke = async (host: PluginHost, method: string, params: unknown = {}) =>
  (await host.methods.find(method)!.resolve()).invoke(params, call);
/** What these tests are about works with a sandbox and without; tests/isolation is about the sandbox. */
const confinement = async () => ({ missing: "these tests run without one", mend: "" });

const everything = (config = {}): HostOptions => ({
  confinement,
  scopeOf: (event) => (event === "bell.rang" ? "any" : undefined),
  folders: [join(root, "tests", "fixtures", "plugins")],
  provide: (host) => host.provide(sessions, () => ({ ensure: async () => null, get: async () => null }) as never),
  config: {
    plugins: { "scripted-channel": { enabled: false }, counter: { enabled: false }, everything: { isolation: "process", ...config } },
  },
  secret: async (name, plugin) => `${name} of ${plugin}`,
});

test("every kind of registration reaches a plugin in its own process", async () => {
  await using kit = await startHost(everything());
  const { host } = kit;
  expect(host.inspect("everything")).toMatchObject({ isolation: "process", state: "idle" });
  expect(await invoke(host, "everything.status")).toEqual({ greeting: "hello", config: 0, events: 0, services: 1, kept: 1 });
  expect(host.inspect("everything")).toMatchObject({ isolation: "process", enforced: false, state: "active", pid: expect.any(Number) });
  expect(await invoke(host, "everything.status")).toMatchObject({ kept: 2 });
  const prompt = await host.run(promptBuilding, { sessionKey: "s", agentId: "a", runId: "r", sections: [] });
  expect(prompt.sections).toEqual([{ id: "everything", text: "hello" }]);
  const get = async (path: string) => (await host.routes.match(path)!.handle(new Request(`http://x${path}`))).text();
  expect(await get("/everything")).toBe("hello");
  expect(await get("/everything/secret")).toBe("everything-key of everything");
  expect(await host.health()).toEqual({ everything: { ok: true, detail: "0 sums" } });
  const items: unknown[] = [];
  const stream = host.handle(counter).get("plain").count({ until: 3 }, io);
  let step = await stream.next();
  for (; !step.done; step = await stream.next()) items.push(step.value);
  expect({ items, result: step.value }).toEqual({ items: [{ n: 1 }, { n: 2 }, { n: 3 }], result: { last: 3 } });
  expect(host.handle(counter).get("plain").reset).toBeFunction();
  expect(host.handle(counter).get("plain").undo).toBeUndefined();
  await host.handle(counter).get("plain").add({ to: "a", amount: 1 }, io);
  expect(kit.emitted).toContainEqual({ event: "everything.happened", payload: { sum: 1 } });
  const { scope } = (await host.methods.find("everything.call")!.resolve()).method as { scope: { of(params: unknown): unknown } };
  expect(await scope.of({ method: "x.y" })).toBe("operator.admin");
  host.deliver("bell.rang", () => ({}));
  expect(await invoke(host, "everything.status")).toMatchObject({ events: 1 });
  const admitted = await kit.lanes.admit({ lane: "job:everything:x", kind: "everything.tally", key: "x", input: { amount: 4 } });
  expect(await admitted.outcome).toMatchObject({ state: "done", result: { sum: 4 } });
});

test("a live change of the configuration is seen in the process, and told there", async () => {
  await using kit = await startHost(everything());
  expect(await invoke(kit.host, "everything.status")).toMatchObject({ greeting: "hello", config: 0 });
  await kit.configure({ plugins: { everything: { isolation: "process", config: { greeting: "good day" } } } });
  expect(await invoke(kit.host, "everything.status")).toMatchObject({ greeting: "good day", config: 1 });
});

test("what a plugin throws in its process is blamed and logged as here, and its own errors keep their code", async () => {
  const source = `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const errors = defineErrors({ FUSSY_REFUSED: { message: "no", wire: "FORBIDDEN" } });
const method = (name) => defineMethod({ name, summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) });
export default definePlugin({ setup(ctx) {
  ctx.method(method("fussy.refuses"), () => { throw errors.FUSSY_REFUSED("not today", { data: { day: 1 } }); });
  ctx.method(method("fussy.fails"), () => { throw new Error("inside"); });
  ctx.service("fails", async () => { throw new Error("alone"); });
} });`;
  await using kit = await own("fussy", source);
  await expect(invoke(kit.host, "fussy.refuses")).rejects.toMatchObject({ code: "FUSSY_REFUSED", message: "not today", data: { day: 1 } });
  await expect(invoke(kit.host, "fussy.fails")).rejects.toMatchObject({
    code: "PLUGIN_FAULT",
    message: expect.stringMatching(/^fussy failed in fussy.fails: .* pincer logs$/),
  });
  const faults = () => kit.lines.filter(({ event }) => event === "plugin.fault").map(({ fields }) => fields);
  expect(faults()).toContainEqual(expect.objectContaining({ what: "fussy.fails", error: expect.stringContaining("Error: inside") }));
  expect(faults()).toContainEqual(expect.objectContaining({ what: "service fails", error: expect.stringContaining("alone") }));
});

/** A plugin of a test's own, in its own process. */
const own = (id: string, source: string, options: HostOptions = {}) =>
  startHost({
    confinement,
    config: { plugins: { [id]: { isolation: "process" } } },
    ...options,
    prepare: (plugins) => writePlugin(plugins, id, source).then(() => undefined),
  });
const kill = (kit: HostKit, id: string) => process.kill(kit.host.inspect(id).pid!, "SIGKILL");

const frail = (more = "") => `
import { definePlugin } from "@pincer/plugin-sdk";
import { call, defineContract } from "@pincer/plugin-sdk/contract";
import { defineJob } from "@pincer/plugin-sdk/job";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const method = (name, result = Type.Object({})) => defineMethod({ name, summary: "x", scope: "operator.read", params: Type.Object({}), result });
export const pool = defineContract({ id: "pool", version: 1, arity: "one", members: {
  ask: call(Type.Object({}), Type.Object({ life: Type.Integer() }), { safe: true }), spend: call(Type.Object({}), Type.Object({ life: Type.Integer() })) } });
const work = defineJob({ kind: "frail.work", journal: 1, input: Type.Object({}), result: Type.Object({ steps: Type.Array(Type.Integer()) }) });
export default definePlugin({ async setup(ctx) {
  const count = async (name) => { const n = ((await ctx.store.get(name)) ?? 0) + 1; await ctx.store.set({ [name]: n }); return n; };
  let life; const lives = () => (life ??= count("lives"));
  const deadly = async (what) => { const is = await lives(); if (is < 2) { ctx.log.info("frail.waits", { what }); await new Promise(() => {}); } return { life: is }; };
  ctx.provide(pool, "frail", {}, { ask: () => deadly("ask"), spend: () => deadly("spend") });
  ctx.method(method("frail.pid", Type.Object({ pid: Type.Integer() })), () => ({ pid: process.pid }));
  ctx.method(method("frail.spins"), () => { for (;;); });
  ctx.method(method("frail.exits"), () => process.exit(3));
  ctx.job(work, async (job) => {
    const first = await job.effect("first", null, () => count("first"), { replay: "safe" });
    const second = await job.effect("second", null, async () => { if ((await lives()) < 2) { ctx.log.info("frail.waits", { what: "second" }); await new Promise(() => {}); } return count("second"); }, { replay: "safe" });
    const third = await job.effect("third", null, () => count("third"));
    return { steps: [first, second, third.ok ? third.value : -1] };
  });
  ${more}
} });`;

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
  await expect(spent).rejects.toMatchObject({ code: "PLUGIN_GONE", retryable: true });
  expect(await asked).toEqual({ life: 2 });
  expect((await kit.logged("plugin.crashed")).fields).toMatchObject({ plugin: "frail", error: expect.stringContaining("SIGKILL") });
});

test("what a process said last is told with its death", async () => {
  await using kit = await own(
    "frail",
    frail(`ctx.method(method("frail.cries"), () => { console.error("out of luck"); process.exit(7); });`),
  );
  await expect(invoke(kit.host, "frail.cries")).rejects.toMatchObject({ code: "PLUGIN_GONE" });
  expect((await kit.logged("plugin.crashed")).fields["error"]).toContain("ended with code 7; it said: out of luck");
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
  await clock.advance(defaultLimits.heartbeatMs);
  await clock.advance(defaultLimits.stallMs);
  await expect(spinning).rejects.toMatchObject({ code: "PLUGIN_STALLED", retryable: true });
  expect(await invoke(kit.host, "frail.pid")).toMatchObject({ pid: expect.any(Number) });
  expect(kit.host.inspect("frail").generation).toBe(2);
});

test("a reload swaps processes: calls that run end where they began, and the old process goes", async () => {
  const slow = `const go = Promise.withResolvers();
  ctx.method(method("frail.slow", Type.Object({ version: Type.Integer() })), async () => { ctx.log.info("frail.slow"); await go.promise; return { version: 1 }; });
  ctx.method(method("frail.go"), () => { go.resolve(); return {}; });`;
  await using kit = await own("frail", frail(slow), { clock: systemClock });
  const first = ((await invoke(kit.host, "frail.pid")) as { pid: number }).pid;
  const running = invoke(kit.host, "frail.slow");
  await kit.logged("frail.slow");
  await writePlugin(kit.plugins, "frail", frail(slow.replace("version: 1", "version: 2").replace("await go.promise;", "")));
  expect(await kit.host.reload("frail")).toMatchObject({ generation: 2 });
  expect(await invoke(kit.host, "frail.slow")).toEqual({ version: 2 });
  const [draining] = kit.host.inspect("frail").draining;
  expect(draining).toEqual({ generation: 1, calls: ["frail.slow"] });
  expect(() => process.kill(first, 0)).not.toThrow();
  process.kill(first, "SIGKILL"); // a call cannot be let go over there any more: it dies with its process
  await expect(running).rejects.toMatchObject({ code: "PLUGIN_GONE" });
  expect(await invoke(kit.host, "frail.slow")).toEqual({ version: 2 });
});

test("what goes wrong in a process's setup is told with file, line and reason, and the version that runs stays", async () => {
  await using kit = await own("frail", frail());
  const { pid } = (await invoke(kit.host, "frail.pid")) as { pid: number };
  await writePlugin(kit.plugins, "frail", frail());
  writeFileSync(join(kit.plugins, "frail", "plugin.ts"), frail("throw new Error('not today');"));
  await expect(kit.host.reload("frail")).rejects.toMatchObject({
    code: "PLUGIN_LOAD_FAILED",
    message: expect.stringContaining("not today"),
  });
  writeFileSync(join(kit.plugins, "frail", "plugin.ts"), `${frail()}\nconst half = {`);
  await expect(kit.host.reload("frail")).rejects.toMatchObject({
    code: "PLUGIN_LOAD_FAILED",
    data: { file: "plugin.ts", line: expect.any(Number) },
  });
  writeFileSync(join(kit.plugins, "frail", "plugin.ts"), frail(`ctx.method(method("frail.more"), () => ({}));`));
  await expect(kit.host.reload("frail")).rejects.toMatchObject({
    code: "PLUGIN_UNDECLARED",
    message: expect.stringContaining("frail.more"),
  });
  expect(await invoke(kit.host, "frail.pid")).toEqual({ pid });
});

test("a plugin that is not of this repository does not start where nothing can confine it, unless the operator says so in so many words", async () => {
  const installed = (plugins: string) => join(plugins, "..", "installed");
  const options: HostOptions = {
    confinement: async () => ({ missing: "bubblewrap is not installed", mend: "apt-get install bubblewrap" }),
    idle: true,
  };
  await using kit = await startHost({
    ...options,
    prepare: async (plugins) => {
      await writePlugin(installed(plugins), "frail", frail());
      symlinkSync(join(root, "node_modules"), join(installed(plugins), "node_modules"));
      const versions = join(installed(plugins), "kept", "frail");
      mkdirSync(versions, { recursive: true });
      renameSync(join(installed(plugins), "frail"), join(versions, "v1"));
    },
    roots: [],
  });
  const host = await startHost({
    ...options,
    idle: false,
    roots: [{ path: join(installed(kit.plugins), "kept"), layout: "installed", enabled: true }],
  });
  await using running = host;
  await expect(invoke(running.host, "frail.pid")).rejects.toMatchObject({
    code: "PLUGIN_UNTRUSTED",
    message: expect.stringContaining("plugins.frail.isolation"),
  });
  await running.configure({ plugins: { frail: { isolation: "process" } } });
  await expect(invoke(running.host, "frail.pid")).rejects.toMatchObject({
    code: "PLUGIN_UNTRUSTED",
    message: expect.stringMatching(/bubblewrap is not installed; apt-get install bubblewrap, or set plugins.frail.unsandboxed to true/),
  });
  expect(running.host.inspect("frail")).toMatchObject({ isolation: "process", enforced: false, state: "failed" });
  await running.configure({ plugins: { frail: { unsandboxed: true } } });
  expect(await invoke(running.host, "frail.pid")).toEqual({ pid: process.pid });
  expect(running.host.inspect("frail")).toMatchObject({ isolation: "inline", enforced: false });
});
