/** What was used outlives the gateway, however it ends, and a new generation of the plugin. */

import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BudgetReport } from "@pincer/plugin-sdk/contracts/budgets";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { startScript } from "@pincer/plugin-sdk/testing/script";
import { startSpending } from "../../tests/fixtures/budgets.ts";
import { createCliHome } from "../../tests/support/cli.ts";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";

test("kill -9 in the middle of a call: what it was expected to use is used, nothing stays held, and the resumed turn counts as well", async () => {
  await using vendor = startOpenAiVendor();
  await using home = createCliHome();
  const lab = { baseUrl: `${vendor.origin}/v1`, key: "lab-key", models: ["one"] };
  const config = {
    plugins: { "provider-openai": { enabled: true, config: { endpoints: { lab } } } },
    models: { default: "lab/one", prices: { "lab/one": { input: 1_000, output: 1_000 } } },
    budgets: { answerTokens: 1_000, limits: { daily: { per: "day", usd: 100 } } },
  };
  for (const [key, value] of Object.entries(config))
    expect((await home.pincer(["config", "set", key, JSON.stringify(value)])).code).toBe(0);
  const call = <T>(method: string, params: object) => home.json<T>(["call", method, JSON.stringify(params)]);
  const daily = async () => (await call<BudgetReport>("budgets.show", {})).limits[0]?.usd;

  expect((await home.pincer(["up"])).code).toBe(0);
  vendor.answer({ steps: [{ text: ["first"] }], usage: { input: 1_000, output: 1_000 } });
  await call("agent.wait", {
    runId: (await call<{ runId: string }>("chat.send", { sessionKey: "main", message: "hi", idempotencyKey: "1" })).runId,
  });
  expect((await daily())?.used).toBe(2);

  vendor.answer({ steps: [{ text: ["never"] }], end: "hang" });
  await call("chat.send", { sessionKey: "main", message: "and now?", idempotencyKey: "2" });
  await vendor.received(2);
  // What is written behind it in the same store is durable: so is what was held.
  await call("chat.inject", { sessionKey: "main", message: "a line" });
  const held = (await daily())?.held ?? 0;
  expect(held).toBeGreaterThan(1);
  const { pid } = await home.json<{ pid: number }>(["status"]);
  process.kill(pid, "SIGKILL");

  vendor.answer({ steps: [{ text: ["resumed"] }], usage: { input: 3_000, output: 1_000 } });
  expect((await home.pincer(["up"])).code).toBe(0);
  expect(await call<object>("agent.wait", { runId: "2", timeoutMs: 20_000 })).toMatchObject({ status: "ok" });
  const after = await daily();
  expect(after?.held).toBe(0);
  expect(after?.used).toBeCloseTo(2 + held + 4, 6);
  await home.pincer(["stop"]);
  const store = new Database(join(home.path, "pincer.db"), { readonly: true });
  expect(store.query("select key from plugin_value where plugin = 'budgets' and key like 'open/%'").all()).toEqual([]);
  store.close();
}, 120_000);

test("what was used is known to the next start, and a restart neither gives nor takes", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-budgets-"));
  const script = startScript();
  const start = () => startSpending({ home, script, limits: { daily: { per: "day", usd: 0.002 } } });
  for (const [round, state] of [
    [1, "final"],
    [2, "final"],
    [3, "error"],
  ] as const) {
    await using talk = await start();
    expect(await talk.ask(`round ${round}`)).toMatchObject({ state });
    expect((await talk.show()).today.calls).toBe(Math.min(round, 2));
  }
  await script.stop();
  await rm(home, { recursive: true, force: true });
});

test("a generation that takes over in the middle of a call counts its end, once", async () => {
  await using talk = await startSpending({ limits: { daily: { per: "day", usd: 1 } } });
  const { promise: until, resolve: release } = Promise.withResolvers<void>();
  talk.script.answer(async function* () {
    await until;
    yield { text: "late" };
  });
  const runId = await talk.say("hello");
  await talk.script.modelCall(0);
  const { host } = talk.gateway.gateway;
  await host.reload("budgets");
  expect((await talk.show()).limits[0]?.usd?.held).toBeGreaterThan(0);
  release();
  await talk.end(runId);
  expect((await talk.show()).limits).toMatchObject([{ usd: { used: 0.001, held: 0 } }]);
  await host.reload("budgets");
  expect(await talk.show()).toMatchObject({ today: { calls: 1 }, limits: [{ usd: { used: 0.001, held: 0 } }] });
});

