import { expect, test } from "bun:test";
import type { PluginKit } from "@pincer/plugin-sdk/testing/plugin";
import { asks, fails, lastUserText, says } from "@pincer/plugin-sdk/testing/script";
import OpenAI from "openai";
import { deviceOf } from "../../tests/fixtures/openai-api/device.ts";
import { caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const ask = (content: string) => [{ role: "user" as const, content }];
const sessionsOf = async (kit: PluginKit) => {
  const { sessions } = await kit.call<{ sessions: { key: string }[] }>("sessions.list", {});
  return sessions.map(({ key }) => key).sort();
};
const saidTo = (kit: PluginKit, call: number) =>
  kit.model.models[call]!.request.messages.map(({ role, content }) => [role, JSON.stringify(content)] as const);

test("an agent answers under every name that it has", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const names = [
    "pincer",
    "pincer/default",
    "pincer/main",
    "pincer:main",
    "agent:main",
    "openclaw",
    "openclaw/default",
    "openclaw/main",
    "openclaw:main",
  ];
  for (const model of names) {
    const { choices, ...completion } = await openai.chat.completions.create({ model, messages: ask("hello") });
    expect([completion.model, choices[0]?.message.content, choices[0]?.finish_reason]).toEqual([model, "You said: hello", "stop"]);
  }
});

test("its tools are run by the agent, and the caller gets the answer", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  await Bun.write(`${api.kit.home}/workspace/note.txt`, "the note");
  api.kit.model.answer([{ text: "Looking." }, asks("read", { path: "note.txt" })], says("It says: the note."));
  const completion = await openai.chat.completions.create({ model: "pincer/main", messages: ask("What does the note say?") });
  expect(completion.choices[0]?.message).toMatchObject({ content: "Looking.\n\nIt says: the note." });
  expect(completion.choices[0]?.message.tool_calls).toBeUndefined();
  expect(JSON.stringify(saidTo(api.kit, 1))).toContain("the note");
  expect(completion.usage?.prompt_tokens).toBeGreaterThan(0);
});

test("it streams as the agent writes", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const gate = Promise.withResolvers<void>();
  api.kit.model.answer(async function* () {
    yield { text: "early, " };
    await gate.promise;
    yield { text: "and late" };
  });
  const stream = await openai.chat.completions.create({
    model: "pincer/main",
    messages: ask("hello"),
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage: unknown;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
    if (text === "early, ") gate.resolve();
  }
  expect(text).toBe("early, and late");
  expect(usage).toMatchObject({ prompt_tokens: expect.any(Number) });
});

test("a user has one session, of which only what is new is said; without a user each call has its own, with all that was said", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const conversation = [
    { role: "system" as const, content: "Talk like a pirate." },
    ...ask("My name is Ada."),
    { role: "assistant" as const, content: "Aye, Ada." },
    ...ask("What is my name?"),
  ];
  await openai.chat.completions.create({ model: "pincer/main", messages: ask("My name is Ada."), user: "ada@example.com:1" });
  await openai.chat.completions.create({ model: "pincer/main", messages: conversation, user: "ada@example.com:1" });
  expect(await sessionsOf(api.kit)).toEqual(["agent:main:openai-user:ada%40example.com%3A1"]);
  const sticky = saidTo(api.kit, 1);
  expect(sticky.map(([role]) => role)).toEqual(["user", "assistant", "user"]);
  expect(sticky[1]?.[1]).toContain("You said: My name is Ada.");
  expect(JSON.stringify(api.kit.model.models[1]!.request.system)).toContain("Talk like a pirate.");

  await openai.chat.completions.create({ model: "pincer/main", messages: conversation });
  const fresh = saidTo(api.kit, 2);
  expect(fresh.map(([role]) => role)).toEqual(["user", "assistant", "user"]);
  expect(fresh[1]?.[1]).toContain("Aye, Ada.");
  expect(await sessionsOf(api.kit)).toEqual([
    "agent:main:openai-user:ada%40example.com%3A1",
    expect.stringMatching(/^agent:main:openai:[0-9a-f-]{36}$/),
  ]);
});

test("a session is a caller's and its user's: what a device calls its users is nobody else's, and what was there before is still named", async () => {
  await using api = await startApi();
  const owner = new OpenAI(api.client);
  const device = new OpenAI(await deviceOf(api, ["operator.read", "operator.write"]));
  const say = (who: OpenAI, user: string, headers = {}) =>
    who.chat.completions.create({ model: "pincer/main", messages: ask("hello"), user }, { headers });
  await say(owner, "ada");
  await say(device, "ada");
  await say(device, "ada");
  expect(saidTo(api.kit, 1).map(([role]) => role)).toEqual(["user"]);
  expect(saidTo(api.kit, 2).map(([role]) => role)).toEqual(["user", "assistant", "user"]);
  const keys = (await sessionsOf(api.kit)).sort((a, b) => a.length - b.length);
  expect(keys).toEqual(["agent:main:openai-user:ada", expect.stringMatching(/^agent:main:openai-user:[0-9a-f]{64}\/ada$/)]);
  // No name that the owner's users may have leads into a device's.
  const [, own = ""] = /openai-user:(.*)$/.exec(keys[1] ?? "") ?? [];
  await say(owner, own);
  expect(await sessionsOf(api.kit)).toHaveLength(3);
  await say(device, "ada", { "x-openclaw-session-key": "openai-user:ada" });
  expect(saidTo(api.kit, 4).map(([role]) => role)).toEqual(["user", "assistant", "user"]);
  expect(await sessionsOf(api.kit)).toHaveLength(3);
});

