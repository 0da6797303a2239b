/** What is kept of responses, of whom and how much, and what naming parts of it costs. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import OpenAI from "openai";
import { deviceOf } from "../../tests/fixtures/openai-api/device.ts";
import { caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

type ApiError = InstanceType<typeof OpenAI.APIError>;
const model = "lab/gpt-test";
const DAY_MS = 86_400_000;

test("many references to one large answer are refused before they are written out, and a few are taken", async () => {
  await using api = await startApi({ config: { responseBytes: 3_000_000 } });
  const openai = new OpenAI(api.client);
  const large = "x".repeat(1_000_000);
  api.vendor.answer({ steps: [{ text: [large] }] });
  const first = await openai.responses.create({ model, input: "hi" });
  const reference = { type: "item_reference" as const, id: first.output[0]!.id! };
  const ask = (count: number) =>
    openai.responses.create({ model, input: [...Array<typeof reference>(count).fill(reference), { role: "user", content: "and?" }] });
  expect(await caught<ApiError>(ask(60))).toMatchObject({ status: 400, param: "input", code: "input_too_large" });
  expect(api.vendor.ledger).toHaveLength(1);
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  expect((await ask(2)).output_text).toBe("ok");
  expect(JSON.stringify((await api.vendor.received(2)).body)).toContain(large);
});

test("the responses that are looked up for one request are bounded in number and in size", async () => {
  await using api = await startApi({ config: { responseBytes: 300_000 } });
  const openai = new OpenAI(api.client);
  const made = (number: number) => ({ type: "item_reference" as const, id: `msg_${number}_0` });
  const many = await caught<ApiError>(openai.responses.create({ model, input: Array.from({ length: 65 }, (_, at) => made(at)) }));
  expect(many).toMatchObject({ status: 400, param: "input", message: expect.stringContaining("65 responses; at most 64") });
  const references: { readonly type: "item_reference"; readonly id: string }[] = [];
  for (let turn = 0; turn < 3; turn++) {
    // Large by what was asked, and not by what is named of it.
    api.vendor.answer({ steps: [{ text: [`answer ${turn}`] }] });
    const { output } = await openai.responses.create({ model, input: "x".repeat(60_000) });
    references.push({ type: "item_reference", id: output[0]!.id! });
  }
  const ask = (count: number) =>
    openai.responses.create({ model, input: [...references.slice(0, count), { role: "user", content: "and?" }] });
  expect(await caught<ApiError>(ask(3))).toMatchObject({ status: 400, code: "input_too_large" });
  api.vendor.answer({ steps: [{ text: ["ok"] }] });
  await ask(2);
  const sent = JSON.stringify((await api.vendor.received(4)).body);
  expect([0, 1, 2].map((turn) => sent.includes(`answer ${turn}`))).toEqual([true, true, false]);
});

test("whoever keeps much loses his own oldest, and nobody else's go", async () => {
  const clock = createManualClock();
  await using api = await startApi({ clock, config: { mostResponses: 6, mostResponsesEach: 4 } });
  api.vendor.otherwise(() => ({ steps: [{ text: ["kept"] }] }));
  const owner = new OpenAI(api.client);
  const [one, two] = (await Promise.all([1, 2].map(async () => new OpenAI(await deviceOf(api, ["operator.read", "operator.write"]))))) as [
    OpenAI,
    OpenAI,
  ];
  const kept = new Map<OpenAI, string[]>([
    [owner, []],
    [one, []],
    [two, []],
  ]);
  const keep = async (who: OpenAI, count: number) => {
    for (let at = 0; at < count; at++) {
      await clock.advance(1_000);
      kept.get(who)!.push((await who.responses.create({ model, input: "hi" })).id);
    }
  };
  const left = async (who: OpenAI) => {
    const found = await Promise.all(
      kept.get(who)!.map((id) =>
        who.responses.retrieve(id).then(
          () => true,
          () => false,
        ),
      ),
    );
    return found.map((is) => (is ? "+" : "-")).join("");
  };
  await keep(owner, 2);
  await keep(one, 7);
  await keep(two, 2);
  // It is looked at once a day by itself.
  await clock.advance(DAY_MS);
  await keep(two, 1);
  await api.kit.logged("responses.swept");
  expect([await left(owner), await left(one), await left(two)]).toEqual(["++", "-----++", "-++"]);
});
