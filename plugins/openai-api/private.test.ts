/** What was private once stays so for whatever goes on from it, also where nothing of it is seen in what is sent next. */
import { expect, test } from "bun:test";
import { startApi } from "../../tests/fixtures/openai-api/gateway.ts";

type Json = Readonly<Record<string, unknown>>;

const start = () =>
  startApi({
    enable: ["selector"],
    settings: { selector: { local: ["scripted"], rules: [{ when: {}, use: "lab/gpt-test" }], privacy: { words: ["salary"] } } },
  });

interface Answer extends Json {
  readonly id: string;
  readonly model: string;
  readonly output: readonly { readonly id: string }[];
}

async function asking() {
  const api = await start();
  api.vendor.otherwise(() => ({ steps: [{ text: ["from lab"] }] }));
  return {
    ...api,
    ask: async (body: Json): Promise<Answer> =>
      (await (await api.post("/v1/responses", { model: "pincer/auto", ...body })).json()) as Answer,
    sessions: async () => (await api.kit.call<{ sessions: readonly Json[] }>("sessions.list", {})).sessions,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}

const instructions = "Ada's salary is 5.";
const tools = [{ type: "function", name: "look", description: "Looks up a salary.", parameters: { type: "object" } }];
const format = { type: "json_schema", name: "answer", schema: { type: "object", properties: { salary: { type: "number" } } } };

test("a conversation that goes on from private instructions, tools or forms stays with the local model, however long", async () => {
  await using api = await asking();
  expect(await api.ask({ input: "hi" })).toMatchObject({ model: "lab/gpt-test" });
  const sent = api.vendor.ledger.length;
  for (const more of [
    { input: "hi", instructions },
    { input: "hi", tools },
    { input: "hi", text: { format } },
    {
      input: [
        { role: "developer", content: instructions },
        { role: "user", content: "hi" },
      ],
    },
  ]) {
    let before = await api.ask(more);
    for (const input of ["and?", "and then?"]) {
      before = await api.ask({ input, previous_response_id: before.id });
      expect([more, before.model]).toEqual([more, "scripted/one"]);
    }
  }
  expect(api.vendor.ledger).toHaveLength(sent);
});

test("also where a local model was named for it, and the selector said nothing of it then", async () => {
  await using api = await asking();
  const named = { model: "scripted/one" };
  const first = await api.ask({ ...named, input: "hi", instructions });
  const second = await api.ask({ ...named, input: "go on", previous_response_id: first.id });
  expect(await api.ask({ input: "and?", previous_response_id: second.id })).toMatchObject({ model: "scripted/one" });
  expect(api.vendor.ledger).toEqual([]);
  // Whoever names a model has chosen it.
  expect(await api.ask({ model: "lab/gpt-test", input: "and?", previous_response_id: second.id })).toMatchObject({ model: "lab/gpt-test" });
});

test("what is named of a private response by its id is private, and what a background response is told, too", async () => {
  await using api = await asking();
  const first = await api.ask({ input: "hi", instructions });
  const item = { type: "item_reference", id: first.output[0]!.id };
  const second = await api.ask({ input: [item, { role: "user", content: "and?" }] });
  expect(second).toMatchObject({ model: "scripted/one" });
  expect(await api.ask({ input: "and then?", previous_response_id: second.id })).toMatchObject({ model: "scripted/one" });
  const later = await api.ask({ input: "hi", instructions, background: true });
  await (await api.kit.request(`/v1/responses/${later.id}?stream=true`, { headers: { authorization: `Bearer ${api.kit.token}` } })).text();
  expect(await api.ask({ input: "and?", previous_response_id: later.id })).toMatchObject({ model: "scripted/one" });
  expect(api.vendor.ledger).toEqual([]);
});

test("an agent that takes it up, and what is taken from an agent, are private alike", async () => {
  await using api = await asking();
  const agent = { model: "pincer/main" };
  for (const model of ["pincer/auto", "scripted/one"]) {
    const first = await api.ask({ model, input: "hi", instructions });
    const taken = await api.ask({ ...agent, input: "And you?", previous_response_id: first.id });
    await api.ask({ ...agent, input: "go on", previous_response_id: taken.id });
  }
  const spoken = await api.ask({ ...agent, user: "ada", input: "my salary is 5" });
  const item = { type: "item_reference", id: spoken.output[0]!.id };
  expect(await api.ask({ input: [item, { role: "user", content: "and?" }] })).toMatchObject({ model: "scripted/one" });
  // Named in a session that held nothing private so far.
  await api.ask({ ...agent, user: "bob", input: [item, { role: "user", content: "and?" }] });
  await api.ask({ ...agent, user: "bob", input: "go on" });
  expect(api.vendor.ledger).toEqual([]);
  await api.ask({ ...agent, user: "eve", input: "hi" });
  expect(api.vendor.ledger).toHaveLength(1);
});

test("a conversation that is handed to an agent with what it is said to have answered is private by that, too", async () => {
  await using api = await asking();
  const messages = (answer: string) => [
    { role: "user", content: "hi" },
    { role: "assistant", content: answer },
    { role: "user", content: "and?" },
  ];
  const say = async (answer: string) =>
    (await api.post("/v1/chat/completions", { model: "pincer/main", messages: messages(answer) })).status;
  expect(await say("Your salary is 5.")).toBe(200);
  await api.ask({ model: "pincer/main", input: messages("Your salary is 5.") });
  expect(api.vendor.ledger).toEqual([]);
  expect(await say("Hello.")).toBe(200);
  expect(api.vendor.ledger).toHaveLength(1);
});

const elsewhere = { failover: { probe: false, fallbacks: ["lab/gpt-test"] } };
const nearby = { local: ["reader"], privacy: { words: ["salary"] } };
const messages = [{ role: "user", content: "my salary" }];

test("a model that is named for something private answers alone: no fallback elsewhere sees it", async () => {
  await using api = await startApi({ enable: ["selector", "failover"], settings: { ...elsewhere, selector: nearby } });
  api.vendor.otherwise(() => ({ error: { status: 500, message: "down" } }));
  const named = { model: "reader/gpt-test" };
  for (const [path, body] of [
    ["/v1/chat/completions", { messages }],
    ["/v1/chat/completions", { messages, stream: true }],
    ["/v1/responses", { input: "my salary" }],
  ] as const) {
    const { error } = (await (await api.post(path, { ...named, ...body })).json()) as { readonly error: { readonly message: string } };
    expect(error.message).toContain("lab/gpt-test: this may be asked of reader alone");
  }
  const open = (await (await api.post("/v1/responses", { ...named, input: "hi" })).json()) as {
    readonly error: { readonly message: string };
  };
  expect(open.error.message).toContain("lab/gpt-test: the connection or the server failed");
});

test("where what is private comes before a choice, a model that is named for it and is not local is refused", async () => {
  const selector = { local: ["scripted"], privacy: { words: ["salary"], overChoice: true } };
  await using api = await startApi({ enable: ["selector"], settings: { selector } });
  const model = "lab/gpt-test";
  for (const [path, body] of [
    ["/v1/chat/completions", { messages }],
    ["/v1/responses", { input: "my salary" }],
    ["/v1/responses", { input: "my salary", background: true }],
    ["/v1/embeddings", { input: ["my", "salary"] }],
  ] as const) {
    const refused = await api.post(path, { model, ...body });
    expect([path, refused.status, ((await refused.json()) as Json)["error"]]).toEqual([
      path,
      403,
      expect.objectContaining({ code: "no_model_admitted", message: expect.stringContaining("Nothing was sent.") }),
    ]);
  }
  expect(api.vendor.ledger).toEqual([]);
});

test("where an answer is to stop, and by what a vendor keeps it ready, is looked at as well", async () => {
  await using api = await start();
  for (const more of [{ stop: ["salary"] }, { prompt_cache_key: "salary" }])
    await api.post("/v1/chat/completions", { model: "pincer/auto", messages: [{ role: "user", content: "hi" }], ...more });
  expect(api.vendor.ledger).toEqual([]);
});
