import { expect, test } from "bun:test";
import { sse } from "@pincer/plugin-sdk/testing/scripted-vendor";
import OpenAI from "openai";
import type { ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const hello: ChatCompletionMessageParam[] = [{ role: "user", content: "Hello!" }];
const model = "lab/gpt-test";
const weather: ChatCompletionTool = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather somewhere.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

const textOf = (chunks: readonly ChatCompletionChunk[], index = 0) =>
  chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index).map(({ delta }) => delta.content ?? "")).join("");

async function readAll<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

test("an answer comes back whole, with what it used", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["Good ", "morning."] }], usage: { input: 20, output: 4, cacheRead: 100 } });
  const completion = await openai.chat.completions.create({ model, messages: [{ role: "developer", content: "Be brief." }, ...hello] });
  expect(completion).toMatchObject({ object: "chat.completion", model, choices: [{ index: 0, finish_reason: "stop", logprobs: null }] });
  expect(completion.id).toMatch(/^chatcmpl_[0-9a-f-]{36}$/);
  expect(completion.choices[0]?.message).toEqual({ role: "assistant", content: "Good morning.", refusal: null });
  expect(completion.usage).toMatchObject({
    prompt_tokens: 120,
    completion_tokens: 4,
    total_tokens: 124,
    prompt_tokens_details: { cached_tokens: 100 },
  });
  const { body, headers } = await api.vendor.received(1);
  expect(body.messages).toEqual([
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello!" },
  ]);
  expect(body.model).toBe("gpt-test");
  expect(headers.get("authorization")).toBe("Bearer lab-key");
});

test("it streams as it comes, and the usage stands in a chunk of its own when it is asked for", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const gate = Promise.withResolvers<void>();
  api.vendor.answer({ steps: [{ text: ["early "] }, { text: ["late"] }], hold: { before: 1, until: gate.promise } });
  const stream = await openai.chat.completions.create({ model, messages: hello, stream: true, stream_options: { include_usage: true } });
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (chunk.choices[0]?.delta.content === "early ") gate.resolve();
  }
  expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "" });
  expect(textOf(chunks)).toBe("early late");
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("stop");
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } });
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);

  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  const without = await readAll(await openai.chat.completions.create({ model, messages: hello, stream: true }));
  expect(without.every((chunk) => !("usage" in chunk))).toBe(true);
});

for (const stream of [false, true]) {
  test(`tools are the caller's: calls are handed out, and results taken back (${stream ? "streamed" : "whole"})`, async () => {
    await using api = await startApi();
    const openai = new OpenAI(api.client);
    const call = (id: string, city: string) => ({ toolCall: { id, name: "weather", arguments: JSON.stringify({ city }) } });
    api.vendor.answer({ steps: [{ text: ["Let me see."] }, call("call_1", "Zürich"), call("call_2", "東京")] });
    const first = stream
      ? await openai.chat.completions.stream({ model, messages: hello, tools: [weather] }).finalChatCompletion()
      : await openai.chat.completions.create({ model, messages: hello, tools: [weather] });
    const [choice] = first.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.content).toBe("Let me see.");
    expect(choice?.message.tool_calls).toMatchObject([
      { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Zürich"}' } },
      { id: "call_2", type: "function", function: { name: "weather", arguments: '{"city":"東京"}' } },
    ]);

    api.vendor.answer({ steps: [{ text: ["Rain in both."] }] });
    const results = (choice?.message.tool_calls ?? []).map(({ id }) => ({
      role: "tool" as const,
      tool_call_id: id,
      content: `rain (${id})`,
    }));
    const second = await openai.chat.completions.create({ model, messages: [...hello, choice!.message, ...results], tools: [weather] });
    expect(second.choices[0]?.message.content).toBe("Rain in both.");
    const { body } = await api.vendor.received(2);
    expect(body.messages).toMatchObject([
      { role: "user" },
      { role: "assistant", content: "Let me see.", tool_calls: [{ id: "call_1" }, { id: "call_2" }] },
      { role: "tool", tool_call_id: "call_1", content: "rain (call_1)" },
      { role: "tool", tool_call_id: "call_2", content: "rain (call_2)" },
    ]);
  });
}

