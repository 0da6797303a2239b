import { expect, test } from "bun:test";
import { join } from "node:path";
import { defineContract, stream } from "@pincer/plugin-sdk/contract";
import { hasCode } from "@pincer/plugin-sdk/error";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { Type } from "@sinclair/typebox";
import { defaultLimits, type HostKit, startHost, writePlugin } from "../tests/fixtures/plugin-host.ts";
import { invoke, io, own } from "../tests/support/frail.ts";

const State = Type.Object({ state: Type.String() });
const line = defineContract({
  id: "line",
  version: 1,
  arity: "many",
  members: { start: stream(Type.Object({ position: Type.Integer() }), State, Type.Object({}), { held: { state: "connected" } }) },
});

/** A platform that lets one poll at a time, counts those who break that, and numbers what it has to say. */
class Platform {
  polling = 0;
  refused = false;
  conflicts = 0;
  next = 1;
  async poll(signal: AbortSignal): Promise<number[]> {
    if (this.polling > 0) {
      this.conflicts++;
      throw new Error("conflict");
    }
    this.polling++;
    try {
      await new Promise((resolve) => setImmediate(resolve));
      return signal.aborted ? [] : [this.next++];
    } finally {
      this.polling--;
    }
  }
}

const source = (version: number, how: "works" | "fails" | "is refused once" | "never connects" = "works") => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineContract, stream } from "@pincer/plugin-sdk/contract";
import { defineErrors } from "@pincer/plugin-sdk/error";
import { Type } from "@sinclair/typebox";
const errors = defineErrors({ LINE_BUSY: { message: "another poll is held", wire: "UNAVAILABLE", retryable: true } });
const line = defineContract({ id: "line", version: 1, arity: "many", members: {
  start: stream(Type.Object({ position: Type.Integer() }), Type.Object({ state: Type.String() }), Type.Object({}), { held: { state: "connected" } }) } });
export default definePlugin({ setup(ctx) {
  ctx.provide(line, "line", {}, { async *start(_, { signal }) {
    yield { state: "connecting ${version}" };
    if ("${how}" === "fails") throw new Error("no such bot");
    if ("${how}" === "is refused once" && !platform.refused) { platform.refused = true; throw errors.LINE_BUSY(); }
    if ("${how}" === "never connects") { await new Promise((r) => signal.addEventListener("abort", r)); return {}; }
    for (let up = false; !signal.aborted; ) {
      const updates = await platform.poll(signal);
      if (!up) { up = true; yield { state: "connected" }; }
      for (const update of updates) accept(update);
    }
    return {};
  } });
} });`;

/** Reads the connection as a channel manager does: told that it was replaced, it starts again, at once, from what was kept. */
function manage(kit: HostKit) {
  const accepted: number[] = [];
  const states: string[] = [];
  const stop = new AbortController();
  const connected = new Map<number, PromiseWithResolvers<void>>();
  const times = (n: number) => connected.get(n) ?? connected.set(n, Promise.withResolvers()).get(n)!;
  let count = 0;
  const platform = new Platform();
  Object.assign(globalThis, { platform, accept: (update: number) => accepted.push(update) });
  const ended = (async () => {
    while (!stop.signal.aborted) {
      try {
        for await (const { state } of kit.host
          .handle(line)
          .get("line")
          .start({ position: accepted.at(-1) ?? 0 }, { signal: stop.signal })) {
          states.push(state);
          if (state === "connected") times(++count).resolve();
        }
      } catch (error) {
        states.push(hasCode(error, "PLUGIN_REPLACED") ? "replaced" : "failed");
        if (!hasCode(error, "PLUGIN_REPLACED")) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  })();
  const stopped = () => {
    stop.abort();
    return ended;
  };
  return { accepted, states, platform, connected: (n: number) => times(n).promise, stop: stopped };
}
const begin = (version: number, options = {}) =>
  startHost({ prepare: (plugins) => writePlugin(plugins, "line", source(version)).then(() => undefined), ...options });
const swapTo = async (kit: HostKit, text: string) => {
  await Bun.write(join(kit.plugins, "line", "plugin.ts"), text);
  return kit.host.reload("line");
};

test("a connection that only one may hold is taken over: the old one ends first, nothing is lost or taken twice", async () => {
  await using kit = await begin(1);
  const manager = manage(kit);
  await manager.connected(1);
  for (let version = 2; version <= 50; version++) await swapTo(kit, source(version));
  await manager.connected(50);
  await manager.stop();
  const { accepted, platform, states } = manager;
  expect(platform.conflicts).toBe(0);
  expect(accepted).toEqual(accepted.map((_, index) => index + 1));
  expect(states.filter((state) => state === "replaced").length).toBe(49);
  expect(states).toContain("connecting 50");
});

test("a generation that cannot connect gives the connection back to the one before", async () => {
  await using kit = await begin(1);
  const manager = manage(kit);
  await manager.connected(1);
  const error = await swapTo(kit, source(2, "fails")).catch((reason) => reason);
  expect(error).toMatchObject({ code: "PLUGIN_NOT_CONNECTED", message: expect.stringContaining("ended before it was made") });
  await manager.connected(2);
  expect(manager.states.at(-2)).toBe("connecting 1");
  expect(kit.host.inspect("line").state).toBe("active");
  await manager.stop();
  expect(manager.platform.conflicts).toBe(0);
  expect(manager.accepted).toEqual(manager.accepted.map((_, index) => index + 1));
});

test("a first attempt that is refused for now, as by a platform that still sees the old connection, is tried again", async () => {
  await using kit = await begin(1);
  const manager = manage(kit);
  await manager.connected(1);
  await swapTo(kit, source(2, "is refused once"));
  await manager.connected(2);
  expect(manager.platform.refused).toBe(true);
  expect(manager.states.filter((state) => state !== "connected").slice(1)).toEqual(["replaced", "connecting 2", "failed", "connecting 2"]);
  await manager.stop();
});

test("a generation that does not connect in time gives the connection back", async () => {
  const clock = createManualClock();
  await using kit = await begin(1, { clock });
  const manager = manage(kit);
  await manager.connected(1);
  const swapping = swapTo(kit, source(2, "never connects")).catch((reason) => reason);
  while (!manager.states.includes("connecting 2")) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(30_000);
  expect(await swapping).toMatchObject({ code: "PLUGIN_NOT_CONNECTED", message: expect.stringContaining("not connected in 30000 ms") });
  await manager.connected(2);
  expect(manager.states.at(-2)).toBe("connecting 1");
  await manager.stop();
});

test("a connection is no reason to keep a replaced generation: it does not count in its drain", async () => {
  const clock = createManualClock();
  await using kit = await begin(1, { clock });
  const manager = manage(kit);
  await manager.connected(1);
  await swapTo(kit, source(2));
  await manager.connected(2);
  while (kit.host.inspect("line").draining.length > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(kit.lines.filter(({ event }) => event.startsWith("plugin.drain"))).toEqual([]);
  await manager.stop();
});

const apart = (version: number) => `
import { definePlugin } from "@pincer/plugin-sdk";
import { defineContract, stream } from "@pincer/plugin-sdk/contract";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
const line = defineContract({ id: "line", version: 1, arity: "many", members: {
  start: stream(Type.Object({ position: Type.Integer() }), Type.Object({ state: Type.String() }), Type.Object({}), { held: { state: "connected" } }) } });
