import { expect, test } from "bun:test";
import { readStream, toolSpec } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { startAnthropicVendor } from "../../tests/vendors/anthropic/server.ts";

const start = (origin: string) =>
  startModelsGateway({
    plugins: { "provider-anthropic": { endpoints: { anthropic: { baseUrl: origin } } } },
    env: { ANTHROPIC_API_KEY: "key-from-the-environment" },
  });

test("a turn's request goes through the gateway to the vendor and back, thinking and price included", async () => {
  await using vendor = startAnthropicVendor();
  await using gateway = await start(vendor.origin);
  vendor.answer({
    steps: [{ thinking: ["Hm."], signature: "proof" }, { toolCall: { id: "toolu_1", name: "list", arguments: '{"path":"."}' } }],
    usage: { input: 1000, output: 100, cacheRead: 10_000, cacheWrite: 2000 },
  });
  const { events, answer } = await gateway.ask({ model: "anthropic/claude-opus-5-5", thinking: "high", tools: [toolSpec("list")] });
  expect(events.map(({ type }) => type)).toEqual(["thinking", "tool-call"]);
  expect(answer.message.content[0]).toEqual({ type: "thinking", thinking: "Hm.", signature: "proof" });
  expect(answer.usage.cost).toBeCloseTo((1000 * 4 + 100 * 20 + 10_000 * 0.2 + 2000 * 5) / 1e6, 12);
  const { headers, body } = await vendor.received(1);
  expect(headers.get("authorization")).toBe("Bearer key-from-the-environment");
  expect(body.output_config).toEqual({ effort: "high" });
});

test("a reload drops no stream: what runs ends as it began, what comes next is answered by the new one (#144291)", async () => {
  await using vendor = startAnthropicVendor();
  await using gateway = await start(vendor.origin);
  const gate = Promise.withResolvers<void>();
  vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  const stream = gateway.llm.stream(llmRequest({ model: "anthropic" }), io);
  await stream.next();
  await gateway.host.reload("provider-anthropic");
  expect((await gateway.ask({ model: "anthropic" })).answer.message.content).toEqual([{ type: "text", text: "next" }]);
  gate.resolve();
  const { answer } = await readStream(stream);
  expect(answer.message.content).toEqual([
    { type: "text", text: "before " },
    { type: "text", text: "after" },
  ]);
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startAnthropicVendor();
  await using gateway = await start(vendor.origin);
  const timers = gateway.clock.timers;
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await gateway.ask({ model: "anthropic" });
  await gateway.host.setEnabled("provider-anthropic", false);
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.host.inspect("provider-anthropic")).not.toMatchObject({ state: "active" });
  expect(gateway.ask({ model: "anthropic" })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});
