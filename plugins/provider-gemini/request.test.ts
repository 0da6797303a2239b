import { describe, expect, test } from "bun:test";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import type { Message } from "@pincer/plugin-sdk/message";
import { toolSpec, userMessage } from "@pincer/plugin-sdk/testing/provider-suite";
import { MODEL, startGemini } from "../../tests/fixtures/models/gemini.ts";

type Part = Readonly<Record<string, unknown>>;
interface Content {
  readonly role: string;
  readonly parts: readonly Part[];
}

async function bodyFor(more: Partial<ModelRequest>, messages: readonly Message[] = [userMessage("hello")], model = MODEL) {
  await using gemini = startGemini();
  const { answer } = await gemini.ask({ steps: [{ text: ["ok"] }] }, more, model, messages);
  expect(answer.failure).toBeUndefined();
  return (await gemini.vendor.received(1)).body;
}
const contentsFor = async (messages: readonly Message[], model = MODEL, more: Partial<ModelRequest> = {}) =>
  (await bodyFor({ tools: [toolSpec("shot")], ...more }, messages, model))["contents"] as readonly Content[];

const callsOf = (...ids: readonly string[]): Message => ({
  role: "assistant",
  content: ids.map((id) => ({ type: "toolCall", id, name: "shot", arguments: { of: id } })),
  timestamp: 2,
});
const result = (toolCallId: string, content: Extract<Message, { role: "toolResult" }>["content"], isError = false): Message => ({
  role: "toolResult",
  toolCallId,
  toolName: "shot",
  content,
  isError,
  timestamp: 3,
});
const text = (value: string) => ({ type: "text" as const, text: value });
const image = (data: string, mimeType = "image/png") => ({ type: "image" as const, data, mimeType });

test("key, model and method are in their places, the prompt and the tools as the API names them", async () => {
  await using gemini = startGemini();
  await gemini.ask(
    { steps: [{ text: ["ok"] }] },
    { system: [text("who you are"), text("")], tools: [toolSpec("files_list")], maxOutputTokens: 100 },
  );
  const { path, headers, body } = await gemini.vendor.received(1);
  expect(path).toBe("/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse");
  expect(headers.get("x-goog-api-key")).toBe("AIza-test-key");
  expect(headers.has("authorization")).toBe(false);
  expect(body).toEqual({
    contents: [{ role: "user", parts: [{ text: "hello" }] }],
    systemInstruction: { parts: [{ text: "who you are" }] },
    tools: [
      {
        functionDeclarations: [
          {
            name: "files_list",
            description: "The tool files_list.",
            parametersJsonSchema: { type: "object", properties: { path: { type: "string" } } },
          },
        ],
      },
    ],
    generationConfig: { maxOutputTokens: 100, thinkingConfig: { includeThoughts: true, thinkingLevel: "LOW" } },
  });
});

test("what else is asked of an answer goes by the API's names", async () => {
  const more = { temperature: 0.5, topP: 0.9, seed: 7, presencePenalty: 1, frequencyPenalty: 0.5, logprobs: 2, stop: ["END"] };
  const { generationConfig } = await bodyFor({ ...more, thinking: "off", responseFormat: { type: "json" } });
  expect(generationConfig).toEqual({
    ...{ temperature: 0.5, topP: 0.9, stopSequences: ["END"], seed: 7, presencePenalty: 1, frequencyPenalty: 0.5 },
    ...{ responseMimeType: "application/json", responseLogprobs: true, logprobs: 2, thinkingConfig: { thinkingLevel: "LOW" } },
  });
});

test("each level of thinking is what the model understands", async () => {
  const sent = async (model: string, thinking: NonNullable<ModelRequest["thinking"]>, maxOutputTokens?: number) => {
    const more = { thinking, ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }) };
    const { generationConfig } = await bodyFor(more, undefined, `google/${model}`);
    const { thinkingConfig: config } = (generationConfig ?? {}) as { thinkingConfig?: Record<string, unknown> };
    return config && [config["thinkingLevel"] ?? config["thinkingBudget"], config["includeThoughts"] === true];
  };
  expect(await sent("gemini-4-argon", "xhigh")).toEqual(["HIGH", true]);
  expect(await sent("gemini-4-argon", "off")).toEqual(["LOW", false]);
  expect(await sent("gemini-3.8-flash", "minimal")).toEqual(["LOW", true]);
  expect(await sent("gemini-3-flash-preview", "minimal")).toEqual(["MINIMAL", true]);
  expect(await sent("gemini-3.1-flash-lite", "off")).toEqual(["MINIMAL", false]);
  expect(await sent("gemini-3-pro-preview", "medium")).toEqual(["HIGH", true]);
  expect(await sent("gemini-3.1-pro-preview", "medium")).toEqual(["MEDIUM", true]);
  expect(await sent("gemini-flash-latest", "high")).toEqual(["HIGH", true]);
  expect(await sent("gemini-2.5-flash", "off")).toEqual([0, false]);
  expect(await sent("gemini-2.5-flash", "medium")).toEqual([8192, true]);
  expect(await sent("gemini-2.5-flash", "xhigh")).toEqual([24_576, true]);
  expect(await sent("gemini-2.5-flash", "high", 4096)).toEqual([3072, true]);
  expect(await sent("gemini-2.5-flash-lite", "low", 1200)).toEqual([0, false]);
  expect(await sent("gemini-2.5-pro", "off")).toEqual([128, false]);
  expect(await sent("gemini-2.5-pro", "xhigh")).toEqual([32_768, true]);
  expect(await sent("gemini-2.0-flash", "high")).toBeUndefined();
  expect(await sent("gemma-4-31b-it", "high")).toBeUndefined();
});

