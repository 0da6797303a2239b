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

test("a request has as many parts as can be read in passing, and no more", async () => {
  await using api = await startApi();
  const many = (count: number, one: object) => Array(count).fill(one) as readonly object[];
  const said = { role: "user", content: "a" };
  const part = { type: "text", text: "a" };
  const calls: readonly (readonly [path: string, body: (count: number) => object, param: string])[] = [
    [chat, (count) => ({ messages: many(count, said) }), "messages"],
    [chat, (count) => ({ messages: [{ role: "user", content: many(count, part) }] }), "messages[0].content"],
    ["/v1/responses", (count) => ({ input: many(count, { role: "assistant", content: "a" }), store: false }), "input"],
    [
      "/v1/responses",
      (count) => ({ input: [{ role: "user", content: many(count, { type: "input_text", text: "a" }) }], store: false }),
      "input[0].content",
    ],
  ];
  api.vendor.otherwise(() => ({ steps: [{ text: ["ok"] }] }));
  for (const [path, body, param] of calls) {
    expect((await api.post(path, { model, ...body(10_000) })).status).toBe(200);
    const response = await api.post(path, { model, ...body(10_001) });
    expect([response.status, ((await response.json()) as Told).error]).toMatchObject([400, { param, code: "invalid_value" }]);
  }
  // What one answer was is one again, however many parts it came in.
  const [, , third] = api.vendor.ledger;
  expect(third?.body["messages"]).toHaveLength(1);
});

test("of a million mistakes the first is told, and the others are not looked for", async () => {
  await using api = await startApi();
  const million = <T>(one: T) => Array<T>(1_000_000).fill(one);
  const calls: readonly (readonly [path: string, body: object, param: string])[] = [
    [chat, { messages: [{ role: "user", content: million({ type: "nope" }) }] }, "messages[0].content"],
    ["/v1/responses", { input: million({ role: "nope" }) }, "input"],
    ["/v1/responses", { input: "hi", metadata: Object.fromEntries(million(1).map((one, at) => [at, one])) }, "metadata.0"],
  ];
  for (const [path, body, param] of calls) {
    const text = JSON.stringify({ model, ...body });
    const before = process.cpuUsage();
    const response = await api.post(path, text);
    expect([response.status, ((await response.json()) as Told).error.param]).toEqual([400, param]);
    const { user, system } = process.cpuUsage(before);
    // Microseconds of a processor, whatever else the machine does; to look for all of them takes ten seconds.
    expect(user + system).toBeLessThan(4_000_000);
  }
});
