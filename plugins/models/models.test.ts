import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { startAnthropicVendor } from "../../tests/vendors/anthropic/server.ts";
import { startOllamaVendor } from "../../tests/vendors/ollama/server.ts";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";
import catalogue from "./catalogue.json" with { type: "json" };
import { CatalogueFile } from "./catalogue.ts";
import { nearest } from "./names.ts";
import { costOf, priceFor } from "./prices.ts";

type Json = Readonly<Record<string, unknown>>;
const DAY_MS = 86_400_000;
const ok = { steps: [{ text: ["ok"] }] };
const refOf = ({ provider, id }: Json) => `${provider}/${id}`;
const modelsOf = async (gateway: Awaited<ReturnType<typeof startModelsGateway>>, params: Json = {}) =>
  (await gateway.call("models.list", params)).models as readonly Json[];

/** `lab` at a scripted server that speaks OpenAI's API, under the plugin's own configuration. */
const lab = (origin: string, more: Json = {}) => ({ "provider-openai": { endpoints: { lab: { baseUrl: `${origin}/v1`, ...more } } } });

describe("which model a reference means", () => {
  test("without a key the offline demo answers; its name says what it is", async () => {
    await using gateway = await startModelsGateway({ plugins: { "provider-openai": {}, "provider-anthropic": {} } });
    expect(await gateway.resolve()).toBe("demo/offline");
    expect(await modelsOf(gateway)).toEqual([
      {
        id: "offline",
        name: "Offline demo (no model)",
        provider: "demo",
        tags: ["offline"],
        available: true,
        reasoning: false,
        supportsTools: true,
        input: ["text"],
      },
    ]);
  });

  test("a real provider that is ready comes before the demo, and a key is enough for it", async () => {
    await using gateway = await startModelsGateway({ plugins: { "provider-openai": {} }, env: { OPENAI_API_KEY: "sk-test" } });
    expect(await gateway.resolve()).toBe("openai/gpt-6.1-sol");
    expect(await gateway.resolve("demo")).toBe("demo/offline");
  });

  test("the configured default comes before all, PINCER_MODEL before the file, an explicit one before both", async () => {
    const plugins = { "provider-openai": {}, "provider-anthropic": {} };
    const env = { OPENAI_API_KEY: "sk-test", ANTHROPIC_API_KEY: "sk-ant-test" };
    await using file = await startModelsGateway({ plugins, env, models: { default: "openai/gpt-5" } });
    expect(await file.resolve()).toBe("openai/gpt-5");
    await using variable = await startModelsGateway({
      plugins,
      env: { ...env, PINCER_MODEL: "anthropic" },
      models: { default: "openai/gpt-5" },
    });
    expect(await variable.resolve()).toBe("anthropic/claude-sonnet-5-5");
    expect(await variable.resolve("openai/gpt-6-luna")).toBe("openai/gpt-6-luna");
  });

  test("aliases, aliases of aliases, endpoints and bare names are understood; a circle of aliases ends", async () => {
    await using gateway = await startModelsGateway({
      plugins: { "provider-openai": {}, "provider-anthropic": {} },
      env: { OPENAI_API_KEY: "sk-test", ANTHROPIC_API_KEY: "sk-ant-test" },
      models: { aliases: { fast: "quick", quick: "openai/gpt-6-luna", round: "about", about: "round" } },
    });
    expect(await gateway.resolve("fast")).toBe("openai/gpt-6-luna");
    expect(await gateway.resolve("openai")).toBe("openai/gpt-6.1-sol");
    expect(await gateway.resolve("claude-opus-5-5")).toBe("anthropic/claude-opus-5-5");
    expect(gateway.resolve("round")).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
    expect(gateway.resolve("constructor")).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  });

  test("a model that nobody knows is told with names like it", async () => {
    await using gateway = await startModelsGateway({ models: { aliases: { deep: "demo" } } });
    const error = await gateway.resolve("demmo").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "LLM_MODEL_UNKNOWN", data: { nearest: ["demo"] } });
    expect((error as Error).message).toBe(
      'there is no model "demmo"; did you mean demo? A model is named endpoint/model, with one of these endpoints: demo',
    );
  });

  test("a provider that is not ready says what to set, instead of quietly using another", async () => {
    await using gateway = await startModelsGateway({ plugins: { "provider-openai": {} }, models: { default: "openai/gpt-5" } });
    const error = await gateway.resolve().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "LLM_PROVIDER_NOT_READY" });
    expect((error as Error).message).toContain("set OPENAI_API_KEY in the environment, or: pincer secrets set OPENAI_API_KEY");
  });

  test("what is known comes from the catalogue, what the server says goes over it, what the operator says over both", async () => {
    await using vendor = startOpenAiVendor({ models: [{ id: "big", max_model_len: 32_768 }] });
    await using gateway = await startModelsGateway({
      plugins: { ...lab(vendor.origin), "provider-anthropic": {} },
      env: { ANTHROPIC_API_KEY: "sk-ant-test" },
      models: { prices: { "lab/big": { input: 1, output: 2 } }, thinking: { "anthropic/claude-opus-5-5": "high" } },
    });
    const of = (model: string) => gateway.llm.resolve({ model }, io);
    expect(await of("lab/big")).toMatchObject({ contextWindow: 32_768, price: { input: 1, output: 2 } });
    expect(await of("lab/other")).toMatchObject({ contextWindow: null, price: null });
    expect(await of("anthropic/claude-opus-5-5")).toMatchObject({
      contextWindow: 1_000_000,
      price: { cacheRead: 0.2 },
      thinkingDefault: "high",
    });
    expect(await of("anthropic/claude-haiku-4-5-20251001")).toMatchObject({ name: "Claude Haiku 4.5", contextWindow: 200_000 });
  });

  test("a model is local where its server's address is; one that the server hands on, or does not list, is not", async () => {
    const models = { "own:latest": {}, "far:120b-cloud": { remoteHost: "https://ollama.com:443" } };
    await using vendor = startOllamaVendor({ models });
    await using gateway = await startModelsGateway({
      plugins: { "provider-openai": {}, "provider-ollama": {} },
      env: { OPENAI_API_KEY: "sk-test", OLLAMA_HOST: vendor.origin },
    });
    const localOf = async (model: string) => (await gateway.llm.resolve({ model }, io)).local;
    expect(await localOf("ollama/own")).toBe(true);
    expect(await localOf("ollama/far:120b-cloud")).toBe(false);
    expect(await localOf("ollama/not-listed")).toBe(false);
    expect(await localOf("openai/gpt-5")).toBeUndefined();
    expect(await localOf("demo")).toBe(true);
    const within = ["ollama"];
    expect((await gateway.llm.resolve({ model: "ollama/own", within }, io)).ref).toBe("ollama/own");
    for (const model of ["ollama/far:120b-cloud", "openai/gpt-5", "demo"])
      await expect(gateway.llm.resolve({ model, within }, io)).rejects.toMatchObject({ code: "LLM_MODEL_EXCLUDED" });
    await expect(gateway.ask({ model: "openai/gpt-5", within })).rejects.toThrow(
      "this may be asked of ollama alone, and openai/gpt-5 is none of these",
    );
  });

  test("names that look alike are found, others are not", () => {
    const known = ["openai/gpt-5", "openai/gpt-5-nano", "anthropic/claude-opus-5-5", "ollama"];
    expect(nearest("openai/gtp-5", known)).toEqual(["openai/gpt-5"]);
    expect(nearest("olama", known)).toEqual(["ollama"]);
    expect(nearest("opus", known)).toEqual(["anthropic/claude-opus-5-5"]);
    expect(nearest("zzzzzz", known)).toEqual([]);
  });
});

