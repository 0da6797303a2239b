import { expect, test } from "bun:test";
import OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { caught as caughtError, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const messages: ChatCompletionMessageParam[] = [{ role: "user", content: "Hello!" }];
const model = "lab/gpt-test";
const caught = (promise: PromiseLike<unknown>) => caughtError<InstanceType<typeof OpenAI.APIError>>(promise);

test("a wrong token is told as OpenAI tells a wrong key", async () => {
  await using api = await startApi();
  const openai = new OpenAI({ ...api.client, apiKey: "wrong" });
  const calls = [
    () => openai.chat.completions.create({ model, messages }),
    () => openai.models.list(),
    () => openai.responses.create({ model, input: "hi" }),
  ];
  for (const call of calls) expect(await caught(call())).toBeInstanceOf(OpenAI.AuthenticationError);
  expect(api.vendor.ledger).toHaveLength(0);
});

test("a model that nobody has is not found, with what was meant", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  for (const wrong of ["lob/gpt-test", "pincer/nobody", "agent:nobody"]) {
    const error = await caught(openai.chat.completions.create({ model: wrong, messages }));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ status: 404, code: "model_not_found", type: "invalid_request_error", param: null });
  }
  expect((await caught(openai.chat.completions.create({ model: "lob/gpt-test", messages }))).message).toContain("lab");
});

test("a body that is none, or not the right one, is told by the parameter", async () => {
  await using api = await startApi();
  for (const body of ["{", "[]", "7", "null", '"text"']) {
    const response = await api.post("/v1/chat/completions", body);
    expect(response.status).toBe(400);
    const error = { message: expect.stringContaining("JSON"), type: "invalid_request_error", param: null, code: null };
    expect((await response.json()) as object).toEqual({ error });
  }
  const wrong: readonly (readonly [body: object, param: string, code: string])[] = [
    [{ messages }, "model", "missing_required_parameter"],
    [{ model }, "messages", "missing_required_parameter"],
    [{ model, messages: [] }, "messages", "invalid_value"],
    [{ model, messages: [{ role: "robot", content: "hi" }] }, "messages[0].role", "invalid_value"],
    [{ model, messages: [{ role: "user" }] }, "messages[0].content", "missing_required_parameter"],
    [{ model, messages: [{ role: "tool", content: "x" }] }, "messages[0].tool_call_id", "missing_required_parameter"],
    [{ model, messages: ["hi"] }, "messages[0]", "invalid_value"],
    [{ model, messages, temperature: 3 }, "temperature", "invalid_value"],
    [{ model, messages, max_tokens: "many" }, "max_tokens", "invalid_value"],
    [{ model, messages, tools: [{ type: "function", function: { name: "a b" } }] }, "tools[0].function.name", "invalid_value"],
    [{ model, messages, functions: [{ name: "f" }] }, "functions", "unsupported_parameter"],
    [{ model, messages, logit_bias: { "1": 2 } }, "logit_bias", "unsupported_parameter"],
  ];
  for (const [body, param, code] of wrong) {
    const response = await api.post("/v1/chat/completions", body);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: { message: expect.stringMatching(/expected|Missing|Unsupported|Supported/), type: "invalid_request_error", param, code } },
    ]);
  }
  expect(api.vendor.ledger).toHaveLength(0);
});

test("what is null or unknown does no harm", async () => {
  await using api = await startApi();
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  const nothing = { temperature: null, stop: null, tools: null, n: null, stream: null, logit_bias: {}, functions: null };
  const response = await api.post("/v1/chat/completions", {
    model,
    messages,
    ...nothing,
    some_new_setting: { a: 1 },
    metadata: { b: "c" },
  });
  expect(response.status).toBe(200);
});

