import { expect, test } from "bun:test";
import type { Credential } from "@pincer/plugin-sdk/contracts/provider";
import { modelRequest, readStream, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, MODEL, startGemini } from "../../tests/fixtures/models/gemini.ts";
import { startGeminiVendor } from "../../tests/vendors/gemini/server.ts";

test("without a key the endpoint is not ready and says what to set, and a call fails as auth without a request", async () => {
  await using gemini = startGemini({ secrets: {} });
  expect((await gemini.provider.endpoints({}, io)).endpoints).toEqual([
    {
      endpoint: "google",
      label: "Google Gemini",
      ready: false,
      detail: "set GEMINI_API_KEY in the environment, or: pincer secrets set GEMINI_API_KEY",
      defaultModel: "gemini-3.8-flash",
    },
  ]);
  const { answer } = await readStream(gemini.provider.stream(modelRequest(MODEL, [userMessage("hello")]), io));
  expect(answer).toMatchObject({ stopReason: "error", failure: { class: "auth" } });
  expect(answer.failure?.message).toContain("pincer secrets set GEMINI_API_KEY");
  expect(await gemini.provider.models({}, io)).toEqual({ models: [] });
});

test("the key of this API stands before the one that may be of Google's other services", async () => {
  const keyWith = async (secrets: Readonly<Record<string, string>>) => {
    await using vendor = startGeminiVendor();
    await using gemini = startGemini({ secrets: { ...secrets, GOOGLE_GEMINI_BASE_URL: `${vendor.origin}/v1beta/` } });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    await readStream(gemini.provider.stream(modelRequest(MODEL, [userMessage("hello")]), io));
    return (await vendor.received(1)).headers.get("x-goog-api-key");
  };
  expect(await keyWith({ GOOGLE_API_KEY: "general" })).toBe("general");
  expect(await keyWith({ GOOGLE_API_KEY: "general", GEMINI_API_KEY: "own" })).toBe("own");
});

test("the models are those that converse, over all pages of the list, which is kept", async () => {
  await using gemini = startGemini();
  const { models } = await gemini.provider.models({}, io);
  expect(models).toMatchObject([
    {
      ref: "google/gemini-3.8-flash",
      name: "Gemini 3.8 Flash",
      contextWindow: 1_048_576,
      maxOutputTokens: 65_536,
      reasoning: true,
      vision: true,
      documents: true,
    },
    { ref: "google/gemini-2.5-flash", tools: true, price: null },
  ]);
  expect(models).toHaveLength(2);
  await gemini.vendor[Symbol.asyncDispose]();
  expect((await gemini.provider.models({ endpoint: "google" }, io)).models).toEqual(models);
  expect(gemini.provider.models({ endpoint: "google", refresh: true }, io)).rejects.toThrow();
});

test("another server of this API is an endpoint of its own, with its own key, headers and models", async () => {
  await using vendor = startGeminiVendor();
  const mine = { baseUrl: vendor.origin, key: { secret: "MINE" }, headers: { "x-team": "a" }, models: ["big-1"] };
  await using gemini = startGemini({ secrets: { MINE: "mine-key" }, config: { endpoints: { mine } } });
  const { endpoints } = await gemini.provider.endpoints({}, io);
  expect(endpoints.find(({ endpoint }) => endpoint === "mine")).toEqual({
    endpoint: "mine",
    label: "mine",
    ready: true,
    credential: expect.any(String),
    defaultModel: "big-1",
  });
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await readStream(gemini.provider.stream(modelRequest("mine/big-1", [userMessage("hello")]), io));
  const { path, headers } = await vendor.received(1);
  expect(path).toBe("/v1beta/models/big-1:streamGenerateContent?alt=sse");
  expect([headers.get("x-goog-api-key"), headers.get("x-team")]).toEqual(["mine-key", "a"]);
});

test("a request may name the credential to use instead; somebody's token goes as one", async () => {
  await using vendor = startGeminiVendor();
  await using gemini = startGemini({ secrets: { GEMINI_API_KEY: "first", SECOND: "second", GOOGLE_GEMINI_BASE_URL: vendor.origin } });
  const ask = async (credential: Credential) => {
    vendor.answer({ steps: [{ text: ["ok"] }] });
    return (await readStream(gemini.provider.stream(modelRequest(MODEL, [userMessage("hello")], { credential }), io))).answer;
  };
  await ask({ type: "api-key", secret: "SECOND" });
  await ask({ type: "oauth", secret: "SECOND" });
  expect(vendor.ledger.map(({ headers }) => [headers.get("x-goog-api-key"), headers.get("authorization")])).toEqual([
    ["second", null],
    [null, "Bearer second"],
  ]);
  expect(await ask({ type: "api-key", secret: "GONE" })).toMatchObject({ stopReason: "error", failure: { class: "auth" } });
  expect(vendor.ledger).toHaveLength(2);
});
