import { expect, test } from "bun:test";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import OpenAI from "openai";
import type { FunctionTool, ResponseInputItem, ResponseStreamEvent } from "openai/resources/responses/responses";
import { caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const model = "lab/gpt-test";
const weather: FunctionTool = {
  type: "function",
  name: "weather",
  description: "The weather somewhere.",
  parameters: { type: "object", properties: { city: { type: "string" } } },
  strict: false,
};

async function readAll<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}
const typesOf = (events: readonly ResponseStreamEvent[]) => events.map(({ type }) => type);

test("an answer comes back whole, and can be had again", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["Good ", "morning."] }], usage: { input: 20, output: 4, cacheRead: 100 } });
  const response = await openai.responses.create({ model, input: "Hello!", instructions: "Be brief.", metadata: { a: "b" } });
  expect(response).toMatchObject({
    object: "response",
    status: "completed",
    model,
    output_text: "Good morning.",
    metadata: { a: "b" },
    error: null,
  });
  expect(response.id).toMatch(/^resp_[0-9a-f-]{36}$/);
  expect(response.usage).toMatchObject({
    input_tokens: 120,
    input_tokens_details: { cached_tokens: 100 },
    output_tokens: 4,
    total_tokens: 124,
  });
  expect((await api.vendor.received(1)).body.messages).toEqual([
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello!" },
  ]);
  expect(await openai.responses.retrieve(response.id)).toEqual(response);
  const { data } = await openai.responses.inputItems.list(response.id);
  expect(data).toMatchObject([{ type: "message", role: "user", content: [{ type: "input_text", text: "Hello!" }] }]);
  await openai.responses.delete(response.id);
  expect(await caught(openai.responses.retrieve(response.id))).toMatchObject({ status: 404, code: "response_not_found" });
});

test("it streams in the order of the Responses API", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["Good ", "morning."] }], chunkBytes: 3 }, { steps: [{ text: ["x"] }] });
  const events = await readAll(await openai.responses.create({ model, input: "Hello!", stream: true }));
  expect(typesOf(events)).toEqual([
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at));
  const raw = await (await api.post("/v1/responses", { model, input: "Hello!", stream: true })).text();
  expect(raw).toStartWith("event: response.created\ndata: {");
  expect(raw).toEndWith("data: [DONE]\n\n");
  api.vendor.answer({
    steps: [{ thinking: ["Hm."] }, { text: ["Good ", "day."] }, { toolCall: { id: "call_1", name: "weather", arguments: "{}" } }],
  });
  const final = await openai.responses.stream({ model, input: "Hello!", tools: [weather] }).finalResponse();
  expect(final.output.map(({ type }) => type)).toEqual(["reasoning", "message", "function_call"]);
  expect(final.output_text).toBe("Good day.");
});

test("a conversation goes on from the last answer, also one with calls and results", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer(
    { steps: [{ toolCall: { id: "call_1", name: "weather", arguments: '{"city":"Zürich"}' } }] },
    { steps: [{ text: ["Rain."] }] },
    { steps: [{ text: ["You asked about Zürich."] }] },
  );
  const first = await openai.responses.create({ model, input: "The weather in Zürich?", tools: [weather], instructions: "Be brief." });
  const [call] = first.output;
  expect(call).toMatchObject({
    type: "function_call",
    call_id: "call_1",
    name: "weather",
    arguments: '{"city":"Zürich"}',
    status: "completed",
  });
  const second = await openai.responses.create({
    model,
    previous_response_id: first.id,
    input: [{ type: "function_call_output", call_id: "call_1", output: "rain" }],
    tools: [weather],
  });
  const third = await openai.responses.create({ model, previous_response_id: second.id, input: "What did I ask?" });
  expect(third.output_text).toBe("You asked about Zürich.");
  const { body } = await api.vendor.received(3);
  // Instructions hold for one response alone.
  expect(body.messages).toMatchObject([
    { role: "user", content: "The weather in Zürich?" },
    { role: "assistant", tool_calls: [{ id: "call_1" }] },
    { role: "tool", tool_call_id: "call_1", content: "rain" },
    { role: "assistant", content: "Rain." },
    { role: "user", content: "What did I ask?" },
  ]);
  const missing = { model, previous_response_id: "resp_none", input: "hi" };
  expect(await caught(openai.responses.create(missing))).toMatchObject({
    status: 400,
    code: "previous_response_not_found",
    param: "previous_response_id",
  });
  const kept = await openai.responses.create({ model: "demo/offline", input: "hi", store: false });
  expect(kept.id && (await caught(openai.responses.retrieve(kept.id)))).toMatchObject({ status: 404 });
});

