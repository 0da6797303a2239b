/** The vendor's own library as the judge: of what is sent, and of what the scripted vendor answers. */
import { expect, test } from "bun:test";
import { ApiError, FunctionCallingConfigMode, type GenerateContentConfig, GoogleGenAI, ThinkingLevel } from "@google/genai";
import { modelRequest, readStream, toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { io, MODEL, startGemini } from "../../tests/fixtures/models/gemini.ts";

const libraryAt = (baseUrl: string) =>
  new GoogleGenAI({
    apiKey: "AIza-test-key",
    apiVersion: "v1beta",
    vertexai: false,
    httpOptions: { baseUrl, fetch: (input, init) => fetch(input, init) },
  });

const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };
const list = toolSpec("files_list");
const CONFIG: GenerateContentConfig = {
  systemInstruction: { parts: [{ text: "You are a test." }] },
  temperature: 0.5,
  topP: 0.9,
  maxOutputTokens: 4000,
  stopSequences: ["END"],
  seed: 7,
  presencePenalty: 1,
  frequencyPenalty: 0.5,
  responseMimeType: "application/json",
  responseJsonSchema: schema,
  responseLogprobs: true,
  logprobs: 2,
  thinkingConfig: { includeThoughts: true, thinkingLevel: ThinkingLevel.HIGH },
  tools: [{ functionDeclarations: [{ name: list.name, description: list.description, parametersJsonSchema: list.parameters }] }],
  toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY, allowedFunctionNames: [list.name] } },
};

test("a request is what the library would have sent", async () => {
  await using gemini = startGemini();
  gemini.vendor.otherwise(() => ({ steps: [{ text: ["{}"] }] }));
  const contents = [{ role: "user", parts: [{ text: "hello" }] }];
  for await (const _ of await libraryAt(gemini.vendor.origin).models.generateContentStream({
    model: "gemini-3.8-flash",
    contents,
    config: CONFIG,
  }));
  const asked = modelRequest(MODEL, [userMessage("hello")], {
    ...{ thinking: "high" as const, temperature: 0.5, topP: 0.9, maxOutputTokens: 4000, stop: ["END"], seed: 7, presencePenalty: 1 },
    ...{ frequencyPenalty: 0.5, logprobs: 2, tools: [list], toolChoice: { name: list.name } },
    responseFormat: { type: "json-schema", name: "answer", schema },
  });
  await readStream(gemini.provider.stream(asked, io));
  const [theirs, ours] = gemini.vendor.ledger;
  expect(ours?.path).toBe(theirs?.path as string);
  expect(ours?.body).toEqual(theirs?.body as Record<string, unknown>);
  expect(ours?.headers.get("x-goog-api-key")).toBe(theirs?.headers.get("x-goog-api-key") as string);
});

test("the scripted vendor's answers are what the library reads", async () => {
  await using gemini = startGemini();
  const library = libraryAt(gemini.vendor.origin);
  gemini.vendor.answer({
    steps: [
      { thinking: ["Hm."] },
      { text: ["Grüße"] },
      { redacted: "proof" },
      { toolCall: { id: "a", name: "files_list", arguments: '{"path":"."}' } },
    ],
    usage: { input: 10, output: 5, cacheRead: 90 },
  });
  const read = [];
  for await (const chunk of await library.models.generateContentStream({ model: "gemini-3.8-flash", contents: "hello" })) read.push(chunk);
  expect(read.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? [])).toMatchObject([
    { text: "Hm.", thought: true },
    { text: "Grüße" },
    { functionCall: { id: "a", name: "files_list", args: { path: "." } }, thoughtSignature: "proof" },
    { text: "" },
  ]);
  expect(read.at(-1)?.candidates?.[0]?.finishReason as string).toBe("STOP");
  expect(read.at(-1)?.usageMetadata).toMatchObject({ promptTokenCount: 100, cachedContentTokenCount: 90, candidatesTokenCount: 5 });
  gemini.vendor.answer({ error: { status: 429, param: "22s", message: "Slow down." } });
  const refused = await library.models
    .generateContentStream({ model: "gemini-3.8-flash", contents: "hello" })
    .catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ApiError);
  expect(refused).toMatchObject({ status: 429, message: expect.stringContaining("RetryInfo") });
  const vectors = await library.models.embedContent({
    model: "gemini-embedding-001",
    contents: ["abc", "d"],
    config: { outputDimensionality: 1 },
  });
  expect(vectors.embeddings?.map(({ values }) => values)).toEqual([[3 / 64], [1 / 64]]);
  const models = [];
  for await (const model of await library.models.list({ config: { pageSize: 2 } })) models.push(model.name);
  expect(models).toHaveLength(4);
});
