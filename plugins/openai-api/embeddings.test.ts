import { expect, test } from "bun:test";
import OpenAI from "openai";
import { caught, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const model = "lab/embed";

test("texts become vectors, in their order, as numbers or as bytes", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  // Without a format the client asks for bytes, and makes numbers of them.
  for (const encoding_format of [undefined, "float"] as const) {
    const { data, usage, ...rest } = await openai.embeddings.create({
      model,
      input: ["eightchr", "four"],
      ...(encoding_format && { encoding_format }),
    });
    expect(rest).toMatchObject({ object: "list", model });
    expect(data.map(({ embedding, index }) => [index, [...embedding]])).toEqual([
      [0, [0.125, 0]],
      [1, [0.0625, 1]],
    ]);
    expect(usage).toEqual({ prompt_tokens: 8, total_tokens: 8 });
  }
  const { data } = await openai.embeddings.create({ model, input: "eightchr", dimensions: 1, encoding_format: "float" });
  expect(data).toEqual([{ object: "embedding", index: 0, embedding: [0.125] }]);
  const { totals } = await api.kit.call<{ totals: { input: number; calls: number } }>("usage.cost", {});
  expect(totals).toMatchObject({ input: 24, calls: 3 });
});

test("what makes no vectors says so", async () => {
  await using api = await startApi();
  const openai = new OpenAI(api.client);
  const fail = (body: object) => caught<InstanceType<typeof OpenAI.APIError>>(openai.embeddings.create({ model, input: "x", ...body }));
  expect(await fail({ model: "demo/offline" })).toMatchObject({ status: 400, message: expect.stringContaining("makes no embeddings") });
  expect(await fail({ model: "pincer/main" })).toMatchObject({ status: 400, param: "model" });
  expect(await fail({ model: "nowhere/x" })).toMatchObject({ status: 404, code: "model_not_found" });
  for (const input of [[1, 2], [[1]], "", [], [""], 7])
    expect(await fail({ input })).toMatchObject({ status: 400, param: expect.stringMatching(/^input/) });
  const limited = await fail({ model: "lab/limited" });
  expect([limited.status, limited.headers?.get("retry-after")]).toEqual([429, "3"]);
});