test("what is kept outlives the gateway", async () => {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const home = await mkdtemp(`${process.env["TMPDIR"] ?? "/tmp"}/pincer-responses-`);
  let id = "";
  {
    await using api = await startApi({ home });
    api.vendor.answer({ steps: [{ text: ["Blue."] }] });
    ({ id } = await new OpenAI(api.client).responses.create({ model, input: "My colour is blue.".repeat(20_000) }));
  }
  await using api = await startApi({ home });
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["It was blue."] }] });
  await openai.responses.create({ model, previous_response_id: id, input: "Which?" });
  expect((await api.vendor.received(1)).body.messages).toHaveLength(3);
  await rm(home, { recursive: true });
});

test("a caller that keeps the conversation itself sends its items back, by themselves or by their ids", async () => {
  await using api = await startApi({ api: "responses", model: "gpt-5.6-sol" });
  const openai = new OpenAI(api.client);
  const thinker = "lab/gpt-5.6-sol";
  const steps = [{ thinking: ["Hm."], signature: "proof-1" }, { toolCall: { id: "call_1", name: "weather", arguments: "{}" } }];
  api.vendor.answer({ steps }, { steps: [{ text: ["ok"] }] }, { steps: [{ text: ["ok"] }] });
  const input: ResponseInputItem[] = [{ role: "user", content: "The weather?" }];
  const asked = {
    model: thinker,
    tools: [weather],
    include: ["reasoning.encrypted_content" as const],
    reasoning: { effort: "low" as const },
  };
  const first = await openai.responses.create({ ...asked, input });
  const result = { type: "function_call_output" as const, call_id: "call_1", output: "rain" };
  const proofOf = async (number: number) => {
    const sent = (await api.vendor.received(number)).body.input as { type?: string; encrypted_content?: string }[];
    return sent.filter(({ type }) => type === "reasoning").map(({ encrypted_content }) => encrypted_content);
  };
  await openai.responses.create({ ...asked, input: [...input, ...(first.output as ResponseInputItem[]), result] });
  expect(await proofOf(2)).toEqual(["proof-1"]);
  const references = first.output.map(({ id }) => ({ type: "item_reference" as const, id: id! }));
  await openai.responses.create({ ...asked, input: [...input, ...references, result] });
  expect(await proofOf(3)).toEqual(["proof-1"]);
  const unknown = await caught(openai.responses.create({ ...asked, input: [{ type: "item_reference", id: "msg_x_0" }] }));
  expect(unknown).toMatchObject({ status: 400, param: "input[0].id" });
});

test("images and files of an input reach the model; what it cannot be given is refused by name", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const image_url = `data:image/png;base64,${Buffer.from("picture").toString("base64")}`;
  const file_data = `data:text/plain;base64,${Buffer.from("a note").toString("base64")}`;
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  await openai.responses.create({
    model,
    input: [
      {
        role: "user",
        content: [
          { type: "input_text", text: "See." },
          { type: "input_image", image_url, detail: "auto" },
          { type: "input_file", filename: "note.txt", file_data },
        ],
      },
    ],
  });
  const sent = JSON.stringify((await api.vendor.received(1)).body.messages);
  expect(sent).toContain(image_url);
  expect(sent).toContain("a note");
  const wrong: readonly (readonly [body: object, param: string])[] = [
    [{ input: [{ role: "user", content: [{ type: "input_file", file_id: "file-1" }] }] }, "input[0].content[0].file_id"],
    [
      { input: [{ role: "user", content: [{ type: "input_image", image_url: "https://127.0.0.1/a.png" }] }] },
      "input[0].content[0].image_url",
    ],
    [{ input: [{ type: "web_search_call", id: "ws_1" }] }, "input[0].type"],
    [{ input: [{ type: "function_call", call_id: "c" }] }, "input[0].name"],
    [{ input: "hi", tools: [{ type: "web_search" }] }, "tools[0].type"],
    [{ input: "hi", conversation: "conv_1" }, "conversation"],
    [{ input: 7 }, "input"],
    [{}, "input"],
    [{ input: "hi", background: true, store: false }, "store"],
  ];
  for (const [body, param] of wrong) {
    const response = await api.post("/v1/responses", { model, ...body });
    const { error } = (await response.json()) as { error: { param: string } };
    expect([body, response.status, error.param]).toEqual([body, 400, param]);
  }
});

