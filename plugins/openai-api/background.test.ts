import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { deviceOf } from "../../tests/fixtures/openai-api/device.ts";
import { caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const model = "lab/gpt-test";

/** Follows a response to its end, and answers with what it is then. */
async function ended(openai: OpenAI, id: string): Promise<OpenAI.Responses.Response> {
  for await (const _ of await openai.responses.retrieve(id, { stream: true }));
  return openai.responses.retrieve(id);
}

test("a response in the background is answered at once, and had when it is there", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const gate = Promise.withResolvers<void>();
  api.vendor.answer({ steps: [{ text: ["Done "] }, { text: ["well."] }], hold: { before: 1, until: gate.promise } });
  const queued = await openai.responses.create({ model, input: "Hello!", background: true });
  expect(queued).toMatchObject({ status: "queued", background: true, output: [] });
  await api.vendor.received(1);
  expect(await openai.responses.retrieve(queued.id)).toMatchObject({ status: "in_progress" });
  const early = await caught(openai.responses.create({ model, input: "go on", previous_response_id: queued.id }));
  expect(early).toMatchObject({ status: 400, param: "previous_response_id" });
  gate.resolve();
  expect(await ended(openai, queued.id)).toMatchObject({ status: "completed", output_text: "Done well.", usage: { total_tokens: 15 } });
  api.vendor.answer({ steps: [{ text: ["Gladly."] }] });
  await openai.responses.create({ model, input: "go on", previous_response_id: queued.id });
  expect((await api.vendor.received(2)).body.messages).toHaveLength(3);
});

test("who follows it may leave and come again, and reads each event once", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const gate = Promise.withResolvers<void>();
  api.vendor.answer({ steps: [{ text: ["early "] }, { text: ["late"] }], hold: { before: 1, until: gate.promise } });
  const read: ResponseStreamEvent[] = [];
  let id = "";
  for await (const event of await openai.responses.create({ model, input: "Hello!", background: true, stream: true })) {
    read.push(event);
    if (event.type === "response.queued") ({ id } = event.response);
    if (event.type === "response.output_text.delta") break;
  }
  gate.resolve();
  for await (const event of await openai.responses.retrieve(id, { stream: true, starting_after: read.at(-1)!.sequence_number }))
    read.push(event);
  expect(read.map(({ sequence_number }) => sequence_number)).toEqual(read.map((_, at) => at));
  expect(read.flatMap((event) => (event.type === "response.output_text.delta" ? [event.delta] : [])).join("")).toBe("early late");
  expect(read.at(-1)).toMatchObject({ type: "response.completed" });
});

test("it is cancelled at the vendor, and by whoever removes it", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  for (const how of ["cancel", "delete"] as const) {
    const number = api.vendor.ledger.length + 1;
    api.vendor.answer({ steps: [{ text: ["one"] }], end: "hang" });
    const { id } = await openai.responses.create({ model, input: "Hello!", background: true });
    const { left } = await api.vendor.received(number);
    if (how === "cancel") expect(await openai.responses.cancel(id)).toMatchObject({ status: "cancelled" });
    else await openai.responses.delete(id);
    await left;
    if (how === "cancel") expect(await openai.responses.retrieve(id)).toMatchObject({ status: "cancelled" });
    else expect(await caught(openai.responses.retrieve(id))).toMatchObject({ status: 404 });
  }
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  const { id } = await openai.responses.create({ model, input: "Hello!" });
  expect(await caught(openai.responses.cancel(id))).toMatchObject({ status: 400 });
});

test("one that fails says so", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  api.vendor.answer({ error: { status: 429, message: "Slow down" } });
  const { id } = await openai.responses.create({ model, input: "Hello!", background: true });
  expect(await ended(openai, id)).toMatchObject({
    status: "failed",
    error: { code: "rate_limit_exceeded", message: expect.stringContaining("Slow down") },
  });
  const unknown = await openai.responses.create({ model: "nowhere/x", input: "Hello!", background: true });
  expect(await ended(openai, unknown.id)).toMatchObject({ status: "failed", error: { message: expect.stringContaining("nowhere/x") } });
});

test("an agent's goes on through a new generation of the plugin, and is stopped when it is cancelled", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const gate = Promise.withResolvers<void>();
  api.kit.model.answer(async function* () {
    yield { text: "slowly " };
    await gate.promise;
    yield { text: "done" };
  });
  const { id } = await openai.responses.create({ model: "pincer/main", input: "Hello!", background: true });
  await api.kit.model.modelCall(0);
  await api.kit.reload();
  gate.resolve();
  await api.kit.call("agent.wait", { runId: id });
  expect(await ended(openai, id)).toMatchObject({ status: "completed", output_text: "slowly done" });
  expect(api.kit.model.models).toHaveLength(1);

  api.kit.model.answer(async function* (_request, signal) {
    yield { text: "one" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const second = await openai.responses.create({ model: "pincer/main", input: "Hello!", background: true });
  const cut = api.kit.model.cut(await api.kit.model.modelCall(1));
  expect(await openai.responses.cancel(second.id)).toMatchObject({ status: "cancelled" });
  await cut;
});

test("what was begun when the gateway stopped is done when it is there again", async () => {
  const home = await mkdtemp(join(tmpdir(), "pincer-background-"));
  let id = "";
  {
    await using api = await startApi({ home, settings: { gateway: { lanes: { drainMs: 0 } } } });
    api.vendor.answer({ steps: [{ text: ["one"] }], end: "hang" });
    ({ id } = await new OpenAI(api.client).responses.create({ model, input: "Hello!", background: true }));
    await api.vendor.received(1);
  }
  await using api = await startApi({ home });
  const openai = new OpenAI(api.client);
  api.vendor.answer({ steps: [{ text: ["Done after all."] }] });
  await api.vendor.received(1);
  expect(await ended(openai, id)).toMatchObject({ status: "completed", output_text: "Done after all." });
  await rm(home, { recursive: true });
});

test("what one caller's answer tells is not lost by how many another has asked for meanwhile", async () => {
  await using api = await startApi();
  const [own, other] = [new OpenAI(api.client), new OpenAI(await deviceOf(api, ["operator.read", "operator.write"]))];
  const gate = Promise.withResolvers<void>();
  api.vendor.answer({ steps: [{ text: ["early "] }, { text: ["late"] }], hold: { before: 1, until: gate.promise } });
  const { id } = await own.responses.create({ model, input: "Hello!", background: true });
  await api.vendor.received(1);
  api.vendor.otherwise(() => ({ steps: [{ text: ["ok"] }] }));
  for (let at = 0; at < 70; at += 10)
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for await (const _ of await other.responses.create({ model, input: "hi", background: true, stream: true }));
      }),
    );
  gate.resolve();
  const types: string[] = [];
  for await (const { type } of await own.responses.retrieve(id, { stream: true })) types.push(type);
  expect([types[0], types.at(-1)]).toEqual(["response.queued", "response.completed"]);
  expect(types.filter((type) => type === "response.output_text.delta")).toHaveLength(2);
});
