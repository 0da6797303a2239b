import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import OpenAI from "openai";
import { deviceOf } from "../../tests/fixtures/openai-api/device.ts";
import { caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const messages = [{ role: "user" as const, content: "Hello!" }];
const model = "lab/gpt-test";
const fixtures = join(dirname(dirname(import.meta.dir)), "tests", "fixtures");

test("a device may do here what it may do over its connection, and what is kept for one is nobody else's", async () => {
  await using api = await startApi();
  const reader = new OpenAI(await deviceOf(api, ["operator.read"]));
  const writer = new OpenAI(await deviceOf(api, ["operator.read", "operator.write"]));
  expect((await reader.models.list()).data.length).toBeGreaterThan(3);
  for (const call of [
    () => reader.chat.completions.create({ model, messages }),
    () => reader.responses.create({ model, input: "hi" }),
    () => reader.embeddings.create({ model, input: "hi" }),
    () => reader.responses.delete("resp_x"),
  ]) {
    const error = await caught<InstanceType<typeof OpenAI.APIError>>(call());
    expect(error).toMatchObject({ status: 403, type: "forbidden", code: "missing_scope" });
    expect(error.error).toMatchObject({ details: { code: "MISSING_SCOPE", missingScope: "operator.write" } });
  }
  api.vendor.answer({ steps: [{ text: ["kept"] }] });
  const { id } = await writer.responses.create({ model, input: "hi" });
  expect(await writer.responses.retrieve(id)).toMatchObject({ id, output_text: "kept" });
  const other = new OpenAI(api.client);
  for (const call of [() => other.responses.retrieve(id), () => other.responses.delete(id), () => other.responses.inputItems.list(id)])
    expect(await caught(call())).toMatchObject({ status: 404 });
  expect(await caught(other.responses.create({ model, input: "hi", previous_response_id: id }))).toMatchObject({ status: 400 });
  // Which model stands behind an agent is for its owner to say.
  const chosen = { headers: { "x-openclaw-model": "scripted/two" } };
  expect(await caught(writer.chat.completions.create({ model: "pincer", messages }, chosen))).toMatchObject({ status: 403 });
});

test("who may refuse a model's call refuses it here too", async () => {
  const refuser = { refuser: { enabled: true, config: { word: "gpt-test" } } };
  await using api = await startApi({ folders: [join(fixtures, "models")], enable: ["refuser"], settings: { plugins: refuser } });
  const openai = new OpenAI(api.client);
  for (const call of [
    () => openai.chat.completions.create({ model, messages }),
    () => openai.responses.create({ model, input: "hi" }),
    () => openai.embeddings.create({ model, input: "hi" }),
  ])
    expect(await caught(call())).toMatchObject({ status: 403, code: "llm_call_refused", message: expect.stringContaining("may not use") });
  expect(api.vendor.ledger).toHaveLength(0);
});

test("behind failover a request goes on with another profile, and what is left to say when there is none keeps its meaning", async () => {
  await using api = await startApi({ enable: ["failover"], settings: { failover: { probe: false } } });
  const openai = new OpenAI(api.client);
  await api.kit.call("failover.profiles.add", { name: "lab:work", value: "refused" });
  api.vendor.answer({ error: { status: 401, message: "no such key" } }, { steps: [{ text: ["from the other"] }] });
  const { choices } = await openai.chat.completions.create({ model, messages });
  expect(choices[0]?.message.content).toBe("from the other");
  expect((await openai.embeddings.create({ model: "lab/embed", input: "x" })).data).toHaveLength(1);
  api.vendor.answer({ error: { status: 429, message: "Slow down", headers: { "retry-after": "7" } } });
  for (const call of [
    () => openai.chat.completions.create({ model, messages, stream: true }),
    () => openai.chat.completions.create({ model, messages }),
  ]) {
    const error = await caught<InstanceType<typeof OpenAI.APIError>>(call());
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(Number(error.headers?.get("retry-after"))).toBeGreaterThan(0);
  }
});

test("the plugin is off until it is turned on, and leaves nothing behind", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["one"] }] }, { steps: [{ text: ["two"] }] });
  await openai.chat.completions.create({ model, messages });
  await openai.responses.create({ model, input: "hi" });
  await openai.chat.completions.create({ model: "pincer", messages });
  await api.kit.unload();
  expect(api.kit.residue()).toEqual([]);
  expect((await api.post("/v1/chat/completions", { model, messages })).status).not.toBe(200);
});

test("a new generation of the plugin drops no answer that streams", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const gate = Promise.withResolvers<void>();
  api.vendor.answer(
    { steps: [{ text: ["before "] }, { text: ["after"] }], hold: { before: 1, until: gate.promise } },
    { steps: [{ text: ["next"] }] },
  );
  let text = "";
  for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? "";
    if (text !== "before ") continue;
    await api.kit.reload();
    expect((await openai.chat.completions.create({ model, messages })).choices[0]?.message.content).toBe("next");
    gate.resolve();
  }
  expect(text).toBe("before after");
});
