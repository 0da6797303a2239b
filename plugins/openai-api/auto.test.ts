import { expect, test } from "bun:test";
import { startApi } from "../../tests/fixtures/openai-api/gateway.ts";

type Json = Readonly<Record<string, unknown>>;

const rules = [{ when: { words: ["poem"] }, use: "lab/gpt-test" }];
const start = (selector: Json) =>
  startApi({ api: "chat", enable: ["selector"], settings: { selector: { local: ["scripted"], ...selector } } });
const user = (...said: readonly string[]) =>
  said.flatMap((content, at) => [...(at === 0 ? [] : [{ role: "assistant", content: "Yes." }]), { role: "user", content }]);

test("pincer/auto is the model that the selector says, and the answer names it", async () => {
  await using api = await start({ rules });
  api.vendor.otherwise(() => ({ steps: [{ text: ["from lab"] }] }));
  const ask = async (path: string, body: Json) => (await (await api.post(path, { model: "pincer/auto", ...body })).json()) as Json;
  const whole = await ask("/v1/chat/completions", { messages: user("a poem") });
  expect(whole).toMatchObject({ model: "lab/gpt-test", choices: [{ message: { content: "from lab" } }] });
  expect(await ask("/v1/chat/completions", { messages: user("hi") })).toMatchObject({ model: "scripted/one" });
  expect(await ask("/v1/responses", { input: "a poem" })).toMatchObject({ model: "lab/gpt-test", status: "completed" });
  expect(api.vendor.ledger.map(({ body }) => body["model"])).toEqual(["gpt-test", "gpt-test"]);
  expect(api.kit.model.models).toHaveLength(1);
  const { data } = (await (await api.kit.request("/v1/models", { headers: { authorization: `Bearer ${api.kit.token}` } })).json()) as {
    data: readonly { id: string }[];
  };
  expect(data.map(({ id }) => id)).toContain("pincer/auto");
});

test("what is private is looked for in all that is sent, and refused where no local model is", async () => {
  await using api = await start({ rules: [{ when: {}, use: "lab/gpt-test" }], privacy: { words: ["salary"] } });
  const send = (messages: unknown) => api.post("/v1/chat/completions", { model: "pincer/auto", messages });
  for (const messages of [
    user("my salary"),
    user("my salary", "and now?"),
    [{ role: "system", content: "The salary is 5." }, ...user("hi")],
    [...user("hi"), { role: "assistant", content: "Your salary is 5." }, ...user("thanks")],
    [
      ...user("hi"),
      { role: "assistant", tool_calls: [{ id: "1", type: "function", function: { name: "look", arguments: '{"what":"salary"}' } }] },
      { role: "tool", tool_call_id: "1", content: "5" },
    ],
  ])
    expect(await (await send(messages)).json()).toMatchObject({ model: "scripted/one" });
  const tools = [{ type: "function", function: { name: "look", description: "Looks up a salary.", parameters: { type: "object" } } }];
  const withTool = await api.post("/v1/chat/completions", { model: "pincer/auto", messages: user("hi"), tools });
  expect(await withTool.json()).toMatchObject({ model: "scripted/one" });
  expect(api.vendor.ledger).toEqual([]);

  await using none = await start({ local: [], privacy: { words: ["salary"] } });
  const refused = await none.post("/v1/chat/completions", { model: "pincer/auto", messages: user("my salary") });
  expect([refused.status, ((await refused.json()) as { error: Json }).error]).toMatchObject([
    403,
    { code: "no_model_admitted", message: expect.stringContaining("This is private") },
  ]);
  expect([none.vendor.ledger, none.kit.model.models]).toEqual([[], []]);
});

test("without the plugin, and where an agent is called auto, the name is an agent's", async () => {
  await using without = await startApi();
  const body = { model: "pincer/auto", messages: user("hi") };
  expect((await without.post("/v1/chat/completions", body)).status).toBe(404);
  await using named = await startApi({
    enable: ["selector"],
    settings: { agents: { list: [{ id: "main" }, { id: "auto" }] }, selector: { rules: [{ when: {}, use: "lab/gpt-test" }] } },
  });
  named.vendor.otherwise(() => ({ steps: [{ text: ["from the agent"] }] }));
  expect(await (await named.post("/v1/chat/completions", body)).json()).toMatchObject({
    model: "pincer/auto",
    choices: [{ message: { content: "from the agent" } }],
  });
});

test("a ceiling of what a call may cost holds for as long an answer as the caller asks for", async () => {
  await using api = await startApi({
    enable: ["selector"],
    settings: {
      models: { default: "lab/gpt-test", prices: { "lab/gpt-test": { input: 1, output: 10 } } },
      selector: { ceiling: { usdPerCall: 0.05, answerTokens: 1_000 } },
    },
  });
  api.vendor.otherwise(() => ({ steps: [{ text: ["ok"] }] }));
  const ask = async (more: object) =>
    (await api.post("/v1/chat/completions", { model: "pincer/auto", messages: user("hi"), ...more })).status;
  expect([await ask({}), await ask({ max_tokens: 50_000 }), await ask({ max_tokens: 100 })]).toEqual([200, 403, 200]);
  expect(api.vendor.ledger).toHaveLength(2);
});
