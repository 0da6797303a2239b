import { beforeEach, expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";
import { forget, speakerSource, startSpeaker, swapTo, told, versionOf } from "../tests/support/speaker.ts";

beforeEach(forget);

test("unloading undoes everything once, last first, and nothing of the context works afterwards", async () => {
  const clock = createManualClock();
  const also = `
    globalThis.kept = ctx;
    ctx.onUnload(() => told.push("first"));
    ctx.own({ [Symbol.dispose]: () => told.push("second") });
    ctx.onUnload(async () => { await ctx.store.set({ last: 1 }); told.push("third"); });
    ctx.service("clockwork", async (signal) => { told.push("begun"); await ctx.clock.sleep(1e9, signal).catch(() => told.push("ended")); });
    ctx.signal.addEventListener("abort", () => told.push("signal"));`;
  await using kit = await startSpeaker(speakerSource(1, { also }), { clock });
  await versionOf(kit);
  told.length = 0;
  await kit.host.setEnabled("speaker", false);
  expect(told).toEqual(["ended", "signal", "third", "second", "first"]);
  expect(clock.timers).toBe(0);
  const kept = (
    globalThis as unknown as { kept: { store: { get(key: string): Promise<unknown> }; onUnload(run: () => void): void; uses: object } }
  ).kept;
  await expect(kept.store.get("last")).rejects.toMatchObject({ code: "PLUGIN_UNLOADED" });
  expect(() => kept.onUnload(() => undefined)).toThrow(expect.objectContaining({ code: "PLUGIN_UNLOADED" }));
  await expect(versionOf(kit)).rejects.toMatchObject({ code: "CAPABILITY_MISSING" });
});

test("a cleanup that hangs is named, and the others still run", async () => {
  const clock = createManualClock();
  const also =
    "ctx.onUnload(() => told.push('after')); ctx.own(new (class Socket { [Symbol.asyncDispose]() { return ctx.home.includes('record') ? undefined : new Promise(() => {}); } })());";
  const kit = await startSpeaker(speakerSource(1, { also }), { clock });
  await versionOf(kit);
  told.length = 0;
  const stopping = kit[Symbol.asyncDispose]();
  await clock.armed();
  await clock.advance(5_000);
  await stopping;
  expect((await kit.logged("plugin.hangs")).fields).toMatchObject({ plugin: "speaker", waitingFor: ["Socket"] });
  expect(told).toEqual(["after"]);
});

test("a plugin without calls for its idle seconds is unloaded, and comes back at the next call", async () => {
  const clock = createManualClock();
  await using kit = await startHost({
    clock,
    prepare: (plugins) => writePlugin(plugins, "speaker", speakerSource(1), { idleSeconds: 10 }).then(() => undefined),
  });
  await versionOf(kit);
  await clock.advance(9_000);
  await versionOf(kit);
  await clock.advance(9_000);
  expect(kit.host.inspect("speaker").state).toBe("active");
  await clock.advance(1_000);
  expect(kit.host.inspect("speaker").state).toBe("idle");
  expect(await versionOf(kit)).toBe(1);
  expect(kit.host.inspect("speaker").generation).toBe(2);
});

test("services of two generations never overlap", async () => {
  const service = {
    also: "ctx.service('one', async (signal) => { told.push('begin ' + version); await new Promise((r) => signal.addEventListener('abort', r)); await new Promise((r) => setImmediate(r)); told.push('end ' + version); });",
  };
  await using kit = await startSpeaker(speakerSource(1, service));
  await versionOf(kit);
  await swapTo(kit, speakerSource(2, service));
  await swapTo(kit, speakerSource(3, service));
  expect(told).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3"]);
});
