/** Plugins in processes of their own, under a host of a test's: one that a test writes, and one whose process is easily ended. */
import type { PluginHost } from "../../plugin-host/host.ts";
import { type HostKit, type HostOptions, startHost, writePlugin } from "../fixtures/plugin-host.ts";

export const io = { signal: new AbortController().signal };
const connection = {
  ...{ id: "c", principal: "p", clientId: "cli", clientMode: "cli", clientVersion: "1", remoteAddress: "", caps: new Set(["a"]) },
  ...{ displayName: undefined, deviceId: undefined },
};
const call = { connection, role: "operator", scopes: [], signal: io.signal, accepted: () => undefined } as never;
export const invoke = async (host: PluginHost, method: string, params: unknown = {}) =>
  (await host.methods.find(method)!.resolve()).invoke(params, call);
/** What these tests are about works with a sandbox and without; tests/isolation is about the sandbox. */
export const confinement = async () => ({ missing: "these tests run without one", mend: "" });

/** A plugin of a test's own, in its own process. */
export const own = (id: string, source: string, options: HostOptions = {}) =>
  startHost({
    confinement,
    config: { plugins: { [id]: { isolation: "process" } } },
    ...options,
    prepare: (plugins) => writePlugin(plugins, id, source).then(() => undefined),
  });
export const kill = (kit: HostKit, id: string) => process.kill(kit.host.inspect(id).pid!, "SIGKILL");

export const frail = (more = "") => `
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
  ctx.method(method("frail.spins"), async () => { ctx.log.info("frail.spins"); await new Promise((turn) => setImmediate(turn)); for (;;); });
  ctx.method(method("frail.exits"), () => process.exit(3));
  ctx.job(work, async (job) => {
    const first = await job.effect("first", null, () => count("first"), { replay: "safe" });
    const second = await job.effect("second", null, async () => { if ((await lives()) < 2) { ctx.log.info("frail.waits", { what: "second" }); await new Promise(() => {}); } return count("second"); }, { replay: "safe" });
    const third = await job.effect("third", null, () => count("third"));
    return { steps: [first, second, third.ok ? third.value : -1] };
  });
  ${more}
} });`;
