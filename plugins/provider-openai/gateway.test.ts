import { expect, test } from "bun:test";
import { readStream, toolSpec } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";

const start = (origin: string, api: "chat" | "responses") =>
  startModelsGateway({
    plugins: {
      "provider-openai": { endpoints: { lab: { baseUrl: `${origin}/v1`, api, key: { secret: "LAB_KEY" }, models: ["gpt-6.1-sol"] } } },
    },
    env: { LAB_KEY: "lab-key-from-the-environment" },
  });

for (const api of ["chat", "responses"] as const) {
  test(`a turn's request goes through the gateway to the server and back (${api})`, async () => {
    await using vendor = startOpenAiVendor();
    await using gateway = await start(vendor.origin, api);
    vendor.answer({ steps: [{ text: ["Let me look."] }, { toolCall: { id: "c1", name: "list", arguments: '{"path":"."}' } }] });
    const { events, answer } = await gateway.ask({ model: "lab", thinking: "medium", tools: [toolSpec("list")] });
    expect(events.map(({ type }) => type)).toEqual(["text", "tool-call"]);
    expect(answer).toMatchObject({ stopReason: "toolUse", message: { provider: "lab", model: "gpt-6.1-sol", api: `openai-${api}` } });
    expect((await vendor.received(1)).headers.get("authorization")).toBe("Bearer lab-key-from-the-environment");
  });
}

test("a reload drops no stream: what runs ends as it began, what comes next is answered by the new one (#144291)", async () => {
  await using vendor = startOpenAiVendor();
  await using gateway = await start(vendor.origin, "chat");
  const gate = Promise.withResolvers<void>();
  vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  const stream = gateway.llm.stream(llmRequest({ model: "lab" }), io);
  await stream.next();
  await gateway.host.reload("provider-openai");
  expect((await gateway.ask({ model: "lab" })).answer.message.content).toEqual([{ type: "text", text: "next" }]);
  gate.resolve();
  const { answer } = await readStream(stream);
  expect(answer).toMatchObject({ stopReason: "stop", message: { content: [{ text: "before after" }] } });
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startOpenAiVendor();
  await using gateway = await start(vendor.origin, "responses");
  const timers = gateway.clock.timers;
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await gateway.ask({ model: "lab" });
  await gateway.host.setEnabled("provider-openai", false);
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.host.inspect("provider-openai")).not.toMatchObject({ state: "active" });
  expect(gateway.ask({ model: "lab" })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});