test("a vendor's failures keep their meaning, and how long to wait", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const fail = async (status: number, message: string, more: object = {}) => {
    api.vendor.answer({ error: { status, message, ...more } });
    return caught(openai.chat.completions.create({ model, messages }));
  };
  const limited = await fail(429, "Slow down", { headers: { "retry-after": "7" } });
  expect(limited).toBeInstanceOf(OpenAI.RateLimitError);
  expect(limited).toMatchObject({ code: "rate_limit_exceeded", type: "requests" });
  expect(limited.headers?.get("retry-after")).toBe("7");
  const empty = await fail(429, "You exceeded your current quota", { code: "insufficient_quota" });
  expect(empty).toMatchObject({ status: 429, code: "insufficient_quota", type: "insufficient_quota" });
  expect(empty.headers?.get("x-should-retry")).toBe("false");
  expect(await fail(400, "This model's maximum context length is 8192 tokens")).toMatchObject({
    status: 400,
    code: "context_length_exceeded",
  });
  expect(await fail(404, "no such model")).toMatchObject({ status: 404, code: "model_not_found" });
  expect(await fail(400, "Unknown parameter: 'colour'")).toMatchObject({ status: 400, type: "invalid_request_error" });
  // The caller's own key is right: it is the gateway's that is not.
  expect(await fail(401, "Incorrect API key provided")).toMatchObject({ status: 502, code: "provider_auth_failed", type: "api_error" });
  expect(await fail(503, "overloaded")).toMatchObject({ status: 503, code: "overloaded" });
  expect(await fail(500, "oops")).toMatchObject({ status: 502, code: "provider_failed" });
});

test("a client's own repetitions go by what the gateway says", async () => {
  await using api = await startApi();
  const openai = new OpenAI({ ...api.client, maxRetries: 2 });
  const limited = { status: 429, message: "Slow down", headers: { "retry-after-ms": "1" } };
  api.vendor.answer({ error: limited }, { error: limited }, { steps: [{ text: ["there"] }] });
  expect((await openai.chat.completions.create({ model, messages })).choices[0]?.message.content).toBe("there");
  expect(api.vendor.ledger).toHaveLength(3);
  api.vendor.answer({ error: { status: 401, message: "no" } });
  await caught(openai.chat.completions.create({ model, messages }));
  expect(api.vendor.ledger).toHaveLength(4);
});

test("what fails before the first text is an error also of a stream; what fails behind it ends the stream with it", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ error: { status: 429, message: "Slow down" } });
  expect(await caught(openai.chat.completions.create({ model, messages, stream: true }))).toBeInstanceOf(OpenAI.RateLimitError);

  for (const end of ["close", "malformed", "error"] as const) {
    api.vendor.answer({ steps: [{ text: ["half an "] }], end });
    const stream = await openai.chat.completions.create({ model, messages, stream: true });
    let text = "";
    const error = await caught(
      (async () => {
        for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
      })(),
    );
    expect([end, text, error instanceof OpenAI.APIError]).toEqual([end, "half an ", true]);
    api.vendor.answer({ steps: [{ text: ["half an "] }], end });
    expect(await caught(openai.chat.completions.create({ model, messages }))).toMatchObject({ status: 502 });
  }
});

test("a refusal is an answer that ended for its content", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ refusal: ["I cannot."] }] });
  const { choices } = await openai.chat.completions.create({ model, messages });
  expect(choices[0]).toMatchObject({ finish_reason: "content_filter", message: { content: "I cannot." } });
});

test("a path or verb that there is not", async () => {
  await using api = await startApi();
  const missing = await api.post("/v1/images/generations", {});
  expect([missing.status, await missing.json()]).toEqual([
    404,
    { error: { message: "Invalid URL (POST /v1/images/generations)", type: "invalid_request_error", param: null, code: "unknown_url" } },
  ]);
  const headers = { authorization: `Bearer ${api.kit.token}` };
  const verb = await api.kit.request("/v1/chat/completions", { headers });
  expect([verb.status, verb.headers.get("allow"), ((await verb.json()) as { error: object }).error]).toMatchObject([
    405,
    "POST",
    { type: "invalid_request_error", code: "method_not_supported" },
  ]);
});

test("a provider that is not ready is told with what to do, and is not asked for again at once", async () => {
  await using api = await startApi({ enable: ["provider-anthropic"] });
  const error = await caught(new OpenAI(api.client).chat.completions.create({ model: "anthropic/claude-opus-5-5", messages }));
  expect(error).toMatchObject({ status: 503, type: "api_error", code: "llm_provider_not_ready" });
  expect(error.headers?.get("x-should-retry")).toBe("false");
  expect(error.message).toContain("is not ready");
});
