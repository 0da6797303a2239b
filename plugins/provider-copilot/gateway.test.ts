import { expect, test } from "bun:test";
import { readStream, toolSpec } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { startCopilotVendor } from "../../tests/vendors/copilot/server.ts";

const start = (origin: string) =>
  startModelsGateway({
    plugins: { "provider-copilot": { endpoints: { copilot: { githubUrl: origin, defaultModel: "gpt-test" } } } },
    env: { COPILOT_GITHUB_TOKEN: "gho_from_the_environment" },
  });

test("a turn's request goes through the gateway to Copilot and back, with a session for the token of the environment", async () => {
  await using vendor = startCopilotVendor();
  await using gateway = await start(vendor.origin);
  vendor.answer({ steps: [{ text: ["Let me look."] }, { toolCall: { id: "c1", name: "list", arguments: '{"path":"."}' } }] });
  const { events, answer } = await gateway.ask({ model: "copilot", thinking: "medium", tools: [toolSpec("list")] });
  expect(events.map(({ type }) => type)).toEqual(["text", "tool-call"]);
  expect(answer).toMatchObject({ stopReason: "toolUse", message: { provider: "copilot", model: "gpt-test", api: "copilot-chat" } });
  expect(new Set(vendor.github.asked)).toEqual(new Set(["gho_from_the_environment"]));
  expect((await vendor.received(1)).body["reasoning_effort"]).toBe("medium");
});

test("a reload drops no stream: what runs ends as it began, what comes next is answered by the new one (#144291)", async () => {
  await using vendor = startCopilotVendor();
  await using gateway = await start(vendor.origin);
  const gate = Promise.withResolvers<void>();
  vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  const stream = gateway.llm.stream(llmRequest({ model: "copilot" }), io);
  await stream.next();
  await gateway.host.reload("provider-copilot");
  expect((await gateway.ask({ model: "copilot" })).answer.message.content).toEqual([{ type: "text", text: "next" }]);
  gate.resolve();
  const { answer } = await readStream(stream);
  expect(answer).toMatchObject({ stopReason: "stop", message: { content: [{ text: "before after" }] } });
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startCopilotVendor();
  await using gateway = await start(vendor.origin);
  const timers = gateway.clock.timers;
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await gateway.ask({ model: "copilot" });
  await gateway.host.setEnabled("provider-copilot", false);
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.host.inspect("provider-copilot")).not.toMatchObject({ state: "active" });
  expect(gateway.ask({ model: "copilot" })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});
