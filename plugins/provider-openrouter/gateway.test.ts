import { expect, test } from "bun:test";
import { readStream, toolSpec } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { CHARGE, startOpenRouterVendor } from "../../tests/vendors/openrouter/server.ts";

const start = (origin: string) =>
  startModelsGateway({
    plugins: { "provider-openrouter": { endpoints: { openrouter: { baseUrl: `${origin}/api/v1` } } } },
    env: { OPENROUTER_API_KEY: "sk-or-from-the-environment" },
  });

test("a turn's request goes through the gateway to the router and back, and its price is kept", async () => {
  await using vendor = startOpenRouterVendor();
  await using gateway = await start(vendor.origin);
  vendor.answer({ steps: [{ text: ["Let me look."] }, { toolCall: { id: "c1", name: "list", arguments: '{"path":"."}' } }] });
  const { events, answer } = await gateway.ask({ model: "openrouter/vendor/model", thinking: "medium", tools: [toolSpec("list")] });
  expect(events.map(({ type }) => type)).toEqual(["text", "tool-call"]);
  expect(answer).toMatchObject({
    stopReason: "toolUse",
    message: { provider: "openrouter", model: "vendor/model", api: "openrouter-chat", usage: { cost: CHARGE } },
  });
  expect((await vendor.received(1)).headers.get("authorization")).toBe("Bearer sk-or-from-the-environment");
  expect(await gateway.call("usage.cost")).toMatchObject({ totals: { totalCost: CHARGE, missingCostEntries: 0 } });
});

test("a reload drops no stream: what runs ends as it began, what comes next is answered by the new one", async () => {
  await using vendor = startOpenRouterVendor();
  await using gateway = await start(vendor.origin);
  const gate = Promise.withResolvers<void>();
  vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  const stream = gateway.llm.stream(llmRequest({ model: "openrouter" }), io);
  await stream.next();
  await gateway.host.reload("provider-openrouter");
  expect((await gateway.ask({ model: "openrouter" })).answer.message.content).toEqual([{ type: "text", text: "next" }]);
  gate.resolve();
  const { answer } = await readStream(stream);
  expect(answer).toMatchObject({ stopReason: "stop", message: { content: [{ text: "before after" }] } });
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startOpenRouterVendor();
  await using gateway = await start(vendor.origin);
  const timers = gateway.clock.timers;
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await gateway.ask({ model: "openrouter" });
  await gateway.host.setEnabled("provider-openrouter", false);
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.ask({ model: "openrouter" })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});
