import { expect, test } from "bun:test";
import { readStream, toolSpec } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, llmRequest, startModelsGateway } from "../../tests/fixtures/models/gateway.ts";
import { createCliHome } from "../../tests/support/cli.ts";
import { startOllamaVendor } from "../../tests/vendors/ollama/server.ts";

const models = { "qwen3:latest": { capabilities: ["completion", "tools", "thinking"], contextLength: 40_960 } };
const start = (origin: string, env: Readonly<Record<string, string>> = {}) =>
  startModelsGateway({ plugins: { "provider-ollama": {} }, env: { OLLAMA_HOST: origin.replace("http://", ""), ...env } });

test("a turn's request goes through the gateway to the server and back", async () => {
  await using vendor = startOllamaVendor({ models });
  await using gateway = await start(vendor.origin);
  vendor.answer({
    steps: [{ thinking: ["Hm."] }, { text: ["Let me look."] }, { toolCall: { id: "c1", name: "list", arguments: '{"path":"."}' } }],
  });
  const { events, answer } = await gateway.ask({ thinking: "medium", tools: [toolSpec("list")] });
  expect(events.map(({ type }) => type)).toEqual(["thinking", "text", "tool-call"]);
  expect(answer).toMatchObject({ stopReason: "toolUse", message: { provider: "ollama", model: "qwen3", api: "ollama-chat" } });
  expect((await vendor.received(1)).body).toMatchObject({ model: "qwen3", think: "medium", options: { num_ctx: 32_768 } });
});

test("a reload drops no stream: what runs ends as it began, what comes next is answered by the new one", async () => {
  await using vendor = startOllamaVendor({ models });
  await using gateway = await start(vendor.origin);
  const gate = Promise.withResolvers<void>();
  vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  const stream = gateway.llm.stream(llmRequest({ model: "ollama" }), io);
  await stream.next();
  await gateway.host.reload("provider-ollama");
  expect((await gateway.ask({ model: "ollama" })).answer.message.content).toEqual([{ type: "text", text: "next" }]);
  gate.resolve();
  const { answer } = await readStream(stream);
  expect(answer).toMatchObject({ stopReason: "stop", message: { content: [{ text: "before after" }] } });
});

test("unloading leaves nothing behind", async () => {
  await using vendor = startOllamaVendor({ models });
  await using gateway = await start(vendor.origin);
  const timers = gateway.clock.timers;
  vendor.answer({ steps: [{ text: ["ok"] }] });
  await gateway.ask({ model: "ollama" });
  await gateway.host.setEnabled("provider-ollama", false);
  await gateway.clock.advance(600_000);
  expect(gateway.clock.timers).toBeLessThanOrEqual(timers);
  expect(gateway.ask({ model: "ollama" })).rejects.toMatchObject({ code: "LLM_MODEL_UNKNOWN" });
  expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("a server that is found comes behind a vendor that was given a key, and before the demo", async () => {
  await using vendor = startOllamaVendor({ models });
  await using alone = await start(vendor.origin);
  expect(await alone.resolve()).toBe("ollama/qwen3");
  await using keyed = await startModelsGateway({
    plugins: { "provider-ollama": {}, "provider-openai": {} },
    env: { OLLAMA_HOST: vendor.origin, OPENAI_API_KEY: "sk-test" },
  });
  expect(await keyed.resolve()).toBe("openai/gpt-6.1-sol");
});

test("with nothing but OLLAMA_HOST it answers from the first start on, without a word of configuration", async () => {
  await using vendor = startOllamaVendor({ models });
  vendor.otherwise(() => ({ steps: [{ text: ["Hello from your own machine."] }] }));
  await using home = createCliHome({ OLLAMA_HOST: vendor.origin.replace("http://", "") });
  expect(await home.json(["up"])).toMatchObject({ ok: true, model: "ollama/qwen3", demo: false });
  expect((await home.pincer(["chat", "hello"])).out).toContain("Hello from your own machine.");
  expect(
    (await home.json<{ findings: { check: string; level: string }[] }>(["doctor"])).findings.filter(({ level }) => level === "wrong"),
  ).toEqual([]);
}, 120_000);