const Life = Type.Object({ pid: Type.Integer(), version: Type.Integer() });
export default definePlugin({ setup(ctx) {
  ctx.method(defineMethod({ name: "line.life", summary: "x", scope: "any", params: Type.Object({}), result: Life }), () => ({ pid: process.pid, version: ${version} }));
  ctx.provide(line, "line", {}, { async *start(_, { signal }) {
    yield { state: "connecting ${version}" };
    if (${version} === 1) yield { state: "connected" };
    await new Promise((r) => signal.addEventListener("abort", r));
    return {};
  } });
} });`;

test("a process that dies while its successor is waited for is started anew when that one fails", async () => {
  const clock = createManualClock();
  await using kit = await own("line", apart(1), { clock });
  const manager = manage(kit);
  await manager.connected(1);
  const before = (await invoke(kit.host, "line.life")) as { pid: number };
  const swapping = swapTo(kit, apart(2)).catch((reason) => reason);
  while (!manager.states.includes("connecting 2")) await new Promise((resolve) => setImmediate(resolve));
  process.kill(before.pid, "SIGKILL");
  await kit.logged("plugin.crashed");
  await clock.advance(30_000);
  expect(await swapping).toMatchObject({ code: "PLUGIN_NOT_CONNECTED" });
  const after = (await invoke(kit.host, "line.life")) as { pid: number };
  expect(after).toMatchObject({ version: 1 });
  expect(after.pid).not.toBe(before.pid);
  expect(kit.host.inspect("line")).toMatchObject({ state: "active", generation: 3, error: undefined });
  await manager.connected(2);
  await manager.stop();
});

test("whoever holds a connection and reads no further is waited for so long, and named: the gateway stops all the same", async () => {
  const clock = createManualClock();
  await using kit = await begin(1, { clock });
  Object.assign(globalThis, { platform: new Platform(), accept: () => undefined });
  const states = kit.host.handle(line).get("line").start({ position: 0 }, io);
  for (let at = await states.next(); !at.done && at.value.state !== "connected"; ) at = await states.next();
  let isStopped = false;
  const stopped = kit.host.stop().then(() => {
    isStopped = true;
  });
  while (!isStopped) await clock.advance(defaultLimits.unloadMs);
  await stopped;
  expect((await kit.logged("plugin.hangs")).fields).toMatchObject({
    plugin: "line",
    waitingFor: ["a connection whose reader does not let it go"],
  });
});
