import { describe, expect, test } from "bun:test";
import type { ModelRequest, Thinking } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { modelRequest, readStream, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { sse } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { ScriptedVendor, VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import { Value } from "@sinclair/typebox/value";
import { startOpenAiVendor } from "../../tests/vendors/openai/server.ts";
import { OpenAiConfig } from "./config.ts";
import { effortFor, effortsOf } from "./effort.ts";
import { createOpenAiProvider } from "./provider.ts";

type Json = Readonly<Record<string, unknown>>;

/** One endpoint at a scripted vendor. */
async function start(endpoint: string, settings: Json = {}) {
  const vendor = startOpenAiVendor();
  const config = Value.Parse(OpenAiConfig, { endpoints: { [endpoint]: { baseUrl: `${vendor.origin}/v1`, key: "k", ...settings } } });
  const provider = createOpenAiProvider({ config, clock: createManualClock(), fetch, secret: async () => undefined });
  const ask = (
    answer: VendorAnswer,
    model: string,
    more: Partial<ModelRequest> = {},
    messages: readonly Message[] = [userMessage("hello")],
  ) => {
    vendor.answer(answer);
    const io = { signal: new AbortController().signal };
    return readStream(provider.stream(modelRequest(`${endpoint}/${model}`, messages, more), io));
  };
  return { vendor, provider, ask, [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose]() };
}
const bodyOf = ({ ledger }: ScriptedVendor, number: number, part: string) => (ledger.at(number)?.body[part] ?? []) as readonly Json[];
const ok: VendorAnswer = { steps: [{ text: ["ok"] }] };

describe("efforts of OpenAI's models", () => {
  const sent = (model: string) =>
    (["off", "minimal", "low", "medium", "high", "xhigh"] as const).map((level: Thinking) => {
      const efforts = effortsOf(model);
      return efforts && effortFor(level, efforts);
    });

  test.each([
    ["gpt-5", ["minimal", "minimal", "low", "medium", "high", "high"]],
    ["gpt-5-mini-2025-08-07", ["minimal", "minimal", "low", "medium", "high", "high"]],
    ["gpt-5-codex", ["low", "low", "low", "medium", "high", "high"]],
    ["gpt-5-pro", ["high", "high", "high", "high", "high", "high"]],
    ["gpt-5.1", ["none", "low", "low", "medium", "high", "high"]],
    ["gpt-5.6-sol", ["none", "low", "low", "medium", "high", "xhigh"]],
    ["gpt-6-sol", ["none", "low", "low", "medium", "high", "xhigh"]],
    ["gpt-6.1-sol", ["low", "low", "low", "medium", "high", "xhigh"]],
    ["o3", ["low", "low", "low", "medium", "high", "high"]],
  ])("%s is told what it knows", (model, efforts) => {
    expect(sent(model)).toEqual(efforts as never);
  });

  test.each(["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest", "llama3.3", "qwen3:8b"])("%s is told nothing", (model) => {
    expect(effortsOf(model)).toBeUndefined();
  });
});

describe("what is sent over Responses", () => {
  test("nothing is stored, thinking comes encrypted, schemas stay as they are", async () => {
    await using fixture = await start("lab", { api: "responses" });
    await fixture.ask(ok, "gpt-6.1-sol", { thinking: "high", tools: [toolSpec("files_read")], cacheKey: "session-1", temperature: 0.5 });
    const { path, headers, body } = await fixture.vendor.received(1);
    expect([path, headers.get("authorization")]).toEqual(["/v1/responses", "Bearer k"]);
    expect(body).toMatchObject({
      model: "gpt-6.1-sol",
      store: false,
      include: ["reasoning.encrypted_content"],
      reasoning: { effort: "high", summary: "auto" },
      instructions: "You are a test.",
      prompt_cache_key: "session-1",
      tools: [{ type: "function", name: "files_read", strict: false }],
    });
    // Models that reason refuse a temperature.
    expect(body).not.toHaveProperty("temperature");
  });

  test("a model that does not reason gets the temperature and no reasoning", async () => {
    await using fixture = await start("lab", { api: "responses" });
    await fixture.ask(ok, "gpt-4.1", { thinking: "high", temperature: 0.5, maxOutputTokens: 100 });
    const { body } = await fixture.vendor.received(1);
    expect(body).toMatchObject({ temperature: 0.5, max_output_tokens: 100 });
    expect(body).not.toHaveProperty("reasoning");
  });

  test("an organisation that may not read summaries gets its answer without them, from then on at once", async () => {
    await using fixture = await start("lab", { api: "responses" });
    fixture.vendor.answer({
      raw: [],
      error: { status: 400, code: "unsupported_value", param: "reasoning.summary", message: "Your organization must be verified" },
    });
    const { answer } = await fixture.ask(ok, "gpt-5");
    expect(answer.stopReason).toBe("stop");
    await fixture.ask(ok, "gpt-5");
    expect(fixture.vendor.ledger.map(({ body }) => body.reasoning)).toEqual([
      { effort: "low", summary: "auto" },
      { effort: "low" },
      { effort: "low" },
    ]);
  });

  test("what the model said on the way and what was its answer stay apart", async () => {
    await using fixture = await start("lab", { api: "responses" });
    const tools = [toolSpec("now")];
    const first = await fixture.ask(
      { steps: [{ text: ["One moment."] }, { toolCall: { id: "c1", name: "now", arguments: "{}" } }] },
      "gpt-6.1-sol",
      { tools },
    );
    const result: Message = { role: "toolResult", toolCallId: "c1", toolName: "now", content: [], isError: false, timestamp: 2 };
    const second = await fixture.ask({ steps: [{ text: ["Noon."] }] }, "gpt-6.1-sol", { tools }, [
      userMessage("time?"),
      first.answer.message,
      result,
    ]);
    const talk = [userMessage("time?"), first.answer.message, result, second.answer.message, userMessage("thanks")];
    await fixture.ask(ok, "gpt-6.1-sol", { tools }, talk);
    const phases = (number: number) =>
      bodyOf(fixture.vendor, number, "input")
        .filter(({ role }) => role === "assistant")
        .map(({ phase }) => phase);
    expect(phases(2)).toEqual(["commentary", "final_answer"]);
    await fixture.ask(ok, "gpt-5.1", { tools }, talk);
    expect(phases(3)).toEqual([undefined, undefined]);
  });

  test("parts of a summary are paragraphs of one thought", async () => {
    await using fixture = await start("lab", { api: "responses" });
    const delta = (summary_index: number, text: string) =>
      sse({ type: "response.reasoning_summary_text.delta", item_id: "rs", output_index: 0, summary_index, delta: text });
    const raw = [delta(0, "First"), delta(0, " part."), delta(1, "Second.")];
    const done = sse({ type: "response.completed", response: { status: "completed", usage: null } });
    const { answer } = await fixture.ask({ raw: [...raw, done] }, "gpt-5");
    expect(answer.message.content).toEqual([{ type: "thinking", thinking: "First part.\n\nSecond." }]);
  });

  test("a failure told inside the stream keeps its class", async () => {
    await using fixture = await start("lab", { api: "responses" });
    const failed = (code: string, message: string) => ({
      raw: [sse({ type: "response.failed", response: { status: "failed", error: { code, message } } })],
    });
    const classOf = async (code: string, message = "it failed") =>
      (await fixture.ask(failed(code, message), "gpt-5")).answer.failure?.class;
    expect(await classOf("rate_limit_exceeded")).toBe("rate-limit");
    expect(await classOf("image_too_large")).toBe("image");
    expect(await classOf("server_error")).toBe("network");
    expect(await classOf("bio_policy")).toBe("refusal");
  });
});

describe("what is sent over Chat Completions", () => {
  test("a common server is told in common words", async () => {
    await using fixture = await start("lab");
    await fixture.ask(ok, "llama", { maxOutputTokens: 50, temperature: 0.2, cacheKey: "s", tools: [toolSpec("files_read")] });
    const { path, body } = await fixture.vendor.received(1);
    expect(path).toBe("/v1/chat/completions");
    expect(body).toMatchObject({
      model: "llama",
      max_tokens: 50,
      temperature: 0.2,
      stream_options: { include_usage: true },
      messages: [
        { role: "system", content: "You are a test." },
        { role: "user", content: "hello" },
      ],
      tools: [{ type: "function", function: { name: "files_read" } }],
    });
    expect(Object.keys(body)).not.toContain("reasoning_effort");
    expect(Object.keys(body)).not.toContain("prompt_cache_key");
  });

  test("a server whose models reason is told how much", async () => {
    await using fixture = await start("lab", { reasoning: true });
    await fixture.ask(ok, "gpt-oss-120b", { thinking: "xhigh" });
    expect((await fixture.vendor.received(1)).body.reasoning_effort).toBe("high");
  });

  test("thinking that a server wants back is given back while the tools of the turn run, and not later", async () => {
    await using fixture = await start("lab");
    const tools = [toolSpec("now")];
    const first = await fixture.ask(
      { steps: [{ thinking: ["I need the time."] }, { toolCall: { id: "c1", name: "now", arguments: "{}" } }] },
      "deep",
      { tools },
    );
    const result: Message = { role: "toolResult", toolCallId: "c1", toolName: "now", content: [], isError: false, timestamp: 2 };
    const talk = [userMessage("time?"), first.answer.message, result];
    const back = async (messages: readonly Message[]) => {
      await fixture.ask(ok, "deep", { tools }, messages);
      const sent = bodyOf(fixture.vendor, -1, "messages");
      return sent.find(({ tool_calls }) => tool_calls)?.reasoning_content;
    };
    expect(await back(talk)).toBe("I need the time.");
    expect(await back([...talk, userMessage("and now?")])).toBeUndefined();
  });

  test("a local server's error inside the stream is told in its own words, however it puts them", async () => {
    await using fixture = await start("lab");
    for (const fault of [
      sse({ error: "the model ran out of memory" }),
      'event: error\r\ndata: {"message":"the model ran out of memory"}\r\n\r\n',
    ]) {
      const { answer } = await fixture.ask({ raw: [sse({ choices: [{ index: 0, delta: { content: "so far" } }] }), fault] }, "llama");
      expect(answer).toMatchObject({ stopReason: "error", failure: { message: "the model ran out of memory" } });
      expect(answer.message.content).toMatchObject([{ text: "so far" }]);
    }
  });

  test("a server that ends with stop although it called a tool, or sends a call without an id, is understood", async () => {
    await using fixture = await start("lab");
    const delta = { tool_calls: [{ index: 0, function: { name: "now", arguments: "{}" } }] };
    const raw = [sse({ choices: [{ index: 0, delta }] }), sse({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })];
    const { answer } = await fixture.ask({ raw }, "llama", { tools: [toolSpec("now")] });
    expect(answer.stopReason).toBe("toolUse");
    expect(answer.message.content).toMatchObject([{ type: "toolCall", name: "now", id: expect.stringMatching(/^call_[\w-]{8,}$/) }]);
  });

  test("fragments of parallel calls that come mixed are sorted", async () => {
    await using fixture = await start("lab");
    const part = (index: number, json: string, head: Json = {}) =>
      sse({
        choices: [
          {
            index: 0,
            delta: { tool_calls: [{ index, ...head, function: { ...(head.name ? { name: head.name } : {}), arguments: json } }] },
          },
        ],
      });
    const raw = [
      part(0, "", { id: "a", name: "one" }),
      part(1, "", { id: "b", name: "two" }),
      part(0, '{"x"'),
      part(1, '{"y":'),
      part(0, ":1}"),
      part(1, "2}"),
      sse({ choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] }),
    ];
    const { answer } = await fixture.ask({ raw }, "llama", { tools: [toolSpec("one"), toolSpec("two")] });
    expect(answer.message.content).toMatchObject([
      { id: "a", name: "one", arguments: { x: 1 } },
      { id: "b", name: "two", arguments: { y: 2 } },
    ]);
  });
});