test("headers name the session, the agent and the model behind it", async () => {
  await using api = await startApi({ settings: { agents: { list: [{ id: "main" }, { id: "work" }] } } });
  const post = (headers: Record<string, string>, model = "openclaw") =>
    api.post("/v1/chat/completions", { model, messages: ask("hello") }, headers);
  expect((await post({ "x-openclaw-session-key": "notes" })).status).toBe(200);
  expect(
    (await post({ "x-openclaw-agent-id": "work", "x-openclaw-session-key": "agent:work:notes", "x-openclaw-model": "scripted/two" }))
      .status,
  ).toBe(200);
  expect(await sessionsOf(api.kit)).toEqual(["agent:main:notes", "agent:work:notes"]);
  expect(api.kit.model.models.map(({ request }) => request.model)).toEqual(["scripted/one", "scripted/two"]);
  for (const [headers, model] of [
    [{ "x-openclaw-session-key": "cron:1" }, "openclaw"],
    [{ "x-openclaw-session-key": "agent:main:subagent:1" }, "openclaw"],
    [{ "x-openclaw-session-key": "agent:work:notes" }, "openclaw/main"],
    [{ "x-openclaw-session-key": "agent:" }, "openclaw"],
  ] as const) {
    const response = await post(headers, model);
    expect([headers, response.status]).toEqual([headers, 400]);
  }
});

test("images and files go with the message", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const png = dot.toString("base64");
  await openai.chat.completions.create({
    model: "pincer/main",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "See." },
          { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
          { type: "file", file: { filename: "note.txt", file_data: `data:text/plain;base64,${Buffer.from("a note").toString("base64")}` } },
        ],
      },
    ],
  });
  const [, said] = saidTo(api.kit, 0)[0]!;
  expect(said).toContain(png);
  expect(said).toContain("a note");
});

test("a text that looks like a command is a text", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  for (const text of ["/new", "/status", " /stop now"]) {
    const { choices } = await openai.chat.completions.create({ model: "pincer/main", messages: ask(text), user: "ada" });
    expect(choices[0]?.message.content).toContain(text.trim());
  }
  expect(api.kit.model.models.map(({ request }) => lastUserText(request).replace("\u2060", "").trim())).toEqual([
    "/new",
    "/status",
    "/stop now",
  ]);
});

test("a caller that leaves stops the agent", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  for (const stream of [true, false]) {
    const call = api.kit.model.models.length;
    api.kit.model.answer(async function* (_request, signal) {
      yield { text: "one" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const leave = new AbortController();
    const asking = openai.chat.completions.create({ model: "pincer/main", messages: ask("hello"), stream }, { signal: leave.signal });
    const asked = await api.kit.model.modelCall(call);
    const cut = api.kit.model.cut(asked);
    if (!stream) {
      leave.abort();
      await caught(asking);
    } else
      for await (const chunk of (await asking) as AsyncIterable<{ choices: { delta: { content?: string } }[] }>)
        if (chunk.choices[0]?.delta.content) leave.abort();
    await cut;
  }
});

test("what an agent does not do is refused, and what goes wrong in it is told", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const model = "pincer/main";
  const tools = [{ type: "function" as const, function: { name: "f" } }];
  const refused = (more: object) => caught(openai.chat.completions.create({ model, messages: ask("hello"), ...more }));
  expect(await refused({ tools })).toMatchObject({ status: 400, param: "tools", code: "unsupported_parameter" });
  expect(await refused({ n: 2 })).toMatchObject({ status: 400, param: "n" });
  expect(await refused({ logprobs: true })).toMatchObject({ status: 400, param: "logprobs" });
  expect(await refused({ response_format: { type: "json_object" } })).toMatchObject({ status: 400, param: "response_format" });
  expect(await refused({ messages: [...ask("hi"), { role: "assistant", content: "hello" }] })).toMatchObject({
    status: 400,
    param: "messages",
  });
  expect(await refused({ messages: ask("  ") })).toMatchObject({ status: 400, param: "messages" });
  expect(api.kit.model.models).toHaveLength(0);
  api.kit.model.otherwise(fails("context-overflow"));
  expect(await refused({})).toMatchObject({ status: 400, code: "context_length_exceeded" });
  api.kit.model.otherwise(fails("auth"));
  const broken = await refused({});
  expect(broken).toMatchObject({ status: 502, code: "provider_failed" });
  expect(broken.message).toContain("did not accept the key");
});

test("agents and models are listed, and looked up by their names", async () => {
  await using api = await startApi({ settings: { agents: { list: [{ id: "main" }, { id: "work" }] } } });
  const openai = new OpenAI(api.client);
  const ids = (await openai.models.list()).data.map(({ id }) => id);
  expect(ids).toEqual(
    expect.arrayContaining(["pincer/default", "pincer/work", "openclaw", "openclaw/main", "lab/gpt-test", "scripted/one"]),
  );
  expect(await openai.models.retrieve("pincer/work")).toEqual({
    id: "pincer/work",
    object: "model",
    created: 0,
    owned_by: "pincer",
    permission: [],
  } as never);
  expect(await openai.models.retrieve("lab/gpt-test")).toMatchObject({ id: "lab/gpt-test", owned_by: "lab" });
  expect(await caught(openai.models.retrieve("pincer/nobody"))).toMatchObject({ status: 404, code: "model_not_found" });
  expect(await caught(openai.models.retrieve("nowhere/x"))).toMatchObject({ status: 404, code: "model_not_found" });
});

import { dot } from "../../tests/support/pictures.ts";
