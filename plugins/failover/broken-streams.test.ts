/** A stream that breaks inside a thought or a tool call is begun anew, and whoever reads hears of neither twice. */
import { describe, expect, test } from "bun:test";
import type { ModelEvent } from "@pincer/plugin-sdk/contracts/provider";
import { asks, says as speaks } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import type { AnswerStep, VendorAnswer } from "@pincer/plugin-sdk/testing/vendor-script";
import { apis, startFailover } from "../../tests/failover/vendor.ts";
import { startConversation } from "../../tests/fixtures/conversation.ts";

const calls = (id: string, city: string): AnswerStep => ({ toolCall: { id, name: "weather", arguments: JSON.stringify({ city }) } });
const breaksWith = (...steps: readonly AnswerStep[]): VendorAnswer => ({ steps, end: "error" });
const told = (events: readonly ModelEvent[]) =>
  events.map((event) => (event.type === "tool-call" ? `${event.index} calls ${event.id}` : `${event.index} ${event.type} ${event.delta}`));

describe.each([...apis])("over %s", (api) => {
  test("a call that broke is told of once, as the answer that came has it", async () => {
    await using lab = await startFailover({ api, profiles: { a: "key-a", b: "key-b" }, failover: { retryPauseMs: 0 } });
    lab.vendor.answer(
      breaksWith({ thinking: ["Rain? "] }, calls("call_1", "Zürich")),
      breaksWith(calls("call_2", "Zürich"), calls("call_3", "Bern")),
      { steps: [{ thinking: ["Sun."] }, { text: ["Let me see."] }, calls("call_4", "Zürich")] },
    );
    const { events, answer } = await lab.say();
    expect(told(events)).toEqual(["0 thinking Sun.", "1 text Let me see.", "2 calls call_4"]);
    expect(answer.message.content).toMatchObject([{ thinking: "Sun." }, { text: "Let me see." }, { type: "toolCall", id: "call_4" }]);
    expect(lab.keys()).toEqual(["key-a", "key-a", "key-b"]);
  });
});

test("what a server goes on with stands behind the text that was told, and what it had thought and called for is dropped", async () => {
  await using lab = await startFailover({ own: "key", lab: { continues: true }, failover: { retryPauseMs: 0 } });
  lab.vendor.answer(breaksWith({ text: ["half a "] }, calls("call_1", "Zürich")), {
    steps: [{ thinking: ["And so "] }, { text: ["sentence"] }, calls("call_2", "Bern")],
  });
  const { events, answer } = await lab.say();
  expect(told(events)).toEqual(["0 text half a ", "1 thinking And so ", "0 text sentence", "2 calls call_2"]);
  expect(answer.message.content).toMatchObject([
    { type: "text", text: "half a sentence" },
    { type: "thinking", thinking: "And so " },
    { type: "toolCall", id: "call_2" },
  ]);
});

test("a thought is told as soon as its text is, not only at the end", async () => {
  await using lab = await startFailover({ own: "key" });
  const gate = Promise.withResolvers<void>();
  lab.vendor.answer({
    steps: [{ thinking: ["Hm."] }, { text: ["Early, "] }, { text: ["late"] }],
    hold: { before: 2, until: gate.promise },
  });
  const stream = lab.llm.stream(
    { model: "lab/one", system: [], tools: [], messages: [{ role: "user", content: "hi", timestamp: 1 }] },
    { signal: new AbortController().signal },
  );
  const first = [await stream.next(), await stream.next()];
  expect(first.map(({ value }) => value)).toMatchObject([{ type: "thinking" }, { type: "text", delta: "Early, " }]);
  gate.resolve();
  while ((await stream.next()).done !== true);
});

test("an agent's turn runs a tool once whose call broke off, and tells its thought once", async () => {
  await using talk = await startConversation({
    enable: ["failover", "secrets"],
    config: { models: { default: "scripted/one" }, failover: { probe: false, retryPauseMs: 0 } },
  });
  talk.script.tool("note", "noted");
  talk.script.answer(
    [{ thinking: "Hm. " }, asks("note", { text: "a" }), { fail: "network" }],
    [{ thinking: "Well." }, asks("note", { text: "b" })],
    speaks("done"),
  );
  const end = await talk.ask("note it");
  expect(textOf(end["message"])).toBe("done");
  expect(talk.script.tools.map(({ call }) => call.arguments)).toEqual([{ text: "b" }]);
  const thoughts = talk.agent(String(end["runId"])).flatMap(({ stream, data }) => (stream === "thinking" ? [data] : []));
  expect(thoughts.at(-1)).toMatchObject({ text: "Well." });
  expect(talk.script.models).toHaveLength(3);
});
