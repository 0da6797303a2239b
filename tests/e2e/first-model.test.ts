import { expect, test } from "bun:test";
import { startTestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { startAnthropicVendor } from "../vendors/anthropic/server.ts";
import { startCopilotVendor } from "../vendors/copilot/server.ts";
import { startGeminiVendor } from "../vendors/gemini/server.ts";
import { startOpenAiVendor } from "../vendors/openai/server.ts";

const answer = { steps: [{ text: ["A real ", "answer."] }] };

const ask = async (gateway: Awaited<ReturnType<typeof startTestGateway>>) => {
  const client = await gateway.connect();
  await client.call("chat.send", { sessionKey: "main", message: "hello", idempotencyKey: crypto.randomUUID() });
  const final = await client.event("chat", ({ state }) => state === "final" || state === "error");
  return JSON.stringify(final["message"] ?? final["errorMessage"]);
};

test("a key and a base URL in the environment are all that a real provider needs", async () => {
  await using vendor = startOpenAiVendor();
  vendor.answer(answer, answer);
  await using gateway = await startTestGateway({ env: { OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: `${vendor.origin}/v1` } });
  expect(await ask(gateway)).toContain("A real answer.");
});

test("so does Anthropic's", async () => {
  await using vendor = startAnthropicVendor();
  vendor.answer(answer, answer);
  await using gateway = await startTestGateway({ env: { ANTHROPIC_API_KEY: "sk-test", ANTHROPIC_BASE_URL: vendor.origin } });
  expect(await ask(gateway)).toContain("A real answer.");
});

test("so does Google's, and a key that may be of its other services turns nothing on", async () => {
  await using vendor = startGeminiVendor();
  vendor.answer(answer, answer);
  const place = { GOOGLE_GEMINI_BASE_URL: vendor.origin };
  await using gateway = await startTestGateway({ env: { GEMINI_API_KEY: "AIza-test", ...place } });
  expect(await ask(gateway)).toContain("A real answer.");
  await using other = await startTestGateway({ env: { GOOGLE_API_KEY: "AIza-maps", ...place } });
  expect(await ask(other)).toContain("Offline demo");
});

test("a token of GitHub's is all that Copilot needs", async () => {
  await using vendor = startCopilotVendor();
  vendor.answer(answer, answer);
  const copilot = { githubUrl: vendor.origin, defaultModel: "gpt-test" };
  await using gateway = await startTestGateway({
    env: { COPILOT_GITHUB_TOKEN: "gho_own" },
    config: { plugins: { "provider-copilot": { config: { endpoints: { copilot } } } } },
  });
  expect(await ask(gateway)).toContain("A real answer.");
});

test("a key that is kept as a secret enables its provider while the gateway runs, and the demo answers no more", async () => {
  await using vendor = startOpenAiVendor();
  vendor.answer(answer, answer);
  await using gateway = await startTestGateway({ env: { OPENAI_BASE_URL: `${vendor.origin}/v1` } });
  expect(await ask(gateway)).toContain("Offline demo");
  const client = await gateway.connect();
  await client.call("secrets.store.set", { name: "OPENAI_API_KEY", kind: "secret", value: "sk-kept" });
  await client.event("plugins.changed");
  expect(await ask(gateway)).toContain("A real answer.");
});