for (const isolation of ["inline", "process"] as const)
  testIn(isolation)(
    `a call that outlasts the drain of the plugin models (${isolation}) is counted once, and so is the one that takes its place`,
    async () => {
      const config = {
        gateway: { plugins: { hookMs: 30_000, drainMs: 0 } },
        plugins: { models: { isolation } },
        models: { default: "scripted/one", prices: { "scripted/one": { input: 1_000, output: 1_000 } } },
      };
      await using talk = await startSpending({ config, limits: { daily: { per: "day", usd: 100 } } });
      const { promise: until, resolve: release } = Promise.withResolvers<void>();
      talk.script.answer(async function* (_request, signal) {
        yield { text: "The first half" };
        signal.addEventListener("abort", () => release());
        await until;
      });
      talk.script.otherwise([{ text: "The whole answer." }]);
      const runId = await talk.say("hello");
      await talk.client.event("chat", ({ state }) => state === "delta");
      const { host } = talk.gateway.gateway;
      await host.reload("models");
      await talk.gateway.logged("plugin.drain-late");
      await until;
      expect(await talk.end(runId)).toMatchObject({ state: "final", message: { content: [{ text: "The whole answer." }] } });
      expect(talk.script.models).toHaveLength(2);
      const { today, limits } = await talk.show();
      expect(today.calls).toBe(2);
      expect(limits[0]?.usd).toMatchObject({ held: 0, used: today.usd });
      const { totals } = await talk.client.call<{ totals: { calls: number; totalCost: number } }>("usage.cost", { days: 1 });
      expect(totals.calls).toBe(2);
      expect(totals.totalCost / today.usd).toBeCloseTo(1, 1);
      expect(talk.gateway.lines.filter(({ event }) => /not-told|not-kept/.test(String(event)))).toEqual([]);
    },
  );

test("a call of whose end nobody tells is taken to have used what was expected, and holds nothing for ever", async () => {
  const clock = createManualClock();
  await using talk = await startSpending({ clock, limits: { daily: { per: "day", usd: 1 } }, budgets: { heldMs: 600_000 } });
  talk.script.answer(async function* (_request, signal) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const runId = await talk.say("hello");
  await talk.script.modelCall(0);
  const held = (await talk.show()).limits[0]?.usd?.held ?? 0;
  expect(held).toBeGreaterThan(0);
  await clock.advance(601_000);
  expect((await talk.show()).limits).toMatchObject([{ usd: { used: held, held: 0 } }]);
  expect(talk.gateway.lines.filter(({ event }) => event === "budgets.end-not-told")).toHaveLength(1);
  // Should its end be told after all, what it came to takes the place of that: a tenth of a cent, as the vendor says.
  await talk.command("/stop");
  await talk.end(runId);
  expect(await talk.show()).toMatchObject({ today: { calls: 1 }, limits: [{ usd: { used: 0.001, held: 0 } }] });
});

test("unloading leaves nothing behind, and without the plugin nothing is limited", async () => {
  const clock = createManualClock();
  await using talk = await startSpending({ clock, limits: { daily: { per: "day", usd: 0 } } });
  const { host } = talk.gateway.gateway;
  expect(await talk.ask("one")).toMatchObject({ state: "error" });
  const timers = clock.timers;
  await host.setEnabled("budgets", false);
  await clock.advance(600_000);
  expect(clock.timers).toBeLessThanOrEqual(timers);
  expect(await talk.ask("two")).toMatchObject({ state: "final" });
  expect(await talk.command("/usage")).toBe(
    "What was used is counted (pincer call usage.cost); to see it here, and for limits: pincer plugins enable budgets",
  );
  expect(host.methods.find("budgets.show")).toBeUndefined();
  expect(talk.gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});
