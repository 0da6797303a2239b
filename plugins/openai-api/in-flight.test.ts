/** How many calls one caller may have running, and all of them: whoever wants more is told when to come again. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { deviceOf } from "../../tests/fixtures/openai-api/device.ts";
import { type Api, caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const model = "lab/gpt-test";
const messages = [{ role: "user" as const, content: "Hello!" }];
const chat = "/v1/chat/completions";

const leavingPost = ({ kit }: Api, path: string, body: object, signal: AbortSignal) =>
  kit.request(path, {
    method: "POST",
    headers: { authorization: `Bearer ${kit.token}`, "content-type": "application/json" },
    body: JSON.stringify({ model, ...body }),
    signal,
  });

/** Once nothing of the caller's runs any more, which a vendor sees before the gateway does. */
async function untilAnswered(ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const response = await ask();
    if (response.status !== 429) return response;
    await response.text();
  }
}

test("calls that hang are bounded for each caller, whichever way they came, and others go on", async () => {
  await using api = await startApi({ config: { mostCalls: 4 } });
  const writer = new OpenAI(await deviceOf(api, ["operator.read", "operator.write"]));
  api.vendor.otherwise(() => ({ end: "hang" }));
  const leaving = new AbortController();
  const hanging = [
    leavingPost(api, chat, { messages, n: 2 }, leaving.signal),
    leavingPost(api, chat, { messages, stream: true }, leaving.signal),
    leavingPost(api, "/v1/responses", { input: "hi" }, leaving.signal),
  ].map((asked) => asked.catch(() => undefined));
  await api.vendor.received(4);
  const calls: readonly (readonly [path: string, body: object])[] = [
    [chat, { messages }],
    [chat, { messages, stream: true }],
    [chat, { model: "pincer/main", messages }],
    ["/v1/responses", { input: "hi" }],
    ["/v1/responses", { input: "hi", background: true }],
    ["/v1/embeddings", { input: "hi" }],
  ];
  for (const [path, body] of calls) {
    const response = await api.post(path, { model, ...body });
    expect([path, response.status, response.headers.get("retry-after")]).toEqual([path, 429, "1"]);
    expect(await response.json()).toEqual({
      error: {
        message: "Too many calls at once: 4 calls of yours are running, and 4 may at once.",
        type: "requests",
        param: null,
        code: "rate_limit_exceeded",
      },
    });
  }
  expect(api.vendor.ledger).toHaveLength(4);
  // What asks no model is not counted, and neither is anybody else.
  expect((await new OpenAI(api.client).models.list()).data.length).toBeGreaterThan(3);
  api.vendor.otherwise(() => ({ steps: [{ text: ["ok"] }] }));
  expect((await writer.chat.completions.create({ model, messages })).choices[0]?.message.content).toBe("ok");
  leaving.abort();
  await Promise.all(hanging);
  expect((await untilAnswered(() => api.post(chat, { model, messages, n: 4 }))).status).toBe(200);
});

test("what was answered, refused, left or failed gives its place back", async () => {
  await using api = await startApi({ config: { mostCalls: 1, mostChoices: 3 } });
  const failed = { error: { status: 500, message: "no" } };
  const ok = { steps: [{ text: ["ok"] }] };
  const statuses: number[] = [];
  const ask = async (path: string, body: object | string) => {
    const response = await api.post(path, typeof body === "string" ? body : { model, ...body });
    statuses.push(response.status);
    await response.text();
  };
  for (const stream of [false, true])
    for (const answer of [ok, failed]) {
      api.vendor.answer(answer, answer);
      await ask(chat, { messages, stream });
      await ask("/v1/responses", { input: "hi", stream });
    }
  expect(statuses).toEqual([200, 200, 502, 502, 200, 200, 502, 502]);
  await ask(chat, "{");
  await ask(chat, { messages: [] });
  await ask("/v1/responses", { input: [{ type: "item_reference", id: "msg_x_0" }] });
  await ask(chat, { messages, n: 2 });
  await ask("/v1/embeddings", { model: "lab/embed", input: "hi" });
  await ask(chat, { model: "pincer/main", messages });
  expect(statuses.slice(8)).toEqual([400, 400, 400, 400, 200, 200]);
  for (let turn = 0; turn < 3; turn++) {
    api.vendor.answer({ steps: [{ text: ["one"] }], end: "hang" });
    const leaving = new AbortController();
    const response = await untilAnswered(() => leavingPost(api, chat, { messages, stream: true }, leaving.signal));
    await response.body?.getReader().read();
    leaving.abort();
  }
  api.vendor.answer(ok);
  expect((await untilAnswered(() => api.post(chat, { model, messages }))).status).toBe(200);
});