describe("calling a model", () => {
  test("the answer streams through, priced; the session's own figures add up", async () => {
    await using vendor = startOpenAiVendor();
    await using gateway = await startModelsGateway({
      plugins: lab(vendor.origin, { models: ["big"] }),
      models: { prices: { "lab/big": { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 } } },
    });
    vendor.answer({ steps: [{ text: ["Hel", "lo"] }], usage: { input: 1000, output: 500, cacheRead: 10_000, cacheWrite: 0 } });
    const { events, answer } = await gateway.ask({ model: "lab/big", agentId: "main", sessionKey: "agent:main:main", runId: "r1" });
    expect(events.map((event) => event.type === "text" && event.delta)).toEqual(["Hel", "lo"]);
    expect(answer.usage.cost).toBeCloseTo((1000 * 2 + 500 * 10 + 10_000 * 0.2) / 1e6, 12);
    expect(answer.message.usage).toEqual(answer.usage);
    expect((await vendor.received(1)).body.model).toBe("big");
    const { totals, models } = await gateway.call("usage.cost", { sessionKey: "agent:main:main" });
    expect(totals).toMatchObject({
      input: 1000,
      output: 500,
      cacheRead: 10_000,
      totalTokens: 11_500,
      totalCost: answer.usage.cost as number,
      calls: 1,
    });
    expect(models).toMatchObject([{ model: "lab/big", inputCost: 0.002, outputCost: 0.005, cacheReadCost: 0.002 }]);
  });

  test.each([
    ["in one piece, where the provider has that", (origin: string) => lab(origin, { models: ["big"] }), startOpenAiVendor, "lab/big"],
    [
      "as the end of a stream, where it has not",
      (origin: string) => ({ "provider-anthropic": { endpoints: { anthropic: { baseUrl: origin, key: "k" } } } }),
      startAnthropicVendor,
      "anthropic/claude-haiku-4-5",
    ],
  ] as const)(
    "an answer that nobody reads before its end comes %s: priced and counted, and an abort reaches the vendor",
    async (...given) => {
      const [, plugins, startVendor, model] = given;
      await using vendor = startVendor();
      await using gateway = await startModelsGateway({
        plugins: plugins(vendor.origin),
        models: { prices: { [model]: { input: 2, output: 10 } } },
      });
      vendor.answer({ steps: [{ text: ["Hel", "lo"] }], usage: { input: 1000, output: 500, cacheRead: 0, cacheWrite: 0 } });
      const whole = gateway.llm.answer!;
      const answer = await whole(llmRequest({ model }), io);
      expect(answer).toMatchObject({ stopReason: "stop", message: { content: [{ text: "Hello" }] } });
      expect(answer.usage.cost).toBeCloseTo((1000 * 2 + 500 * 10) / 1e6, 12);
      expect(answer.message.usage).toEqual(answer.usage);
      expect(await gateway.call("usage.cost")).toMatchObject({ totals: { totalTokens: 1500, calls: 1 } });
      vendor.answer({ steps: [{ text: ["never"] }], end: "hang" });
      const caller = new AbortController();
      const asked = whole(llmRequest({ model }), { signal: caller.signal });
      const { left } = await vendor.received(2);
      caller.abort();
      expect(await asked.catch((error: unknown) => error)).toBeDefined();
      await left;
    },
  );

  test("a model that does not reason is not told to, and no more is asked for than it can give", async () => {
    await using vendor = startAnthropicVendor();
    await using gateway = await startModelsGateway({
      plugins: { "provider-anthropic": { endpoints: { anthropic: { baseUrl: vendor.origin, key: "k" } } } },
    });
    vendor.answer(ok, ok);
    await gateway.ask({ model: "anthropic/claude-haiku-4-5", thinking: "high", maxOutputTokens: 1_000_000 });
    expect((await vendor.received(1)).body).toMatchObject({ max_tokens: 64_000, thinking: { type: "enabled" } });
  });

  test("whoever may refuse the call refuses it before it is made, with the reason", async () => {
    await using vendor = startOpenAiVendor();
    await using gateway = await startModelsGateway({
      plugins: { ...lab(vendor.origin, { models: ["costly-1", "cheap-1"] }), refuser: {} },
    });
    vendor.answer(ok);
    const refusal = { code: "LLM_CALL_REFUSED", message: "main may not use lab/costly-1" };
    const costly = { model: "lab/costly-1", agentId: "main" };
    expect(gateway.ask(costly)).rejects.toMatchObject(refusal);
    expect(gateway.llm.answer!(llmRequest(costly), io)).rejects.toMatchObject(refusal);
    expect((await gateway.ask({ model: "lab/cheap-1" })).answer.stopReason).toBe("stop");
    expect(vendor.ledger.map(({ body }) => body.model)).toEqual(["cheap-1"]);
  });

  test("a model that the server does not have is told with names like it", async () => {
    await using vendor = startOpenAiVendor({ models: [{ id: "llama-3.3" }] });
    await using gateway = await startModelsGateway({ plugins: lab(vendor.origin) });
    vendor.answer({ error: { status: 404, code: "model_not_found", message: "The model `lama-3.3` does not exist" } });
    const { answer } = await gateway.ask({ model: "lab/lama-3.3" });
    expect(answer).toMatchObject({ stopReason: "error", failure: { class: "bad-request", status: 404 } });
    expect(answer.message.errorMessage).toBe("The model `lama-3.3` does not exist; did you mean lab/llama-3.3?");
  });

  test("a failure keeps its class, and an abort reaches the vendor through the gateway", async () => {
    await using vendor = startOpenAiVendor();
    await using gateway = await startModelsGateway({ plugins: lab(vendor.origin, { models: ["big"] }) });
    vendor.answer({ error: { status: 429, message: "slow down", headers: { "retry-after": "3" } } });
    expect((await gateway.ask({ model: "lab/big" })).answer.failure).toMatchObject({ class: "rate-limit", retryAfterMs: 3000 });
    vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
    const caller = new AbortController();
    const stream = gateway.llm.stream(llmRequest({ model: "lab/big" }), { signal: caller.signal });
    await stream.next();
    caller.abort();
    const last = await stream.next();
    expect(last).toMatchObject({ done: true, value: { stopReason: "aborted", message: { content: [{ text: "so far" }] } } });
    await (await vendor.received(2)).left;
  });
});

