/** Requests that are made to cost more than they say: none keeps the gateway from the next one. */
import { expect, test } from "bun:test";
import { startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const model = "lab/gpt-test";
const chat = "/v1/chat/completions";
const messages = [{ role: "user", content: "hi" }];
const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
interface Told {
  readonly error: { readonly param: string | null; readonly code: string; readonly message: string };
}

test("a name of megabytes is no model's, and is neither compared with others nor repeated", async () => {
  await using api = await startApi();
  const long = "x".repeat(5_000_000);
  const calls: readonly (readonly [path: string, body: object])[] = [
    [chat, { messages }],
    ["/v1/responses", { input: "hi" }],
    ["/v1/embeddings", { input: "hi" }],
  ];
  for (const [path, body] of calls)
    for (const name of [long, `lab/${long}`, `pincer/${long}`]) {
      const response = await api.post(path, { model: name, ...body });
      const text = await response.text();
      expect([response.status, (JSON.parse(text) as Told).error.param, text.length < 1_000]).toEqual([400, "model", true]);
    }
  const headers = { authorization: `Bearer ${api.kit.token}` };
  expect((await api.kit.request(`/v1/models/${"x".repeat(10_000)}`, { headers })).status).toBe(404);
});

test("what is nested without end is refused by its name, or handed on as it was written", async () => {
  await using api = await startApi();
  const tool = `{"type":"function","function":{"name":"a","parameters":{"x":${nested}}}}`;
  const format = `{"type":"json_schema","json_schema":{"name":"a","schema":{"x":${nested}}}}`;
  for (const [more, param] of [
    [`"tools":[${tool}]`, "tools[0].function.parameters"],
    [`"response_format":${format}`, "response_format"],
  ] as const) {
    const response = await api.post(chat, `{"model":"${model}","messages":${JSON.stringify(messages)},${more}}`);
    expect([response.status, ((await response.json()) as Told).error]).toMatchObject([400, { param, code: "invalid_value" }]);
  }
  const responses = `{"model":"${model}","input":"hi","tools":[{"type":"function","name":"a","parameters":{"x":${nested}}}]}`;
  expect((await api.post("/v1/responses", responses)).status).toBe(400);
  expect(api.vendor.ledger).toEqual([]);
  const called = [{ id: "c", type: "function", function: { name: "a", arguments: `{"x":${nested}}` } }];
  const answered = [...messages, { role: "assistant", tool_calls: called }, { role: "tool", tool_call_id: "c", content: "ok" }];
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  expect((await api.post(chat, { model, messages: answered })).status).toBe(200);
  expect(JSON.stringify((await api.vendor.received(1)).body)).toContain(nested);
});

test("a hundred thousand parts of one answer are one answer, in no more time than they take to be read", async () => {
  await using api = await startApi();
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  const input = [...Array(100_000).fill({ role: "assistant", content: "a" }), { role: "user", content: "hi" }];
  expect((await api.post("/v1/responses", { model, input, store: false })).status).toBe(200);
  expect((await api.vendor.received(1)).body["messages"]).toHaveLength(2);
});