test("a response in the background counts until it has ended, is cancelled or removed, also behind a restart", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-in-flight-"));
  const config = { mostCalls: 1 };
  const refused = async ({ client }: Api) =>
    expect(await caught(new OpenAI(client).responses.create({ model, input: "hi" }))).toMatchObject({ status: 429 });
  const end = async ({ client }: Api, id: string) => {
    for await (const _ of await new OpenAI(client).responses.retrieve(id, { stream: true }));
  };
  let left = "";
  {
    await using api = await startApi({ config, home, settings: { gateway: { lanes: { drainMs: 0 } } } });
    const openai = new OpenAI(api.client);
    const gate = Promise.withResolvers<void>();
    api.vendor.answer({ steps: [{ text: ["Done."] }], hold: { before: 0, until: gate.promise } });
    const first = await openai.responses.create({ model, input: "Hello!", background: true });
    await refused(api);
    gate.resolve();
    await end(api, first.id);
    for (const how of ["cancel", "delete"] as const) {
      api.vendor.answer({ end: "hang" });
      const { id } = await openai.responses.create({ model, input: "Hello!", background: true });
      await refused(api);
      await openai.responses[how](id);
    }
    const number = api.vendor.ledger.length + 1;
    api.vendor.answer({ end: "hang" });
    left = (await openai.responses.create({ model, input: "Hello!", background: true })).id;
    await api.vendor.received(number);
  }
  await using api = await startApi({ config, home });
  const gate = Promise.withResolvers<void>();
  api.vendor.answer({ steps: [{ text: ["Done."] }], hold: { before: 0, until: gate.promise } });
  await api.vendor.received(1);
  await refused(api);
  gate.resolve();
  await end(api, left);
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  expect((await new OpenAI(api.client).responses.create({ model, input: "hi" })).output_text).toBe("ok");
  await rm(home, { recursive: true });
});

test("all callers together are bounded, too", async () => {
  await using api = await startApi({ config: { mostCalls: 2, mostCallsOfAll: 3 } });
  const writer = new OpenAI(await deviceOf(api, ["operator.read", "operator.write"]));
  api.vendor.otherwise(() => ({ end: "hang" }));
  const leaving = new AbortController();
  const hanging = leavingPost(api, chat, { messages, n: 2 }, leaving.signal).catch(() => undefined);
  await api.vendor.received(2);
  const own = writer.chat.completions.create({ model, messages }, { signal: leaving.signal }).catch(() => undefined);
  await api.vendor.received(3);
  const error = await caught<InstanceType<typeof OpenAI.APIError>>(writer.chat.completions.create({ model, messages }));
  expect(error).toMatchObject({ status: 429, message: expect.stringContaining("3 calls are running, and 3 may at once") });
  leaving.abort();
  await Promise.all([hanging, own]);
});

/** Sends a request over a connection of its own, and reads nothing behind the status of its answer, which this resolves to. */
function unread({ kit }: Api, method: string, path: string, body = ""): Disposable & { readonly status: Promise<number> } {
  const { hostname, port, host } = new URL(kit.url);
  const { promise: status, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect(Number(port), hostname, () => {
    const head = [`${method} ${path} HTTP/1.1`, `host: ${host}`, `authorization: Bearer ${kit.token}`, `content-length: ${body.length}`];
    socket.write(`${[...head, "content-type: application/json"].join("\r\n")}\r\n\r\n${body}`);
  });
  socket.once("data", (bytes) => {
    socket.pause();
    resolve(Number(bytes.toString().split(" ", 2)[1]));
  });
  socket.on("error", reject);
  return { status, [Symbol.dispose]: () => socket.destroy() };
}

test("who reads a large answer slowly, or not at all, keeps a place, and others go on", async () => {
  await using api = await startApi({ config: { mostCalls: 2 } });
  const writer = new OpenAI(await deviceOf(api, ["operator.read", "operator.write"]));
  api.vendor.otherwise(() => ({ steps: [{ text: ["ok"] }] }));
  // More than the buffers of a connection take.
  const large = { model, input: "hi", instructions: "x".repeat(14_000_000) };
  const { id } = await new OpenAI(api.client).responses.create(large);
  const paths = [`/v1/responses/${id}`, `/v1/responses/${id}?stream=true`, `/v1/responses/${id}/input_items`];
  const read = (path: string) => api.kit.request(path, { headers: { authorization: `Bearer ${api.kit.token}` } });
  const { id: small } = await new OpenAI(api.client).responses.create({ model, input: "hi" });
  for (const path of paths.slice(0, 2)) {
    // The gateway sees later than whoever reads that nobody reads any more.
    const both = () => Promise.all([0, 1].map(() => read(`/v1/responses/${small}`)));
    while (!(await both()).every(({ status }) => status === 200));
    using one = unread(api, "GET", path);
    using two = unread(api, "GET", path);
    expect([path, await one.status, await two.status]).toEqual([path, 200, 200]);
    for (const other of paths) {
      const refused = await read(other);
      expect([path, other, refused.status, refused.headers.get("retry-after")]).toEqual([path, other, 429, "1"]);
      expect(await refused.text()).toContain("Too many readers at once: 2 readers of yours are running, and 2 may at once.");
    }
    // It is no call of a model, and nobody else's.
    expect((await new OpenAI(api.client).responses.create({ model, input: "hi" })).output_text).toBe("ok");
    const own = await writer.responses.create({ model, input: "hi" });
    expect((await writer.responses.retrieve(own.id)).output_text).toBe("ok");
  }
  const whole = (await (await untilAnswered(() => read(`/v1/responses/${id}`))).json()) as typeof large;
  expect(whole.instructions).toBe(large.instructions);
  {
    // An answer that repeats what it was told is a call until it is written.
    using one = unread(api, "POST", "/v1/responses", JSON.stringify(large));
    using two = unread(api, "POST", "/v1/responses", JSON.stringify(large));
    expect([await one.status, await two.status]).toEqual([200, 200]);
    expect((await api.post(chat, { model, messages })).status).toBe(429);
  }
  expect((await untilAnswered(() => api.post(chat, { model, messages }))).status).toBe(200);
});
