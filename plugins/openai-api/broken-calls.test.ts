/** Behind failover a stream that breaks inside a tool call is begun anew: clients are told of the call that came, and of no other. */
import { expect, test } from "bun:test";
import type { AnswerStep, VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import OpenAI from "openai";
import { startApi } from "../../tests/fixtures/openai-api/gateway.ts";

const calls = (id: string, city: string): AnswerStep => ({ toolCall: { id, name: "weather", arguments: JSON.stringify({ city }) } });
const breaksWith = (...steps: readonly AnswerStep[]): VendorAnswer => ({ steps, end: "error" });
const tool = {
  type: "function" as const,
  function: { name: "weather", description: "The weather.", parameters: { type: "object", properties: { city: { type: "string" } } } },
};
const settings = { failover: { probe: false, retryPauseMs: 0 } };
const messages = [{ role: "user" as const, content: "The weather?" }];
const twice = [
  breaksWith({ thinking: ["Rain? "] }, calls("call_1", "Zürich")),
  { steps: [{ thinking: ["Sun."] }, calls("call_2", "Bern")] },
] as const;

test("a client of chat completions runs one call", async () => {
  await using api = await startApi({ enable: ["failover"], settings });
  api.vendor.answer(...twice);
  const openai = new OpenAI(api.client);
  const stream = openai.chat.completions.stream({ model: "lab/gpt-test", messages, tools: [tool] });
  let thought = "";
  for await (const { choices } of stream)
    thought += (choices[0]?.delta as { reasoning_content?: string } | undefined)?.reasoning_content ?? "";
  const { choices } = await stream.finalChatCompletion();
  expect(choices[0]?.message.tool_calls).toMatchObject([{ id: "call_2", function: { name: "weather", arguments: '{"city":"Bern"}' } }]);
  expect(choices[0]?.finish_reason).toBe("tool_calls");
  expect(thought).toBe("Sun.");
});

test("and so does one of the Responses API", async () => {
  await using api = await startApi({ enable: ["failover"], settings });
  api.vendor.answer(...twice);
  const openai = new OpenAI(api.client);
  const { name, description, parameters } = tool.function;
  const tools = [{ type: "function" as const, name, description, parameters, strict: false }];
  const stream = openai.responses.stream({ model: "lab/gpt-test", input: "The weather?", tools });
  const added: string[] = [];
  for await (const event of stream) if (event.type === "response.output_item.added") added.push(event.item.type);
  expect(added).toEqual(["reasoning", "function_call"]);
  expect((await stream.finalResponse()).output).toMatchObject([
    { type: "reasoning", summary: [{ text: "Sun." }] },
    { type: "function_call", call_id: "call_2", arguments: '{"city":"Bern"}' },
  ]);
});