describe("lists of models", () => {
  const setup = { plugins: { "provider-openai": {}, "provider-anthropic": {} }, env: { ANTHROPIC_API_KEY: "sk-ant-test" } };
  /** Nobody answers for the list of models there, so that the catalogue stands in. */
  const closed = { "provider-anthropic": { endpoints: { anthropic: { baseUrl: "http://127.0.0.1:9" } } }, "provider-openai": {} };

  test("favourites first, then the default, then the rest of what is ready; never the demo beside a real one", async () => {
    const models = { default: "anthropic/claude-opus-5-5", favourites: ["cheap"], aliases: { cheap: "anthropic/claude-haiku-5-5" } };
    await using gateway = await startModelsGateway({ ...setup, plugins: closed, models });
    const listed = await modelsOf(gateway);
    expect(listed.slice(0, 2)).toMatchObject([
      { provider: "anthropic", id: "claude-haiku-5-5", alias: "cheap", tags: ["favourite"], contextWindow: 1_000_000 },
      { provider: "anthropic", id: "claude-opus-5-5", tags: ["default"] },
    ]);
    expect(new Set(listed.map(({ provider }) => provider))).toEqual(new Set(["anthropic"]));
    expect(listed[1]?.thinkingLevels).toContainEqual({ id: "xhigh", label: "Extra high" });
    expect((await modelsOf(gateway, { view: "configured" })).map(refOf)).toEqual([
      "anthropic/claude-haiku-5-5",
      "anthropic/claude-opus-5-5",
      "anthropic/claude-sonnet-5-5",
    ]);
  });

  test("all shows what is not ready too, and why it cannot be used", async () => {
    await using gateway = await startModelsGateway({ ...setup, plugins: closed });
    const gpt = (await modelsOf(gateway, { view: "all" })).find(({ id }) => id === "gpt-5");
    expect(gpt).toMatchObject({ provider: "openai", available: false, unavailableReason: "missing-auth" });
    expect((await modelsOf(gateway, { view: "all", provider: "openai" })).every(({ provider }) => provider === "openai")).toBe(true);
  });

  test("a server's own list is what it has; a refresh asks again", async () => {
    const ids = ["one"];
    await using vendor = startOpenAiVendor({
      get models() {
        return ids.map((id) => ({ id }));
      },
    });
    await using gateway = await startModelsGateway({ plugins: lab(vendor.origin) });
    expect((await modelsOf(gateway, { provider: "lab" })).map(refOf)).toEqual(["lab/one"]);
    ids.push("two");
    expect((await modelsOf(gateway, { provider: "lab" })).map(refOf)).toEqual(["lab/one"]);
    expect((await modelsOf(gateway, { provider: "lab", refresh: true })).map(refOf)).toEqual(["lab/one", "lab/two"]);
  });

  test("the status of the keys says who has what", async () => {
    await using gateway = await startModelsGateway(setup);
    const { providers } = await gateway.call("models.authStatus");
    const statuses = Object.fromEntries((providers as readonly Json[]).map(({ provider, status }) => [provider, status]));
    expect(statuses).toEqual({ anthropic: "static", openai: "missing", demo: "ok" });
    expect(await gateway.call("usage.status")).toMatchObject({ providers: [{ provider: "anthropic", windows: [] }] });
  });
});