test("what is asked of the answer's form reaches the vendor over its own Responses API", async () => {
  await using api = await startApi({ api: "responses" });
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["{}"] }], stop: "length" });
  const format = { type: "json_schema" as const, name: "answer", schema: { type: "object" }, strict: true };
  const response = await openai.responses.create({
    model,
    input: "hi",
    text: { format },
    tools: [weather],
    tool_choice: { type: "function", name: "weather" },
    parallel_tool_calls: false,
    max_output_tokens: 20,
    temperature: 0.1,
    top_logprobs: 2,
  });
  expect((await api.vendor.received(1)).body).toMatchObject({
    text: { format },
    tool_choice: { type: "function", name: "weather" },
    parallel_tool_calls: false,
    max_output_tokens: 20,
    temperature: 0.1,
    top_logprobs: 2,
    include: ["message.output_text.logprobs"],
  });
  expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
});

test("failures are errors before the first text, and the end of the response behind it", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const limited = { status: 429, message: "Slow down", headers: { "retry-after": "7" } };
  for (const stream of [true, false]) {
    api.vendor.answer({ error: limited });
    const error = await caught<InstanceType<typeof OpenAI.APIError>>(openai.responses.create({ model, input: "hi", stream }));
    expect([error.status, error.headers?.get("retry-after")]).toEqual([429, "7"]);
  }
  api.vendor.answer({ steps: [{ text: ["half an "] }], end: "close" });
  const events = await readAll(await openai.responses.create({ model, input: "hi", stream: true }));
  expect(events.at(-1)).toMatchObject({
    type: "response.failed",
    response: { status: "failed", error: { code: "server_error" }, output: [{ content: [{ text: "half an " }], status: "incomplete" }] },
  });
});

test("an agent keeps the conversation in a session of its own, and runs its tools itself", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  await Bun.write(`${api.kit.home}/workspace/note.txt`, "the note");
  api.kit.model.answer([asks("read", { path: "note.txt" })], says("It says: the note."));
  const first = await openai.responses.create({ model: "openclaw/main", input: "What does the note say?" });
  expect(first.output_text).toBe("It says: the note.");
  const second = await openai.responses.create({ model: "pincer", input: "And again?", previous_response_id: first.id, stream: true });
  const events = await readAll(second);
  expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { output: [{ type: "message" }] } });
  expect(api.kit.model.models[2]!.request.messages.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "toolResult",
    "assistant",
    "user",
  ]);
  const { sessions } = await api.kit.call<{ sessions: { key: string }[] }>("sessions.list", {});
  expect(sessions).toHaveLength(1);
  const crossed = await caught(openai.responses.create({ model, input: "hi", previous_response_id: first.id }));
  expect(crossed).toMatchObject({ status: 400, param: "previous_response_id" });
});

test("an agent takes up what a model had said", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["Blue."] }] });
  const first = await openai.responses.create({ model, input: "My colour is blue." });
  await openai.responses.create({ model: "pincer", input: "Which?", previous_response_id: first.id });
  const said = api.kit.model.models[0]!.request.messages;
  expect(said.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  expect(JSON.stringify(said)).toContain("My colour is blue.");
});