test("what is asked of the answer's form reaches the vendor", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["{}"] }] }, { steps: [{ text: ["{}"] }] });
  const schema = { type: "object", properties: { a: { type: "number" } }, required: ["a"], additionalProperties: false };
  await openai.chat.completions.create({
    model,
    messages: hello,
    tools: [weather],
    tool_choice: { type: "function", function: { name: "weather" } },
    parallel_tool_calls: false,
    response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: true } },
    temperature: 0.2,
    top_p: 0.9,
    stop: "END",
    seed: 7,
    presence_penalty: 0.5,
    frequency_penalty: -0.5,
    max_completion_tokens: 50,
    user: "ada@example.com",
  });
  const { body } = await api.vendor.received(1);
  expect(body).toMatchObject({
    tool_choice: { type: "function", function: { name: "weather" } },
    parallel_tool_calls: false,
    response_format: { type: "json_schema", json_schema: { name: "answer", schema, strict: true } },
    temperature: 0.2,
    top_p: 0.9,
    stop: ["END"],
    seed: 7,
    presence_penalty: 0.5,
    frequency_penalty: -0.5,
    max_tokens: 50,
  });
  expect(JSON.stringify(body)).not.toContain("ada@example.com");

  await openai.chat.completions.create({ model, messages: hello, response_format: { type: "json_object" }, tool_choice: "none" });
  expect((await api.vendor.received(2)).body).toMatchObject({ response_format: { type: "json_object" }, tool_choice: "none" });
});

test("several answers are given at once, each whole, and what they used is added up", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const answers = ["one", "two", "three"].map((text) => ({ steps: [{ text: [text] }] }));
  api.vendor.answer(...answers, ...answers);
  const whole = await openai.chat.completions.create({ model, messages: hello, n: 3 });
  expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(whole.choices.map(({ message }) => message.content).sort()).toEqual(["one", "three", "two"]);
  expect(whole.usage?.total_tokens).toBe(45);
  const chunks = await readAll(
    await openai.chat.completions.create({ model, messages: hello, n: 3, stream: true, stream_options: { include_usage: true } }),
  );
  expect([0, 1, 2].map((index) => textOf(chunks, index)).sort()).toEqual(["one", "three", "two"]);
  expect(chunks.at(-1)?.usage?.total_tokens).toBe(45);
  expect(await caught(openai.chat.completions.create({ model, messages: hello, n: 100 }))).toMatchObject({ status: 400, param: "n" });
});

test("of several answers that stream one that fails ends the others", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["one"] }], end: "hang" }, { error: { status: 429, message: "Slow down" } });
  const error = await caught(openai.chat.completions.create({ model, messages: hello, n: 2, stream: true }));
  expect(error).toMatchObject({ status: 429 });
  await (await api.vendor.received(1)).left;
  await api.kit.unload();
  expect(api.kit.residue()).toEqual([]);
});

test("probabilities of tokens are handed on where the vendor has them", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const token = (text: string) => ({
    token: text,
    logprob: -0.1,
    bytes: [...Buffer.from(text)],
    top_logprobs: [{ token: "x", logprob: -3, bytes: null }],
  });
  const chunk = (delta: object, more: object = {}) =>
    sse({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: null, ...more }] });
  const raw = [
    chunk({ content: "Hi" }, { logprobs: { content: [token("Hi")] } }),
    chunk({ content: "!" }, { logprobs: { content: [token("!")] } }),
    chunk({}, { finish_reason: "stop" }),
    sse("[DONE]"),
  ];
  const content = [token("Hi"), token("!")];
  const choice = { index: 0, message: { role: "assistant", content: "Hi!" }, logprobs: { content }, finish_reason: "stop" };
  api.vendor.answer({ raw: [JSON.stringify({ choices: [choice] })] }, { raw });
  const whole = await openai.chat.completions.create({ model, messages: hello, logprobs: true, top_logprobs: 1 });
  expect(whole.choices[0]?.logprobs).toEqual({ content: [token("Hi"), token("!")], refusal: null });
  expect((await api.vendor.received(1)).body).toMatchObject({ logprobs: true, top_logprobs: 1 });
  const chunks = await readAll(await openai.chat.completions.create({ model, messages: hello, logprobs: true, stream: true }));
  expect(chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? [])).toEqual([token("Hi"), token("!")]);
  expect(await caught(openai.chat.completions.create({ model, messages: hello, top_logprobs: 2 }))).toMatchObject({
    param: "top_logprobs",
  });
});

