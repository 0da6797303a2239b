/** Clients that people have, besides OpenAI's own: what they send is taken, and they understand what comes. */
import { expect, test } from "bun:test";
import { createOpenAI } from "@ai-sdk/openai";
import { HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { tool as langchainTool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { type Api, startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const model = "lab/gpt-test";
const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } as const;
const asksForWeather = { steps: [{ toolCall: { id: "call_1", name: "weather", arguments: '{"city":"Zürich"}' } }] };

const langchain = ({ client }: Api, more: object = {}) =>
  new ChatOpenAI({ model, apiKey: client.apiKey, configuration: { baseURL: client.baseURL }, maxRetries: 0, ...more });
const vercel = ({ client }: Api) => createOpenAI({ baseURL: client.baseURL, apiKey: client.apiKey });

test("LangChain asks, streams, and has its tools called", async () => {
  await using api = await startApi();
  const chat = langchain(api);
  api.vendor.answer({ steps: [{ text: ["Good ", "morning."] }] }, { steps: [{ text: ["Good ", "night."] }] });
  const answer = await chat.invoke([new SystemMessage("Be brief."), new HumanMessage("Hello!")]);
  expect(answer.text).toBe("Good morning.");
  expect(answer.usage_metadata).toMatchObject({ input_tokens: 10, output_tokens: 5, total_tokens: 15 });
  let streamed = "";
  for await (const chunk of await chat.stream("Hello!")) streamed += chunk.text;
  expect(streamed).toBe("Good night.");

  const weather = langchainTool(async () => "rain", { name: "weather", description: "The weather.", schema: city });
  const withTools = chat.bindTools([weather]);
  api.vendor.answer(asksForWeather, { steps: [{ text: ["Rain."] }] });
  const question = new HumanMessage("The weather in Zürich?");
  const asked = await withTools.invoke([question]);
  expect(asked.tool_calls).toMatchObject([{ id: "call_1", name: "weather", args: { city: "Zürich" } }]);
  const result = new ToolMessage({ content: "rain", tool_call_id: "call_1" });
  expect((await withTools.invoke([question, asked, result])).text).toBe("Rain.");
  expect((await api.vendor.received(4)).body.messages).toMatchObject([
    { role: "user" },
    { role: "assistant" },
    { role: "tool", content: "rain" },
  ]);
});

test("LangChain uses the Responses API, asks for a shape, makes vectors, and talks to an agent", async () => {
  await using api = await startApi();
  api.vendor.answer({ steps: [{ text: ["Hi."] }] }, { steps: [{ text: ['{"city":"Zürich"}'] }] });
  expect((await langchain(api, { useResponsesApi: true }).invoke("Hello!")).text).toBe("Hi.");
  expect(await langchain(api).withStructuredOutput(city, { method: "jsonSchema", name: "city" }).invoke("Which city?")).toEqual({
    city: "Zürich",
  });
  expect((await api.vendor.received(2)).body.response_format).toMatchObject({ type: "json_schema", json_schema: { name: "city" } });
  const embeddings = new OpenAIEmbeddings({ model: "lab/embed", apiKey: api.kit.token, configuration: { baseURL: api.client.baseURL } });
  expect(await embeddings.embedDocuments(["eightchr"])).toEqual([[0.125, 0]]);
  expect((await langchain(api, { model: "pincer/main" }).invoke("Hello!")).text).toBe("You said: Hello!");
});

for (const how of ["chat", "responses"] as const) {
  test(`the Vercel AI SDK asks, streams, and runs its tools (${how})`, async () => {
    await using api = await startApi();
    const provider = vercel(api);
    const language = how === "chat" ? provider.chat(model) : provider.responses(model);
    api.vendor.answer({ steps: [{ text: ["Good ", "morning."] }] }, { steps: [{ text: ["Good ", "night."] }] });
    const answer = await generateText({ model: language, instructions: "Be brief.", prompt: "Hello!", maxRetries: 0 });
    expect([answer.text, answer.finishReason, answer.usage.inputTokens, answer.usage.outputTokens]).toEqual([
      "Good morning.",
      "stop",
      10,
      5,
    ]);
    const streamed = streamText({ model: language, prompt: "Hello!", maxRetries: 0 });
    let text = "";
    for await (const part of streamed.textStream) text += part;
    expect([text, await streamed.finishReason]).toEqual(["Good night.", "stop"]);

    api.vendor.answer(asksForWeather, { steps: [{ text: ["Rain."] }] });
    const seen: unknown[] = [];
    const weather = tool({
      description: "The weather.",
      inputSchema: jsonSchema<{ city: string }>(city),
      execute: async (input) => {
        seen.push(input);
        return "rain";
      },
    });
    const worked = await generateText({
      model: language,
      prompt: "The weather?",
      tools: { weather },
      stopWhen: stepCountIs(3),
      maxRetries: 0,
    });
    expect([worked.text, seen]).toEqual(["Rain.", [{ city: "Zürich" }]]);
    expect((await api.vendor.received(4)).body.messages).toMatchObject([{ role: "user" }, { role: "assistant" }, { role: "tool" }]);
  });
}

test("the Vercel AI SDK makes vectors, and talks to an agent that streams", async () => {
  await using api = await startApi();
  const { embeddings } = await embedMany({ model: vercel(api).embedding("lab/embed"), values: ["eightchr", "four"], maxRetries: 0 });
  expect(embeddings).toEqual([
    [0.125, 0],
    [0.0625, 1],
  ]);
  for (const language of [vercel(api).chat("pincer/main"), vercel(api).responses("openclaw/main")]) {
    let text = "";
    for await (const part of streamText({ model: language, prompt: "Hello!", maxRetries: 0 }).textStream) text += part;
    expect(text).toBe("You said: Hello!");
  }
});
