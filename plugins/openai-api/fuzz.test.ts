/** Requests that are spoilt somewhere: each is answered in a shape of OpenAI's, and none is a fault of the gateway. */
import { expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { startApi } from "../../tests/fixtures/openai-api/gateway.ts";
import { type Random, randomOf, seedOf } from "../../tests/fuzz/random.ts";

const ROUNDS = 150;
const image = `data:image/png;base64,${Buffer.from("picture").toString("base64")}`;
const f = { name: "f", description: "d", parameters: { type: "object" }, strict: false };

/** Sound ones, with everything in them that is looked at. */
const sound: readonly (readonly [path: string, body: object])[] = [
  [
    "/v1/chat/completions",
    {
      model: "scripted/one",
      messages: [
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "See." },
            { type: "image_url", image_url: { url: image } },
          ],
        },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } }],
        },
        { role: "tool", tool_call_id: "call_1", content: [{ type: "text", text: "b" }] },
        { role: "user", content: "Well?" },
      ],
      tools: [{ type: "function", function: f }],
      tool_choice: { type: "function", function: { name: "f" } },
      response_format: { type: "json_schema", json_schema: { name: "a", schema: { type: "object" } } },
      stop: ["END"],
      n: 2,
      stream: true,
      stream_options: { include_usage: true },
      temperature: 1,
      max_tokens: 5,
      user: "ada",
    },
  ],
  ["/v1/chat/completions", { model: "pincer/main", messages: [{ role: "user", content: "hi" }], user: "ada", reasoning_effort: "low" }],
  [
    "/v1/responses",
    {
      model: "scripted/one",
      instructions: "Be brief.",
      input: [
        {
          role: "user",
          content: [
            { type: "input_text", text: "See." },
            { type: "input_image", image_url: image },
          ],
        },
        { type: "reasoning", summary: [{ text: "hm" }], encrypted_content: Buffer.from('{"provider":"p"}').toString("base64") },
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: [{ type: "input_text", text: "b" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "ok" }] },
        { role: "user", content: "Well?" },
      ],
      tools: [{ type: "function", ...f }],
      text: { format: { type: "json_schema", name: "a", schema: { type: "object" } } },
      metadata: { a: "b" },
      include: ["reasoning.encrypted_content"],
      stream: false,
      store: true,
      top_logprobs: 0,
    },
  ],
  ["/v1/responses", { model: "pincer", input: "hi", stream: true, previous_response_id: null }],
  ["/v1/embeddings", { model: "scripted/one", input: ["a", "b"], dimensions: 4, encoding_format: "base64" }],
];

const hostile: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53,
  "",
  "x",
  " ",
  "\ud800",
  "\0",
  "__proto__",
  "agent:",
  "pincer/",
  "data:;base64,",
  "resp_",
  "../../x",
  "x".repeat(5_000),
  [],
  [null],
  {},
  { type: "x" },
  { type: "text" },
  { constructor: 1 },
];

function spoil(body: object, random: Random): unknown {
  const spoilt = structuredClone(body) as Record<string, unknown>;
  for (let count = 1 + random.below(3); count > 0; count--) {
    let inside: Record<string, unknown> = spoilt;
    for (let depth = random.below(6); depth > 0; depth--) {
      const deeper = Object.values(inside).filter((one) => typeof one === "object" && one !== null && Object.keys(one).length > 0);
      if (deeper.length > 0) inside = random.pick(deeper) as Record<string, unknown>;
    }
    const name = random.pick(Object.keys(inside));
    if (random.chance(0.2)) delete inside[name];
    else inside[name] = structuredClone(random.pick(hostile));
  }
  return spoilt;
}

const word = Type.Union([Type.String({ minLength: 1 }), Type.Null()]);
const Failure = Type.Object({
  error: Type.Object({ message: Type.String({ minLength: 1 }), type: Type.String({ minLength: 1 }), param: word, code: word }),
});

test(`${ROUNDS} spoilt requests are answered in OpenAI's shapes, and none is a fault`, async () => {
  await using api = await startApi();
  const statuses = new Map<number, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const random = randomOf(seedOf(20261130, round));
    const [path, body] = sound[round % sound.length]!;
    const text = JSON.stringify(spoil(body, random));
    // Now and then it is not even JSON.
    const sent = random.chance(0.05) ? text.slice(0, random.below(text.length)) : text;
    const response = await api.post(path, sent);
    const answer = await response.text();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    const what = `round ${round}: ${path} ${sent.slice(0, 2_000)}`;
    if (response.status !== 200) {
      expect([what, answer, Value.Check(Failure, JSON.parse(answer))]).toEqual([what, answer, true]);
      expect([what, response.status < 500 || response.status === 501]).toEqual([what, true]);
    } else if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
      expect([what, answer.endsWith("data: [DONE]\n\n") || answer.includes('"error"')]).toEqual([what, true]);
    } else expect([what, Object.keys(JSON.parse(answer))]).toEqual([what, expect.arrayContaining(["object", "model"])]);
  }
  // Both the parser and what stands behind it were tried.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(10);
  expect(statuses.get(400) ?? 0).toBeGreaterThan(50);
  expect(api.kit.log.filter(({ level }) => level === "error")).toEqual([]);
}, 120_000);