describe("a conversation", () => {
  test("results of calls that were made together are one turn, errors are told as such", async () => {
    const messages = [userMessage("look"), callsOf("a", "b"), result("b", [text("no such file")], true), result("a", [text("a.txt")])];
    expect((await contentsFor(messages, "google/gemini-2.5-flash")).slice(1)).toEqual([
      {
        role: "model",
        parts: ["a", "b"].map((id) => ({ functionCall: { id, name: "shot", args: { of: id } } })),
      },
      {
        role: "user",
        parts: [
          { functionResponse: { id: "a", name: "shot", response: { output: "a.txt" } } },
          { functionResponse: { id: "b", name: "shot", response: { error: "no such file" } } },
        ],
      },
    ]);
  });

  test("what tools show is in their result since Gemini 3, and behind the results before", async () => {
    const messages = [userMessage("look"), callsOf("a", "b"), result("a", [text("one"), image("QQ==")]), result("b", [image("Qg==")])];
    const inline = (data: string) => ({ inlineData: { mimeType: "image/png", data } });
    expect((await contentsFor(messages)).at(-1)?.parts).toEqual([
      { functionResponse: { id: "a", name: "shot", response: { output: "one" }, parts: [inline("QQ==")] } },
      { functionResponse: { id: "b", name: "shot", response: { output: "[See the image]" }, parts: [inline("Qg==")] } },
    ]);
    const before = await contentsFor(messages, "google/gemini-2.5-pro");
    expect(before.map(({ role }) => role)).toEqual(["user", "model", "user", "user"]);
    expect(before.at(-1)?.parts).toEqual([{ text: "[Images from the tools]" }, inline("QQ=="), inline("Qg==")]);
  });

  test("a document goes with its name; what the API does not know is told in words", async () => {
    const document = { type: "document" as const, data: "JVBERi0=", mimeType: "application/pdf", name: "letter.pdf" };
    const archive = { type: "document" as const, data: "UEs=", mimeType: "application/zip" };
    const [content] = await contentsFor([
      { role: "user", content: [text("look"), document, image("R0lG", "image/gif"), archive], timestamp: 1 },
    ]);
    expect(content?.parts.slice(1)).toEqual([
      { text: "[letter.pdf]" },
      { inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } },
      { text: "[An image of type image/gif, which this model cannot read.]" },
      { text: "[a document, application/zip, which this model cannot read]" },
    ]);
  });

  test("answers that follow one another are one, and a conversation never begins with one", async () => {
    const said = (value: string): Message => ({ role: "assistant", content: [text(value)], timestamp: 2 });
    const contents = await contentsFor([said("one"), said("two"), userMessage("three")]);
    expect(contents).toEqual([
      { role: "user", parts: [{ text: "[The beginning was left out.]" }] },
      { role: "model", parts: [{ text: "one" }, { text: "two" }] },
      { role: "user", parts: [{ text: "three" }] },
    ]);
  });

  test("a signature goes back on the part that it came on", async () => {
    await using gemini = startGemini();
    const { answer } = await gemini.ask(
      {
        steps: [
          { thinking: ["Hm."], signature: "of-thought" },
          { text: ["Look", "ing."] },
          { redacted: "of-text" },
          { redacted: "of-call" },
          { toolCall: { id: "a", name: "shot", arguments: "{}" } },
          { toolCall: { id: "b", name: "shot", arguments: "{}" } },
        ],
      },
      { tools: [toolSpec("shot")] },
    );
    const contents = await contentsFor([userMessage("look"), answer.message, result("a", [text("1")]), result("b", [text("2")])]);
    expect(contents[1]?.parts).toEqual([
      { text: "Hm.", thought: true, thoughtSignature: "of-thought" },
      { text: "Looking." },
      { text: "", thoughtSignature: "of-text" },
      { functionCall: { id: "a", name: "shot", args: {} }, thoughtSignature: "of-call" },
      { functionCall: { id: "b", name: "shot", args: {} } },
    ]);
  });

  test("calls of another model are taken without a signature of this one's: in the turn that goes on, the first of each step", async () => {
    const messages = [
      ...[userMessage("before"), callsOf("old"), result("old", [text("0")])],
      ...[
        userMessage("now"),
        callsOf("a", "b"),
        result("a", [text("1")]),
        result("b", [text("2")]),
        callsOf("c"),
        result("c", [text("3")]),
      ],
    ];
    const signatures = (contents: readonly Content[]) =>
      contents.flatMap(({ parts }) => parts.flatMap((part) => ("functionCall" in part ? [part["thoughtSignature"] !== undefined] : [])));
    expect(signatures(await contentsFor(messages))).toEqual([false, true, false, true]);
    expect(signatures(await contentsFor(messages, "google/gemini-2.5-flash"))).toEqual([false, false, false, false]);
  });
});