describe("what was used", () => {
  test("is kept by day, model and agent, through restarts, and goes after the set time", async () => {
    const home = await mkdtemp(join(tmpdir(), "pincer-models-"));
    const begin = Date.UTC(2026, 10, 20, 12);
    const models = { usageDays: 30 };
    {
      await using gateway = await startModelsGateway({ home, models, start: begin });
      for (const agentId of ["main", "main", "work"]) await gateway.ask({ agentId, sessionKey: `agent:${agentId}:main` });
      gateway.clock.jump(DAY_MS);
      await gateway.ask({ agentId: "work", sessionKey: "agent:work:main" });
      const report = await gateway.call("usage.cost", { days: 7 });
      expect((report.daily as readonly Json[]).map(({ date, calls }) => [date, calls])).toEqual([
        ["2026-11-20", 3],
        ["2026-11-21", 1],
      ]);
    }
    {
      await using gateway = await startModelsGateway({ home, models, start: begin + DAY_MS });
      const calls = async (params: Json) => ((await gateway.call("usage.cost", params)).totals as Json).calls;
      expect(await calls({ days: 7 })).toBe(4);
      expect(await calls({ days: 1 })).toBe(1);
      expect(await calls({ days: 7, agentId: "work" })).toBe(2);
      expect(await calls({ sessionKey: "agent:work:main" })).toBe(2);
    }
    {
      await using gateway = await startModelsGateway({ home, models, start: begin + 40 * DAY_MS });
      await gateway.ask({});
      await gateway.stop();
    }
    {
      await using gateway = await startModelsGateway({ home, models, start: begin + 40 * DAY_MS });
      expect(((await gateway.call("usage.cost", { days: 100 })).totals as Json).calls).toBe(1);
    }
    await rm(home, { recursive: true, force: true });
  });

  test("a hundred calls at once are all counted", async () => {
    await using gateway = await startModelsGateway();
    await Promise.all(Array.from({ length: 100 }, () => gateway.ask({ agentId: "main" })));
    const { totals } = await gateway.call("usage.cost");
    expect(totals).toMatchObject({ calls: 100, missingCostEntries: 0, totalCost: 0 });
  });

  test("a call whose price nobody knows counts as unknown, not as free", async () => {
    await using vendor = startOpenAiVendor();
    await using gateway = await startModelsGateway({ plugins: lab(vendor.origin, { models: ["big"] }) });
    vendor.answer(ok);
    expect((await gateway.ask({ model: "lab/big" })).answer.usage.cost).toBeNull();
    expect((await gateway.call("usage.cost")).totals).toMatchObject({ totalTokens: 15, totalCost: 0, missingCostEntries: 1 });
  });

  test("a long prompt has the price of its tier; tokens without a price make the whole unknown", () => {
    const price = { input: 1, output: 2, cacheRead: 0.1 };
    const tiers = [
      { above: 100, price: { input: 5, output: 6 } },
      { above: 1000, price: null },
    ];
    const tokens = (input: number, more = {}) => ({ input, output: 1, cacheRead: 0, cacheWrite: 0, ...more });
    expect(priceFor(tokens(100), price, tiers)).toBe(price);
    expect(priceFor(tokens(50, { cacheRead: 51 }), price, tiers)).toEqual({ input: 5, output: 6 });
    expect(priceFor(tokens(5000), price, tiers)).toBeNull();
    expect(costOf(tokens(1e6, { output: 0 }), price)?.total).toBe(1);
    expect(costOf(tokens(1, { cacheWrite: 1 }), price)).toBeUndefined();
    expect(costOf(tokens(1), null)).toBeUndefined();
  });
});

