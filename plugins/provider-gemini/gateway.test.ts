import { expect, test } from "bun:test";
import { readStream, toolSpec } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { startGeminiVendor } from "../../tests/vendors/gemini/server.ts";

const start = (origin: string) =>
  startModelsGateway({
    plugins: { "provider-gemini": { endpoints: { google: { baseUrl: origin } } } },
    env: { GEMINI_API_KEY: "key-from-the-environment" },
  });

test("a turn's request goes through the gateway to the vendor and back, thinking and price included", async () => {
  await using vendor = startGeminiVendor();
  await using gateway = await start(vendor.origin);
  vendor.answer({
    steps: [{ thinking: ["Hm."] }, { redacted: "proof" }, { toolCall: { id: "call-1", name: "list", arguments: '{"path":"."}' } }],
    usage: { input: 1000, output: 100, cacheRead: 10_000 },
  });
  const { events, answer } = await gateway.ask({ model: "google/gemini-2.5-flash", thinking: "high", tools: [toolSpec("list")] });
  expect(events.map(({ type }) => type)).toEqual(["thinking", "tool-call"]);
  expect(answer.message.content).toMatchObject([
    { type: "thinking", thinking: "Hm." },
    { type: "thinking", signature: "call:proof", redacted: true },
    { type: "toolCall", arguments: { path: "." } },
  ]);
  expect(answer.usage.cost).toBeCloseTo((1000 * 0.3 + 100 * 2.5 + 10_000 * 0.03) / 1e6, 12);
  const { headers, body } = await vendor.received(1);
  expect(headers.get("x-goog-api-key")).toBe("key-from-the-environment");
  expect(body["generationConfig"]).toEqual({ thinkingConfig: { includeThoughts: true, thinkingBudget: 16_384 } });
});

test("a reload drops no stream: what runs ends as it began, what comes next is answered by the new one (#144291)", async () => {
  await using vendor = startGeminiVendor();
  await using gateway = await start(vendor.origin);
  const gate = Promise.withResolvers<void>();
  vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  const stream = gateway.llm.stream(llmRequest({ model: "google" }), io);
  await stream.next();
  await gateway.host.reload("provider-gemini");
  expect((await gateway.ask({ model: "google" })).answer.message.content).toEqual([{ type: "text", text: "next" }]);
  gate.resolve();
  const { answer } = await readStream(stream);
  expect(answer.message.content).toEqual([{ type: "text", text: "before after" }]);
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startGeminiVendor();
  await using gateway = await start(vendor.origin);
  const timers = gateway.clock.timers;
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await gateway.ask({ model: "google" });
  await gateway.host.setEnabled("provider-gemini", false);
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.host.inspect("provider-gemini")).not.toMatchObject({ state: "active" });
  expect(gateway.ask({ model: "google" })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});
