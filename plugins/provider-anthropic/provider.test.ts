import { describe, expect, test } from "bun:test";
import type { Credential } from "@pincer/plugin-sdk/contracts/provider";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { modelRequest, providerSuite, readStream, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { Value } from "@sinclair/typebox/value";
import { startAnthropicVendor } from "../../tests/vendors/anthropic/server.ts";
import { AnthropicConfig } from "./config.ts";
import { createAnthropicProvider } from "./provider.ts";

type Json = Readonly<Record<string, unknown>>;

const MODEL = "anthropic/claude-sonnet-5-5";
const IDLE_MS = 1000;

async function start(options: { readonly secrets?: Json; readonly config?: Json } = {}) {
  const vendor = startAnthropicVendor();
  const clock = createManualClock();
  const secrets: Json = options.secrets ?? { ANTHROPIC_API_KEY: "sk-ant-test-key", ANTHROPIC_BASE_URL: vendor.origin };
  const provider = createAnthropicProvider({
    config: Value.Parse(AnthropicConfig, { idleTimeoutMs: IDLE_MS, ...options.config }),
    clock,
    fetch,
    secret: async (name) => secrets[name] as string | undefined,
  });
  return { provider, vendor, clock, model: MODEL, idleMs: IDLE_MS, [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose]() };
}

const turnsOf = ({ body }: VendorCall) => body.messages as readonly { readonly role: string; readonly content: readonly Json[] }[];
const blocksOf = (call: VendorCall) => turnsOf(call).flatMap(({ content }) => content);
const resultsOf = (call: VendorCall) => blocksOf(call).filter(({ type }) => type === "tool_result");

providerSuite({
  name: "provider-anthropic",
  startVendor: startAnthropicVendor,
  startPlugin: (origin, options, idleTimeoutMs) =>
    startPlugin(import.meta.dir, {
      ...options,
      config: { idleTimeoutMs },
      secrets: { ANTHROPIC_API_KEY: "sk-ant-test-key", ANTHROPIC_BASE_URL: origin },
    }),
  model: "anthropic/claude-sonnet-5",
  signs: true,
  failures: [
    { title: "a key that is not accepted", error: { status: 401, message: "invalid x-api-key" }, class: "auth" },
    { title: "a key that may not use the model", error: { status: 403, message: "Your API key does not have permission" }, class: "auth" },
    {
      title: "too many requests",
      error: { status: 429, message: "Number of requests has exceeded your limit", headers: { "retry-after": "7" } },
      class: "rate-limit",
      retryAfterMs: 7000,
    },
    {
      title: "a spending limit",
      error: { status: 429, code: "contract_spend_limit_reached", message: "The spend limit of the contract is reached" },
      class: "billing",
    },
    { title: "an empty account", error: { status: 400, message: "Your credit balance is too low to access the API" }, class: "billing" },
    { title: "a fault at the vendor", error: { status: 500, message: "Internal server error" }, class: "network" },
    { title: "an overloaded vendor", error: { status: 529, message: "Overloaded, come back later" }, class: "overloaded" },
    { title: "a vendor that timed out", error: { status: 504, message: "The request timed out upstream" }, class: "timeout" },
    {
      title: "a conversation that is too long",
      error: { status: 400, message: "prompt is too long: 210000 tokens > 200000 maximum" },
      class: "context-overflow",
    },
    {
      title: "an image that cannot be used",
      error: { status: 400, message: "messages.0.content.1: image exceeds 5 MB maximum" },
      class: "image",
    },
    { title: "a bad request", error: { status: 400, message: "messages.0: unknown field" }, class: "bad-request" },
    { title: "a model that does not exist", error: { status: 404, message: "model: claude-nothing-9" }, class: "bad-request" },
  ],
  sent: {
    images: (call) =>
      blocksOf(call)
        .flatMap((block) => (block.type === "tool_result" ? (block.content as readonly Json[]) : [block]))
        .flatMap(({ type, source }) => (type === "image" ? [(source as { data: string }).data] : [])),
    documents: (call) => blocksOf(call).flatMap(({ type, source }) => (type === "document" ? [(source as { data: string }).data] : [])),
    toolResult: (call, id) => {
      const result = resultsOf(call).find(({ tool_use_id }) => tool_use_id === id);
      return result && JSON.stringify(result.content);
    },
    signatures: (call) =>
      blocksOf(call).flatMap(({ type, signature, data }) =>
        type === "thinking" ? [signature as string] : type === "redacted_thinking" ? [data as string] : [],
      ),
    shape: ({ body }) => {
      const choice = body.tool_choice as { type: string; name?: string; disable_parallel_tool_use?: boolean } | undefined;
      const output = body.output_config as { format?: { schema: unknown }; effort?: unknown } | undefined;
      return {
        toolChoice: choice?.name ?? (choice?.type === "any" ? "required" : choice?.type),
        parallelTools: choice?.disable_parallel_tool_use === undefined ? undefined : !choice.disable_parallel_tool_use,
        schema: output?.format?.schema,
        stop: body.stop_sequences as string[] | undefined,
        thinking: "thinking" in body || output?.effort !== undefined,
      };
    },
  },
});

async function requestFor(more: Parameters<typeof modelRequest>[2], model = MODEL, messages = [userMessage("hello")]) {
  await using fixture = await start();
  fixture.vendor.answer({ steps: [{ text: ["ok"] }] });
  await readStream(fixture.provider.stream(modelRequest(model, messages, more), { signal: new AbortController().signal }));
  return fixture.vendor.received(1);
}

describe("what is sent to Anthropic", () => {
  test("without a schema JSON is asked for in words; what is no shape of the answer is left out", async () => {
    const { body } = await requestFor({ responseFormat: { type: "json" }, seed: 7, topP: 0.5, presencePenalty: 1, stop: [" ", "END"] });
    expect(JSON.stringify(body.system)).toContain("one JSON object");
    expect(body).toMatchObject({ stop_sequences: ["END"] });
    for (const name of ["seed", "top_p", "presence_penalty"]) expect(name in body).toBe(false);
  });

  test("the key goes as a bearer token, the model without its endpoint", async () => {
    const call = await requestFor({});
    expect(call.path).toBe("/v1/messages");
    expect(call.headers.get("authorization")).toBe("Bearer sk-ant-test-key");
    expect(call.body).toMatchObject({ model: "claude-sonnet-5-5", stream: true, max_tokens: 32_000 });
  });

  test("at most four cache breakpoints: the tools, the stable prefix, and the last two turns of the user", async () => {
    const turn = (text: string) => [
      userMessage(text),
      { role: "assistant" as const, content: [{ type: "text" as const, text }], timestamp: 2 },
    ];
    const call = await requestFor(
      {
        system: [{ text: "who you are", cache: true }, { text: "your files", cache: true }, { text: "the time" }],
        tools: [toolSpec("files_list"), toolSpec("files_read")],
      },
      MODEL,
      [...turn("one"), ...turn("two"), userMessage("three")],
    );
    expect(JSON.stringify(call.body).match(/cache_control/g)).toHaveLength(4);
    expect((call.body.tools as readonly Json[]).map((tool) => "cache_control" in tool)).toEqual([false, true]);
    expect((call.body.system as readonly Json[]).map((part) => "cache_control" in part)).toEqual([false, true, false]);
    expect(turnsOf(call).map(({ content }) => "cache_control" in (content.at(-1) ?? {}))).toEqual([false, false, true, false, true]);
  });

  test("results of parallel calls are one turn of the user", async () => {
    const calls = ["a", "b"].map((id) => ({ type: "toolCall" as const, id, name: "files_read", arguments: {} }));
    const results = ["b", "a"].map((toolCallId) => ({
      role: "toolResult" as const,
      toolCallId,
      toolName: "files_read",
      content: [{ type: "text" as const, text: toolCallId }],
      isError: toolCallId === "b",
      timestamp: 3,
    }));
    const call = await requestFor({ tools: [toolSpec("files_read")] }, MODEL, [
      userMessage("read"),
      { role: "assistant", content: calls, timestamp: 2 },
      ...results,
    ]);
    expect(turnsOf(call).map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(resultsOf(call).map(({ tool_use_id, is_error }) => [tool_use_id, is_error === true])).toEqual([
      ["a", false],
      ["b", true],
    ]);
  });

  test("each level of thinking is what the model understands", async () => {
    const sent = async (model: string, thinking: "off" | "minimal" | "medium" | "xhigh") => {
      const { body } = await requestFor({ thinking }, `anthropic/${model}`);
      return [body.thinking, body.output_config];
    };
    const adaptive = { type: "adaptive", display: "summarized" };
    expect(await sent("claude-opus-5-5", "medium")).toEqual([adaptive, { effort: "medium" }]);
    expect(await sent("claude-opus-5-5", "off")).toEqual([adaptive, { effort: "low" }]);
    expect(await sent("claude-opus-5", "off")).toEqual([{ type: "disabled" }, undefined]);
    expect(await sent("claude-sonnet-5-5", "off")).toEqual([{ type: "between_tools" }, undefined]);
    expect(await sent("claude-haiku-5-5", "xhigh")).toEqual([adaptive, { effort: "xhigh" }]);
    expect(await sent("claude-sonnet-4-6", "xhigh")).toEqual([adaptive, { effort: "high" }]);
    expect(await sent("claude-haiku-4-5-20251001", "medium")).toEqual([{ type: "enabled", budget_tokens: 8192 }, undefined]);
    expect(await sent("claude-haiku-4-5", "minimal")).toEqual([{ type: "enabled", budget_tokens: 1024 }, undefined]);
    expect(await sent("claude-haiku-4-5", "off")).toEqual([undefined, undefined]);
  });

  test("a tool call that is forced rules thinking out; a model that always thinks is asked for the call in words", async () => {
    const tools = [toolSpec("files_list"), toolSpec("files_read")];
    const sent = async (model: string, toolChoice: "required" | { readonly name: string }) => {
      const { body } = await requestFor({ thinking: "high", tools, toolChoice, parallelTools: false }, `anthropic/${model}`);
      const asked = (body.system as readonly { readonly text: string }[]).at(-1)?.text;
      return [body.thinking, body.tool_choice, body.output_config, asked?.startsWith("Answer the last") ? asked : undefined];
    };
    const one = { disable_parallel_tool_use: true };
    expect(await sent("claude-sonnet-5", "required")).toEqual([{ type: "disabled" }, { type: "any", ...one }, undefined, undefined]);
    const named = { name: "files_read" };
    const forced = { type: "tool", name: "files_read", ...one };
    expect(await sent("claude-haiku-4-5", named)).toEqual([undefined, forced, undefined, undefined]);
    for (const model of ["claude-opus-5-5", "claude-sonnet-5-5"]) {
      expect(await sent(model, named)).toEqual([
        { type: "adaptive", display: "summarized" },
        { type: "auto", ...one },
        { effort: "high" },
        expect.stringContaining("a call of the tool files_read, and no other"),
      ]);
    }
  });

  test("a budget for thinking leaves room for the answer", async () => {
    const { body } = await requestFor({ thinking: "xhigh", maxOutputTokens: 4096 }, "anthropic/claude-haiku-4-5");
    expect(body).toMatchObject({ max_tokens: 4096, thinking: { type: "enabled", budget_tokens: 3072 } });
    expect((await requestFor({ thinking: "low", maxOutputTokens: 1500 }, "anthropic/claude-haiku-4-5")).body.thinking).toBeUndefined();
  });

  test("once the models were listed, their own abilities decide", async () => {
    await using fixture = await start();
    const io = { signal: new AbortController().signal };
    const { models } = await fixture.provider.models({}, io);
    expect(models).toMatchObject([
      { ref: "anthropic/claude-test-adaptive", contextWindow: 1_000_000, maxOutputTokens: 128_000, reasoning: true, price: null },
      { ref: "anthropic/claude-test-budget", contextWindow: 200_000, maxOutputTokens: 64_000 },
    ]);
    fixture.vendor.answer({ steps: [{ text: ["ok"] }] });
    await readStream(fixture.provider.stream(modelRequest("anthropic/claude-test-budget", [userMessage("x")], { thinking: "low" }), io));
    expect((await fixture.vendor.received(1)).body.thinking).toEqual({ type: "enabled", budget_tokens: 2048 });
  });
});

describe("what Anthropic answers", () => {
  test("a paused turn is given back as it was and goes on in the same answer", async () => {
    await using fixture = await start();
    fixture.vendor.answer(
      { steps: [{ text: ["first "] }], stop: "pause_turn" as "stop", usage: { input: 10, output: 3 } },
      { steps: [{ text: ["second"] }], usage: { input: 20, output: 4 } },
    );
    const io = { signal: new AbortController().signal };
    const { answer } = await readStream(fixture.provider.stream(modelRequest(MODEL, [userMessage("hello")]), io));
    expect(answer.stopReason).toBe("stop");
    expect(answer.message.content).toEqual([
      { type: "text", text: "first " },
      { type: "text", text: "second" },
    ]);
    expect(answer.usage).toMatchObject({ input: 30, output: 7 });
    const again = turnsOf(await fixture.vendor.received(2));
    expect(again.at(-1)).toMatchObject({ role: "assistant", content: [{ type: "text", text: "first " }] });
  });

  test("a key that the vendor repeats in its error is not shown", async () => {
    await using fixture = await start();
    fixture.vendor.answer({ error: { status: 401, message: "invalid key sk-ant-api03-abcdefghijk" } });
    const io = { signal: new AbortController().signal };
    const { answer } = await readStream(fixture.provider.stream(modelRequest(MODEL, [userMessage("hello")]), io));
    expect(answer.failure?.message).not.toContain("abcdefghijk");
  });
});

describe("endpoints", () => {
  const io = { signal: new AbortController().signal };

  test("without a key the endpoint is not ready and says what to set, and a call fails as auth without a request", async () => {
    await using fixture = await start({ secrets: {} });
    const { endpoints } = await fixture.provider.endpoints({}, io);
    expect(endpoints).toEqual([
      {
        endpoint: "anthropic",
        label: "Anthropic",
        ready: false,
        detail: "set ANTHROPIC_API_KEY in the environment, or: pincer secrets set ANTHROPIC_API_KEY",
        defaultModel: "claude-sonnet-5-5",
      },
    ]);
    const { answer } = await readStream(fixture.provider.stream(modelRequest(MODEL, [userMessage("hello")]), io));
    expect(answer).toMatchObject({ stopReason: "error", failure: { class: "auth" } });
    expect(answer.failure?.message).toContain("pincer secrets set ANTHROPIC_API_KEY");
    expect(await fixture.provider.models({}, io)).toEqual({ models: [] });
  });

  test("another server of this API is an endpoint of its own, with its own key, headers and models", async () => {
    await using vendor = startAnthropicVendor();
    await using fixture = await start({
      secrets: { MINE: "mine-key" },
      config: {
        endpoints: {
          mine: { baseUrl: `${vendor.origin}/v1/`, key: { secret: "MINE" }, headers: { "x-team": "a" }, models: ["big-1", "small-1"] },
        },
      },
    });
    const { endpoints } = await fixture.provider.endpoints({}, io);
    expect(endpoints.find(({ endpoint }) => endpoint === "mine")).toEqual({
      endpoint: "mine",
      label: "mine",
      ready: true,
      credential: expect.any(String),
      defaultModel: "big-1",
      local: true,
    });
    vendor.answer({ steps: [{ text: ["ok"] }] });
    await readStream(fixture.provider.stream(modelRequest("mine/big-1", [userMessage("hello")]), io));
    const call = await vendor.received(1);
    expect([call.path, call.headers.get("authorization"), call.headers.get("x-team")]).toEqual(["/v1/messages", "Bearer mine-key", "a"]);
    expect((await fixture.provider.models({ endpoint: "mine" }, io)).models.map(({ ref }) => ref)).toEqual(["mine/big-1", "mine/small-1"]);
  });

  test("a request may name the credential to use instead; a token of somebody who signed in goes with what the vendor asks for", async () => {
    await using vendor = startAnthropicVendor();
    await using fixture = await start({ secrets: { ANTHROPIC_API_KEY: "first", SECOND: "second", ANTHROPIC_BASE_URL: vendor.origin } });
    const ask = async (credential: Credential) => {
      vendor.answer({ steps: [{ text: ["ok"] }] });
      return (await readStream(fixture.provider.stream(modelRequest(MODEL, [userMessage("hello")], { credential }), io))).answer;
    };
    await ask({ type: "api-key", secret: "SECOND" });
    await ask({ type: "oauth", secret: "SECOND" });
    const sent = vendor.ledger.map(({ headers }) => [headers.get("authorization"), headers.get("anthropic-beta")]);
    expect(sent).toEqual([
      ["Bearer second", null],
      ["Bearer second", "oauth-2025-04-20"],
    ]);
    expect(await ask({ type: "api-key", secret: "GONE" })).toMatchObject({ stopReason: "error", failure: { class: "auth" } });
    expect(vendor.ledger).toHaveLength(2);
  });
});
