import { expect, test } from "bun:test";
import { serveHttp } from "@pincer/plugin-sdk/testing/http-server";
import { io, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { startAnthropicVendor } from "../../tests/vendors/anthropic/server.ts";

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

/** Lets so much time pass, in small steps, and says whether the work was done by then. */
async function doneIn(gateway: Gateway, ms: number, work: Promise<unknown>): Promise<boolean> {
  let isDone = false;
  void work.finally(() => {
    isDone = true;
  });
  for (let passed = 0; passed < ms && !isDone; passed += 50) {
    await gateway.clock.advance(50);
    await new Promise(setImmediate);
  }
  return isDone;
}

test("a server that drips its list holds no other: statuses, lists and calls of the others go on, and its own call says why it does not", async () => {
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
  expect(await doneIn(gateway, 3000, resolved)).toBe(true);
  expect((await resolved).ref).toBe("anthropic/claude-haiku-4-5");

  const { providers } = await gateway.call("models.authStatus");
  const details = Object.fromEntries((providers as readonly Json[]).map(({ provider, detail }) => [provider as string, detail]));
  expect(details["lab"]).toContain("it is slow to say what it has");
  expect(details["ollama"]).toContain("nothing usable answers");

  const listed = gateway.call("models.list", { view: "all", refresh: true });
  expect(await doneIn(gateway, 20_000, listed)).toBe(true);
  const names = ((await listed)["models"] as readonly Json[]).map(({ provider }) => provider);
  expect(names).toContain("anthropic");

  vendor.answer({ steps: [{ text: ["ok"] }] });
  const asked = gateway.ask({ model: "anthropic/claude-haiku-4-5" });
  expect(await doneIn(gateway, 3000, asked)).toBe(true);
  expect((await asked).answer.stopReason).toBe("stop");
}, 60_000);

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
