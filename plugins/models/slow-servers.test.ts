import { expect, test } from "bun:test";
import { serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { io, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { startAnthropicVendor } from "../../tests/vendors/anthropic/server.ts";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";

type Json = Readonly<Record<string, unknown>>;
type Gateway = Awaited<ReturnType<typeof startModelsGateway>>;

/** Answers every request with a byte now and then, for ever. */
function startDripping() {
  const came = Promise.withResolvers<void>();
  const server = serveHttp(async (exchange) => {
    came.resolve();
    exchange.begin(200, { "content-type": "application/json" });
    let isThere = true;
    void exchange.left.then(() => {
      isThere = false;
    });
    while (isThere) await exchange.write(Buffer.from(" "));
  });
  return { origin: server.origin, came: came.promise, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/**
 * What the work comes to while so much time passes, and no more: what waits for longer never ends. A call between two steps gives requests their
 * turn: else a busy machine would see their deadlines pass first.
 */
async function during<T>({ clock, client }: Gateway, ms: number, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  for (let passed = 0; passed < ms && !isDone; passed += 20) {
    await clock.advance(20);
    await client.call("health", {});
  }
  return await work;
}

test("a server that drips its list holds no other: statuses, lists and calls of the others go on, and it is told as one that does not", async () => {
  await using dripping = startDripping();
  await using vendor = startAnthropicVendor();
  await using gateway = await startModelsGateway({
    plugins: {
      "provider-anthropic": {},
      "provider-openai": { endpoints: { lab: { baseUrl: `${dripping.origin}/v1` } } },
      "provider-ollama": {},
    },
    env: { ANTHROPIC_API_KEY: "sk-ant-test", ANTHROPIC_BASE_URL: vendor.origin, OLLAMA_HOST: dripping.origin },
  });
  const resolved = gateway.llm.resolve({ model: "anthropic/claude-haiku-4-5" }, io);
  await dripping.came;
  expect((await during(gateway, 3000, resolved)).ref).toBe("anthropic/claude-haiku-4-5");

  const { providers } = await gateway.call("models.authStatus");
  const details = Object.fromEntries((providers as readonly Json[]).map(({ provider, detail }) => [provider as string, detail]));
  expect(details).toMatchObject({ lab: expect.stringContaining("nothing usable"), ollama: expect.stringContaining("nothing usable") });

  const { models } = await during(gateway, 20_000, gateway.call("models.list", { view: "all", refresh: true }));
  expect((models as readonly Json[]).map(({ provider }) => provider)).toContain("anthropic");

  vendor.answer({ steps: [{ text: ["ok"] }] });
  const { answer } = await during(gateway, 3000, gateway.ask({ model: "anthropic/claude-haiku-4-5" }));
  expect(answer.stopReason).toBe("stop");
}, 120_000);

test("a provider that is late to say whether it is ready is asked for its answer all the same, by whoever names it", async () => {
  await using gateway = await startModelsGateway({ plugins: { dawdler: {} } });
  const { answer } = await during(gateway, 3_100, gateway.ask({ model: "dawdler/one" }));
  expect(JSON.stringify(answer.message.content)).toContain("here");
  const { providers } = await during(gateway, 3_100, gateway.call("models.authStatus", { refresh: true }));
  const told = (providers as readonly Json[]).find(({ provider }) => provider === "dawdler");
  expect(told).toMatchObject({ detail: expect.stringContaining("took longer than 3000 ms") });
});

test("a model of a local server whose list cannot be had is not taken for one that runs there", async () => {
  await using gateway = await startModelsGateway({
    plugins: { "provider-openai": { endpoints: { lab: { baseUrl: "http://127.0.0.1:9/v1", defaultModel: "big" } } } },
  });
  expect((await gateway.llm.resolve({ model: "lab/big" }, io)).local).toBe(false);
  await expect(gateway.llm.resolve({ model: "lab/big", within: ["lab"] }, io)).rejects.toMatchObject({
    code: "LLM_MODEL_EXCLUDED",
    message: expect.stringContaining("is not known to run on that server itself"),
  });
});

test("prices are said by an alias as well as by a reference", async () => {
  const models = { aliases: { fast: "cheap", cheap: "openai/gpt-5" }, prices: { fast: { input: 7, output: 8 } } };
  await using gateway = await startModelsGateway({ plugins: { "provider-openai": {} }, env: { OPENAI_API_KEY: "sk-test" }, models });
  expect((await gateway.llm.resolve({ model: "openai/gpt-5" }, io)).price).toEqual({ input: 7, output: 8 });
});

test("an answer has its bounds, which the operator may set: bytes, and the time from its beginning", async () => {
  await using vendor = startOpenAiVendor();
  await using gateway = await startModelsGateway({
    plugins: {
      "provider-openai": {
        endpoints: { lab: { baseUrl: `${vendor.origin}/v1`, models: ["big"] } },
        ...{ answerBytes: 65_536, callTimeoutMs: 2000, idleTimeoutMs: 60_000 },
      },
    },
  });
  vendor.answer({ steps: [{ text: Array.from({ length: 1000 }, () => "many words ") }] });
  const { answer: large } = await gateway.ask({ model: "lab/big" });
  expect(large.failure).toMatchObject({
    class: "unknown",
    message: expect.stringContaining("sent more for lab/big than an answer may have"),
  });
  expect(JSON.stringify(large.message.content)).toContain("many words");

  vendor.answer({ steps: [{ text: ["so far"] }], end: "hang" });
  const asked = gateway.ask({ model: "lab/big" });
  await vendor.received(2);
  const { answer: long } = await during(gateway, 2100, asked);
  expect(long.failure).toMatchObject({ class: "timeout", message: expect.stringContaining("took too long for the answer of lab/big") });
  await (await vendor.received(2)).left;
});

test("a list that nobody could choose from is cut, and the log says so", async () => {
  const models = Array.from({ length: 6000 }, (_, at) => ({ id: at === 0 ? "x".repeat(1000) : `model-${at}` }));
  await using vendor = startOpenAiVendor({ models });
  await using gateway = await startModelsGateway({
    plugins: { "provider-openai": { endpoints: { lab: { baseUrl: `${vendor.origin}/v1`, defaultModel: "model-1" } } } },
  });
  const { models: listed } = await gateway.call("models.list", { view: "all", provider: "lab" });
  expect(listed).toHaveLength(5000);
  expect((listed as readonly Json[])[0]).toMatchObject({ id: "model-1" });
  expect(await gateway.logged("models.list-cut")).toMatchObject({ endpoint: "lab", listed: 6000, kept: 5000 });
});
