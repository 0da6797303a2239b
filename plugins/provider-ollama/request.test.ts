import { describe, expect, test } from "bun:test";
import type { ModelRequest, Thinking } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { modelRequest, readStream, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import type { VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import { Value } from "@sinclair/typebox/value";
import { type OllamaVendorOptions, startOllamaVendor } from "../../tests/vendors/ollama/server.ts";
import { OllamaConfig } from "./config.ts";
import { createOllamaProvider } from "./provider.ts";

type Json = Readonly<Record<string, unknown>>;

const io = { signal: new AbortController().signal };
const ok: VendorAnswer = { steps: [{ text: ["ok"] }] };
const CHAT = ["completion", "tools"];
const DEEP = [...CHAT, "thinking"];

async function start(options: OllamaVendorOptions, config: Json = {}) {
  const vendor = startOllamaVendor(options);
  const provider = createOllamaProvider({
    config: Value.Parse(OllamaConfig, config),
    clock: createManualClock(),
    fetch,
    secret: async (name) => (name === "OLLAMA_HOST" ? vendor.origin : undefined),
  });
  const ask = async (model: string, more: Partial<ModelRequest> = {}, answer: VendorAnswer = ok, messages?: readonly Message[]) => {
    vendor.answer(answer);
    return readStream(provider.stream(modelRequest(`ollama/${model}`, messages ?? [userMessage("hello")], more), io));
  };
  /** The body of the request that this makes. */
  const sent = async (model: string, more: Partial<ModelRequest> = {}, messages?: readonly Message[]): Promise<Json> => {
    const { answer } = await ask(model, more, ok, messages);
    expect(answer.failure).toBeUndefined();
    return vendor.ledger.at(-1)?.body ?? {};
  };
  return { vendor, provider, ask, sent, [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose]() };
}

describe("how much context a model is loaded with", () => {
  const lengths = async (models: OllamaVendorOptions["models"] & object, config: Json = {}) => {
    await using server = await start({ models }, config);
    const found: Json = {};
    for (const { id, contextWindow } of (await server.provider.models({ endpoint: "ollama" }, io)).models) {
      const { num_ctx } = (await server.sent(id))["options"] as Json;
      Object.assign(found, { [id]: [num_ctx, contextWindow] });
    }
    return found;
  };

  test("enough for an agent, no more than it can have, and what somebody chose stays", async () => {
    expect(
      await lengths({
        "big:latest": { capabilities: CHAT, contextLength: 131_072 },
        "small:1b": { capabilities: CHAT, contextLength: 8192 },
        "silent:latest": { capabilities: CHAT },
        "loaded:latest": { capabilities: CHAT, contextLength: 131_072, loaded: 65_536 },
        "short:latest": { capabilities: CHAT, contextLength: 131_072, loaded: 4096 },
        "own:latest": { capabilities: CHAT, contextLength: 131_072, parameters: 'stop   "</s>"\nnum_ctx                        16384' },
        "far:120b-cloud": { capabilities: CHAT, contextLength: 262_144, remoteHost: "https://ollama.com:443" },
      }),
    ).toEqual({
      big: [32_768, 32_768],
      "small:1b": [8192, 8192],
      silent: [32_768, 32_768],
      // Loading it again with less would take long, and give less.
      loaded: [65_536, 65_536],
      short: [32_768, 32_768],
      own: [undefined, 16_384],
      "far:120b-cloud": [undefined, 262_144],
    });
  });

  test("the operator says how much is enough", async () => {
    expect(await lengths({ "big:latest": { capabilities: CHAT, contextLength: 131_072 } }, { contextLength: 65_536 })).toEqual({
      big: [65_536, 65_536],
    });
  });

  test("a conversation that does not fit is an error, and not cut", async () => {
    await using server = await start({ models: { "small:latest": { capabilities: CHAT, contextLength: 2048 } } });
    const { answer } = await server.ask("small", {}, ok, [userMessage("word ".repeat(4000)), userMessage("what was the first word?")]);
    expect(answer.failure).toMatchObject({ class: "context-overflow", status: 400 });
    expect(server.vendor.ledger).toEqual([]);
    expect(await server.sent("small")).toMatchObject({ truncate: false, shift: false });
  });
});

describe("how a model is told to think", () => {
  const all: readonly Thinking[] = ["off", "minimal", "low", "medium", "high", "xhigh"];
  const levels = async (options: OllamaVendorOptions, model: string) => {
    await using server = await start(options);
    const found: unknown[] = [];
    for (const thinking of all) found.push((await server.sent(model, { thinking }))["think"]);
    return found;
  };
  const models = {
    "deep:latest": { capabilities: DEEP },
    "gpt-oss:20b": { capabilities: DEEP, family: "gptoss" },
    "plain:latest": { capabilities: CHAT },
  };

  test("by level; one that always thinks is never told not to, one that cannot is told nothing", async () => {
    expect(await levels({ models }, "deep")).toEqual([false, "low", "low", "medium", "high", "max"]);
    expect(await levels({ models }, "gpt-oss:20b")).toEqual(["low", "low", "low", "medium", "high", "high"]);
    expect(await levels({ models }, "plain")).toEqual([undefined, undefined, undefined, undefined, undefined, undefined]);
  });

  test("a server that does not know the highest level is told the next one, an older one only whether, from then on at once", async () => {
    expect(await levels({ models, knows: "before-max" }, "deep")).toEqual([false, "low", "low", "medium", "high", "high"]);
    expect(await levels({ models, knows: "switch" }, "deep")).toEqual([false, true, true, true, true, true]);
    await using server = await start({ models, knows: "before-max" });
    for (let times = 0; times < 2; times++) await server.sent("deep", { thinking: "xhigh" });
    expect(server.vendor.refused()).toBe(1);
  });

  test("what it thought goes back while the tools of the turn run, and not later", async () => {
    await using server = await start({ models });
    const tools = [toolSpec("now")];
    const first = await server.ask(
      "deep",
      { tools },
      {
        steps: [{ thinking: ["I need the time."] }, { toolCall: { id: "c1", name: "now", arguments: "{}" } }],
      },
    );
    const result: Message = { role: "toolResult", toolCallId: "c1", toolName: "now", content: [], isError: false, timestamp: 2 };
    const talk = [userMessage("time?"), first.answer.message, result];
    const back = async (messages: readonly Message[]) =>
      ((await server.sent("deep", { tools }, messages))["messages"] as readonly Json[]).find(({ tool_calls }) => tool_calls)?.["thinking"];
    expect(await back(talk)).toBe("I need the time.");
    expect(await back([...talk, userMessage("and now?")])).toBeUndefined();
  });
});

describe("what is sent", () => {
  const models = { "deep:latest": { capabilities: [...DEEP, "vision"] } };

  test("what shapes the answer, in the server's own words; what was not asked for is not said", async () => {
    await using server = await start({ models }, { keepAliveMs: 3_600_000 });
    const schema = { type: "object", properties: { a: { type: "string" } } };
    const body = await server.sent("deep", {
      responseFormat: { type: "json-schema", name: "answer", schema },
      ...{ maxOutputTokens: 50, temperature: 0.2, topP: 0.9, stop: ["END"], seed: 7, presencePenalty: 0.1, frequencyPenalty: 0.2 },
      logprobs: 3,
    });
    expect(body).toMatchObject({ stream: true, format: schema, keep_alive: "3600000ms", logprobs: true, top_logprobs: 3 });
    expect(body["options"]).toEqual({
      ...{ num_ctx: 32_768, num_predict: 50, temperature: 0.2, top_p: 0.9, stop: ["END"], seed: 7 },
      ...{ presence_penalty: 0.1, frequency_penalty: 0.2 },
    });
    expect(await server.sent("deep", { responseFormat: { type: "json" }, whole: true })).toMatchObject({ stream: false, format: "json" });
    const { thinking: _, ...plain } = modelRequest("ollama/deep", [userMessage("hello")]);
    server.vendor.answer(ok);
    await readStream(server.provider.stream(plain, io));
    const { model, messages, keep_alive, options, ...rest } = server.vendor.ledger.at(-1)?.body ?? {};
    expect(rest).toEqual({ stream: true, truncate: false, shift: false });
  });

  test("a model that is to stay loaded does", async () => {
    await using server = await start({ models }, { keepAliveMs: -1 });
    expect((await server.sent("deep"))["keep_alive"]).toBe(-1);
  });

  test("no tool at all is a choice that the server knows; that one must be called is none", async () => {
    await using server = await start({ models });
    const tools = [toolSpec("now")];
    expect(await server.sent("deep", { tools, toolChoice: "none" })).not.toHaveProperty("tools");
    expect((await server.sent("deep", { tools, toolChoice: "auto" }))["tools"]).toHaveLength(1);
    for (const toolChoice of ["required", { name: "now" }] as const) {
      const { answer } = await server.ask("deep", { tools, toolChoice });
      expect(answer.failure).toMatchObject({ class: "bad-request", message: expect.stringContaining("cannot make a model call a tool") });
    }
    expect(server.vendor.ledger).toHaveLength(2);
  });

  test("where one call at a time is wanted, one is taken", async () => {
    await using server = await start({ models });
    const steps = ["a", "b"].map((id) => ({ toolCall: { id, name: "now", arguments: `{"at":"${id}"}` } }));
    const { answer, events } = await server.ask("deep", { tools: [toolSpec("now")], parallelTools: false }, { steps });
    expect(answer).toMatchObject({ stopReason: "toolUse", message: { content: [{ id: "a", arguments: { at: "a" } }] } });
    expect([answer.message.content.length, events.length]).toEqual([1, 1]);
  });

  test("an unfinished answer goes on, without another thought", async () => {
    await using server = await start({ models });
    const [info] = (await server.provider.models({ endpoint: "ollama" }, io)).models;
    expect(info?.continues).toBe(true);
    const begun: Message = {
      role: "assistant",
      content: [{ type: "text", text: "Once upon" }],
      ...{ timestamp: 1, provider: "ollama", model: "deep", api: "ollama-chat" },
    };
    const body = await server.sent("deep", { thinking: "high" }, [userMessage("tell"), begun]);
    expect((body["messages"] as readonly Json[]).at(-1)).toEqual({ role: "assistant", content: "Once upon" });
    expect(body["think"]).toBe(false);
  });

  test("a call of an older server, without an id, gets one", async () => {
    await using server = await start({ models });
    const line = (message: Json, more: Json = { done: false }) => `${JSON.stringify({ message, ...more })}\n`;
    const raw = [
      line({ role: "assistant", content: "", tool_calls: [{ function: { name: "now", arguments: { zone: "UTC" } } }] }),
      line({ role: "assistant", content: "" }, { done: true, done_reason: "stop" }),
    ];
    const { answer } = await server.ask("deep", { tools: [toolSpec("now")] }, { raw });
    expect(answer.stopReason).toBe("toolUse");
    expect(answer.message.content).toMatchObject([
      { name: "now", id: expect.stringMatching(/^call_[\w-]{8,}$/), arguments: { zone: "UTC" } },
    ]);
  });

  test("a model that is not there says how it is fetched, one of the cloud where to sign in", async () => {
    await using server = await start({ models });
    const gone = await server.ask("qwen3");
    expect(gone.answer.failure).toEqual({
      class: "bad-request",
      status: 404,
      message: "model 'qwen3' not found; fetch it with: pincer models pull ollama/qwen3",
    });
    await using cloud = await start({ models });
    const { answer } = await cloud.ask("deep", {}, { error: { status: 401, message: "unauthorized", code: "https://ollama.com/connect" } });
    expect(answer.failure).toMatchObject({ class: "auth", message: "unauthorized: sign in at https://ollama.com/connect" });
  });
});