test("images and text files of a message reach the model; what it cannot be given is refused by name", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const ask = (part: object) =>
    openai.chat.completions.create({
      model,
      messages: [{ role: "user", content: [{ type: "text", text: "What is it?" }, part as { type: "text"; text: string }] }],
    });
  api.vendor.answer({ steps: [{ text: ["a cat"] }] }, { steps: [{ text: ["a note"] }] });
  const url = `data:image/png;base64,${base64("picture")}`;
  await ask({ type: "image_url", image_url: { url } });
  expect(JSON.stringify((await api.vendor.received(1)).body.messages)).toContain(url);
  await ask({ type: "file", file: { filename: "note.md", file_data: `data:text/markdown;base64,${base64("Grüße")}` } });
  expect(JSON.stringify((await api.vendor.received(2)).body.messages)).toContain("Grüße");

  const at = "messages[0].content[1]";
  const refused = [
    [{ type: "image_url", image_url: { url: "https://127.0.0.1/cat.png" } }, `${at}.image_url.url`],
    [{ type: "image_url", image_url: { url: "data:image/png;base64,###" } }, `${at}.image_url.url`],
    [{ type: "file", file: { filename: "a.zip", file_data: `data:application/zip;base64,${base64("PK")}` } }, `${at}.file.file_data`],
    [{ type: "file", file: { file_id: "file-1" } }, `${at}.file.file_id`],
    [{ type: "input_audio", input_audio: { data: "", format: "wav" } }, `${at}.type`],
  ] as const;
  for (const [part, param] of refused) {
    expect(await caught(ask(part))).toMatchObject({ status: 400, param });
  }
  expect(api.vendor.ledger).toHaveLength(2);
});

test("a PDF reaches a model that reads it, and is refused by name for one that does not", async () => {
  await using api = await startApi();
  const file_data = `data:application/pdf;base64,${Buffer.from("%PDF-1.7").toString("base64")}`;
  const openai = new OpenAI(api.client);
  const ask = (asked: string) =>
    openai.chat.completions.create({
      model: asked,
      messages: [{ role: "user", content: [{ type: "file", file: { filename: "a.pdf", file_data } }] }],
    });
  api.vendor.answer({ steps: [{ text: ["a letter"] }] });
  await ask("reader/gpt-test");
  expect((await api.vendor.received(1)).body.messages).toEqual([
    { role: "user", content: [{ type: "file", file: { filename: "a.pdf", file_data } }] },
  ]);
  expect(await caught(ask(model))).toMatchObject({ status: 400, message: expect.stringContaining('"a.pdf"') });
  expect(api.vendor.ledger).toHaveLength(1);
});

test("a stream that is cut at every byte keeps its characters", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const text = ["Grüße, ", "日本語 ", "👩‍👩‍👧‍👦 ", "\u2028line"];
  api.vendor.answer({ steps: [{ text }], chunkBytes: 1, keepAlive: true }, { steps: [{ text }], chunkBytes: 1 });
  const chunks = await readAll(await openai.chat.completions.create({ model, messages: hello, stream: true }));
  expect(textOf(chunks)).toBe(text.join(""));
  const whole = await openai.chat.completions.create({ model, messages: hello });
  expect(whole.choices[0]?.message.content).toBe(text.join(""));
});

for (const stream of [false, true]) {
  test(`a caller that leaves ends the request at the vendor (${stream ? "streamed" : "whole"})`, async () => {
    await using api = await startApi();
    const openai = new OpenAI(api.client);
    api.vendor.answer({ steps: [{ text: ["one"] }], end: "hang" });
    const leave = new AbortController();
    const asking = openai.chat.completions.create({ model, messages: hello, stream }, { signal: leave.signal });
    const call = await api.vendor.received(1);
    if (stream) {
      const chunks = (await asking) as AsyncIterable<ChatCompletionChunk>;
      for await (const { choices } of chunks) if (choices[0]?.delta.content === "one") leave.abort();
    } else {
      leave.abort();
      expect((await caught(asking)).message).toContain("aborted");
    }
    await call.left;
  });
}

test("the offline demo streams, too", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const chunks = await readAll(await openai.chat.completions.create({ model: "demo/offline", messages: hello, stream: true }));
  expect(textOf(chunks).length).toBeGreaterThan(10);
  expect(chunks.length).toBeGreaterThan(3);
});
