import { describe, expect, test } from "bun:test";
import type { ModelRequest, Thinking } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { modelRequest, readStream, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { sse } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import { Value } from "@sinclair/typebox/value";
import { CHARGE, midStreamError, type OpenRouterOptions, startOpenRouterVendor } from "../../tests/vendors/openrouter/server.ts";
import { OpenRouterConfig } from "./config.ts";
import { createOpenRouterProvider } from "./provider.ts";

type Json = Readonly<Record<string, unknown>>;

const io = { signal: new AbortController().signal };
const ok: VendorAnswer = { steps: [{ text: ["ok"] }] };

async function start(settings: Json = {}, options: OpenRouterOptions = {}, config: Json = {}) {
  const vendor = startOpenRouterVendor(options);
  const secrets: Readonly<Record<string, string>> = { OPENROUTER_API_KEY: "sk-or-1", REFUSED: "refused" };
  const provider = createOpenRouterProvider({
    config: Value.Parse(OpenRouterConfig, { ...config, endpoints: { openrouter: { baseUrl: `${vendor.origin}/api/v1/`, ...settings } } }),
    ...{ clock: createManualClock(Date.UTC(2026, 10, 20)), fetch },
    secret: async (name) => secrets[name],
  });
  const ask = (model: string, more: Partial<ModelRequest> = {}, answer = ok, messages: readonly Message[] = [userMessage("hello")]) => {
    vendor.answer(answer);
    return readStream(provider.stream(modelRequest(`openrouter/${model}`, messages, more), io));
  };
  const sent = async (model: string, more: Partial<ModelRequest> = {}, messages?: readonly Message[]): Promise<Json> => {
    await ask(model, more, ok, messages);
    return vendor.ledger.at(-1)?.body ?? {};
  };
  return { vendor, provider, ask, sent, [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose]() };
}

describe("what is sent", () => {
  test("one model and no other, with the operator's routing, for one conversation; nothing is cut in the middle", async () => {
    const routing = { order: ["anthropic"], allow_fallbacks: false, data_collection: "deny", zdr: true };
    await using router = await start({ routing });
    const body = await router.sent("vendor/model", { cacheKey: "s".repeat(300), maxOutputTokens: 50, temperature: 0.2 });
    expect(body).toMatchObject({
      ...{ model: "vendor/model", max_tokens: 50, temperature: 0.2, provider: routing, usage: { include: true } },
      plugins: [{ id: "context-compression", enabled: false }],
      session_id: "s".repeat(256),
    });
    expect(body).not.toHaveProperty("models");
    await using plain = await start();
    const [without, { headers }] = [await plain.sent("vendor/model"), await plain.vendor.received(1)];
    expect(without).not.toHaveProperty("provider");
    expect(without).not.toHaveProperty("session_id");
    expect(headers.get("authorization")).toBe("Bearer sk-or-1");
  });

  test("who asks is told as the operator says, and to be ranked only with an address", async () => {
    const headersOf = async (config: Json) => {
      await using router = await start({}, {}, config);
      await router.sent("vendor/model");
      const { headers } = await router.vendor.received(1);
      return ["x-openrouter-title", "http-referer", "x-openrouter-categories"].map((name) => headers.get(name));
    };
    expect(await headersOf({})).toEqual(["Pincer", null, null]);
    expect(await headersOf({ app: { title: "My agent", url: "https://agent.example" } })).toEqual([
      "My agent",
      "https://agent.example",
      "personal-agent",
    ]);
    expect(await headersOf({ app: { title: "" } })).toEqual([null, null, null]);
  });

  test("where the vendor must be told, the prompt is marked: behind what stays the same, and behind the last two turns", async () => {
    await using router = await start();
    const tools = [toolSpec("now")];
    const call: Message = {
      role: "assistant",
      content: [{ type: "toolCall", id: "c1", name: "now", arguments: {} }],
      ...{ timestamp: 1, provider: "openrouter", model: "anthropic/claude-opus-5-5", api: "openrouter-chat" },
    };
    const result: Message = {
      role: "toolResult",
      toolCallId: "c1",
      toolName: "now",
      content: [{ type: "text", text: "noon" }],
      isError: false,
      timestamp: 2,
    };
    const system = [{ text: "You are a test.", cache: true }, { text: "It is noon." }];
    const messages = [userMessage("one"), userMessage("two"), call, result];
    const mark = { cache_control: { type: "ephemeral" } };
    const marked = (text: string) => [{ type: "text", text, ...mark }];
    expect((await router.sent("anthropic/claude-opus-5-5", { system, tools }, messages))["messages"]).toMatchObject([
      { role: "system", content: [...marked("You are a test."), { type: "text", text: "It is noon." }] },
      { role: "user", content: "one" },
      { role: "user", content: marked("two") },
      { role: "assistant" },
      { role: "tool", content: marked("noon") },
    ]);
    expect(JSON.stringify(await router.sent("openai/gpt-5", { system, tools }, messages))).not.toContain("cache_control");
  });
});

describe("how a model is told to think", () => {
  const models = [
    { id: "a/free", reasoning: { supported_efforts: ["xhigh", "high", "medium", "low", "none"], mandatory: false } },
    { id: "a/must", reasoning: { supported_efforts: ["high", "medium", "low"], mandatory: true } },
    { id: "a/any", reasoning: { supported_efforts: null } },
  ];

  test("with the levels that its entry in the list names; of one that is not known less is said", async () => {
    await using router = await start({}, { models });
    const levels = async (model: string) => {
      const found: unknown[] = [];
      for (const thinking of ["off", "minimal", "low", "medium", "high", "xhigh"] as readonly Thinking[]) {
        found.push((await router.sent(model, { thinking }))["reasoning"]);
      }
      return found;
    };
    const effort = (...names: readonly string[]) => names.map((name) => ({ effort: name }));
    expect(await levels("b/unknown")).toEqual([undefined, ...effort("minimal", "low", "medium", "high", "xhigh")]);
    await router.provider.models({ endpoint: "openrouter" }, io);
    expect(await levels("a/free")).toEqual([{ enabled: false }, ...effort("low", "low", "medium", "high", "xhigh")]);
    expect(await levels("a/must")).toEqual(effort("low", "low", "low", "medium", "high", "high"));
    expect(await levels("a/any")).toEqual([{ enabled: false }, ...effort("minimal", "low", "medium", "high", "xhigh")]);
  });

  test("its records of thinking are given back as they were, pieces joined, and to no other model", async () => {
    await using router = await start();
    const chunk = (delta: unknown, finish_reason: string | null = null) => sse({ choices: [{ index: 0, delta, finish_reason }] });
    const detail = (text: string, more: Json = {}) => ({ type: "reasoning.text", index: 0, format: "x", text, ...more });
    const sealed = { type: "reasoning.encrypted", index: 1, data: "sealed", id: "r1" };
    const raw = [
      chunk({ reasoning: "Let me", reasoning_details: [detail("Let me")] }),
      chunk({ reasoning: " see.", reasoning_details: [detail(" see.", { signature: "sig" })] }),
      chunk({ reasoning_details: [sealed] }),
      chunk({ content: "Done." }),
      chunk({}, "stop"),
    ];
    const { answer } = await router.ask("vendor/model", {}, { raw });
    expect(answer.message.content).toMatchObject([
      { type: "thinking", thinking: "Let me see." },
      { type: "text", text: "Done." },
    ]);
    const messages = [userMessage("hi"), answer.message, userMessage("again")];
    const back = async (model: string) =>
      ((await router.sent(model, {}, messages))["messages"] as readonly Json[])[2]?.["reasoning_details"];
    expect(await back("vendor/model")).toEqual([
      { type: "reasoning.text", index: 0, format: "x", text: "Let me see.", signature: "sig" },
      sealed,
    ]);
    expect(await back("vendor/other")).toBeUndefined();
  });
});

describe("what goes wrong", () => {
  test("an error inside the stream keeps its class, and what had come", async () => {
    await using router = await start();
    const failureOf = async (code: number, message: string, metadata?: Json) => {
      const raw = [sse({ choices: [{ index: 0, delta: { content: "so far" } }] }), midStreamError(code, message, metadata)];
      const { answer } = await router.ask("vendor/model", {}, { raw });
      expect(answer).toMatchObject({ stopReason: "error", message: { content: [{ text: "so far" }] } });
      return answer.failure;
    };
    expect(await failureOf(429, "Rate limit exceeded", { error_type: "rate_limit_exceeded" })).toMatchObject({ class: "rate-limit" });
    expect(await failureOf(429, "upstream is busy")).toMatchObject({ class: "rate-limit" });
    expect(await failureOf(400, "It is full", { error_type: "context_length_exceeded" })).toMatchObject({ class: "context-overflow" });
    expect(await failureOf(500, "Internal Server Error", { error_type: "server" })).toMatchObject({ class: "network" });
    expect(await failureOf(502, "gone", { provider_name: "DeepInfra", raw: "connection reset" })).toEqual({
      class: "network",
      message: "gone from DeepInfra: connection reset",
    });
  });

  test("an answer that ends with an error and says no more is one, in pieces and in one piece", async () => {
    await using router = await start();
    const raw = [
      sse({ choices: [{ index: 0, delta: { content: "so far" }, finish_reason: "error", error: { code: 502, message: "it broke" } }] }),
    ];
    expect((await router.ask("vendor/model", {}, { raw })).answer.failure).toEqual({ class: "network", message: "it broke" });
    const whole = [JSON.stringify({ choices: [{ index: 0, message: { content: "so far" }, finish_reason: "error" }] })];
    expect((await router.ask("vendor/model", { whole: true }, { raw: whole })).answer).toMatchObject({ stopReason: "error" });
    const told = [
      JSON.stringify({ error: { code: 503, message: "No provider is free", metadata: { error_type: "provider_overloaded" } } }),
    ];
    expect((await router.ask("vendor/model", { whole: true }, { raw: told })).answer.failure).toMatchObject({ class: "overloaded" });
  });

  const refusals: readonly (readonly [title: string, status: number, error: Json, expected: Json])[] = [
    [
      "a text that a vendor's moderation flagged is a refusal, with its reasons",
      403,
      {
        code: 403,
        message: "Your chosen model requires moderation and your input was flagged",
        metadata: { reasons: ["violence"], flagged_input: "...", provider_name: "OpenAI", model_slug: "openai/gpt-5" },
      },
      { class: "refusal", message: "Your chosen model requires moderation and your input was flagged (violence) from OpenAI" },
    ],
    [
      "what a guardrail stopped is a refusal",
      403,
      { code: 403, message: "Request blocked", metadata: { patterns: ["ignore all previous instructions"] } },
      { class: "refusal", message: "Request blocked (ignore all previous instructions)" },
    ],
    [
      "a model that is not for this country is no fault of the key",
      403,
      {
        message: "Not available in your region",
        error_type: "permission_denied",
        http_status: 403,
        availability: { code: "region_restricted" },
      },
      { class: "bad-request" },
    ],
    [
      "all providers at capacity say when to come again, and what else there is",
      429,
      {
        message: "All providers are at capacity.",
        ...{ error_type: "rate_limit_exceeded", http_status: 429 },
        availability: { code: "capacity_exhausted", retryable: true, retry_after: 40, fallback_models: ["anthropic/claude-haiku-4.5"] },
      },
      { class: "rate-limit", retryAfterMs: 40_000, message: "All providers are at capacity. (it suggests anthropic/claude-haiku-4.5)" },
    ],
    ["a key without rights is a fault of the key", 403, { code: 403, message: "Key limit exceeded" }, { class: "auth" }],
  ];
  test.each(refusals)("%s", async (_title, status, error, expected) => {
    await using router = await start(
      {},
      {
        instead(exchange) {
          exchange.send(status, JSON.stringify({ error }));
          return true;
        },
      },
    );
    expect((await router.ask("vendor/model")).answer.failure).toMatchObject({ ...expected, status });
  });
});

describe("what is known", () => {
  const entry = {
    ...{ id: "vendor/model", name: "Vendor: Model", context_length: 200_000 },
    supported_parameters: ["tools", "reasoning"],
    architecture: { input_modalities: ["text", "image", "file"], output_modalities: ["text"] },
    top_provider: { context_length: 128_000, max_completion_tokens: 64_000 },
    pricing: { prompt: "0.000002", completion: "0.00001", input_cache_read: "0.0000002", image: "0" },
  };

  test("the list comes with prices, limits and abilities; what depends is unknown, what paints is no model here", async () => {
    const models = [
      entry,
      { id: "openrouter/auto", pricing: { prompt: "-1", completion: "-1" } },
      { id: "vendor/painter", architecture: { output_modalities: ["image"] } },
    ];
    await using router = await start({}, { models });
    expect((await router.provider.models({ endpoint: "openrouter" }, io)).models).toEqual([
      {
        ...{ ref: "openrouter/vendor/model", endpoint: "openrouter", id: "vendor/model", name: "Vendor: Model" },
        // What the provider that answers takes, not what the best of them would.
        ...{ contextWindow: 128_000, maxOutputTokens: 64_000, reasoning: true, vision: true, documents: true, tools: true },
        price: { input: 2, output: 10, cacheRead: 0.2 },
      },
      expect.objectContaining({ ref: "openrouter/openrouter/auto", contextWindow: null, maxOutputTokens: null, price: null }),
    ]);
  });

  test("it is ready with a key, without a request; a further name is the same router", async () => {
    const provider = createOpenRouterProvider({
      config: Value.Parse(OpenRouterConfig, { endpoints: { private: { routing: { zdr: true }, defaultModel: "vendor/model" } } }),
      ...{ clock: createManualClock(), fetch: () => Promise.reject(new Error("asked")) },
      secret: async (name) => (name === "OPENROUTER_API_KEY" ? "sk-or-1" : undefined),
    });
    const credential = expect.any(String);
    expect((await provider.endpoints({}, io)).endpoints).toEqual([
      { endpoint: "openrouter", label: "OpenRouter", ready: true, defaultModel: "openrouter/auto", credential },
      { endpoint: "private", label: "private", ready: true, defaultModel: "vendor/model", credential },
    ]);
  });

  test("a call costs what the router says, also one for vectors", async () => {
    await using router = await start();
    expect((await router.ask("vendor/model")).answer.usage.cost).toBe(CHARGE);
    expect(await router.provider.embed!({ model: "openrouter/vendor/vectors", input: ["one"] }, io)).toEqual({
      embeddings: [[3 / 64, 0]],
      usage: { input: 7, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 7, cost: CHARGE },
    });
  });

  test("a key that the router does not know fails the probe, though it tells its models to anybody", async () => {
    await using router = await start({}, { models: [entry] });
    const credential = { type: "api-key" as const, secret: "REFUSED" };
    expect(await router.provider.probe!({ endpoint: "openrouter" }, io)).toEqual({});
    expect(await router.provider.probe!({ endpoint: "openrouter", credential }, io)).toMatchObject({
      failure: { class: "auth", status: 401 },
    });
    expect((await router.provider.models({ endpoint: "openrouter", credential }, io)).models).toHaveLength(1);
  });
});