test("the catalogue holds together: each entry once, with a source and a date", () => {
  expect([...Value.Errors(CatalogueFile, catalogue)]).toEqual([]);
  const refs = catalogue.models.map(({ ref }) => ref);
  expect(new Set(refs).size).toBe(refs.length);
  for (const { ref, maxOutputTokens: most, contextWindow: all } of catalogue.models) {
    if (most !== null && all !== null) expect([ref, most <= all]).toEqual([ref, true]);
  }
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startOpenAiVendor();
  await using gateway = await startModelsGateway({ plugins: lab(vendor.origin, { models: ["big"] }) });
  const timers = gateway.clock.timers;
  vendor.answer(ok);
  await gateway.ask({ model: "lab/big" });
  const used = await gateway.call("usage.cost");
  for (const id of ["models", "provider-openai", "provider-demo"]) {
    await gateway.host.reload(id);
    expect(gateway.host.inspect(id)).toMatchObject({ state: "active" });
  }
  expect((await gateway.call("usage.cost")).totals).toEqual(used.totals as Json);
  for (const id of ["models", "provider-openai", "provider-demo"]) await gateway.host.setEnabled(id, false);
  expect(gateway.host.methods.find("models.list")).toBeUndefined();
  expect(gateway.ask({ model: "lab/big" })).rejects.toMatchObject({ code: expect.stringMatching(/^(CAPABILITY|PLUGIN)_/) });
  // What the host itself waits for after a reload is over by then.
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});
