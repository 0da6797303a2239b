import { expect, test } from "bun:test";
import type { Message } from "@pincer/plugin-sdk/message";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { asks, type Step, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startConversation } from "../../tests/fixtures/conversation.ts";

type Payload = Record<string, unknown>;
const resultsOf = (messages: readonly Message[]) => messages.flatMap((message) => (message.role === "toolResult" ? [message] : []));
const toolEvents = (events: readonly Payload[]) =>
  events.filter(({ stream }) => stream === "tool").map(({ data }) => data as { phase: string; name: string } & Payload);

test("what a tool found goes back to the model, under the name that it called it by", async () => {
  await using talk = await startConversation();
  talk.script.tool("notes.add", "noted");
  talk.script.answer([asks("notes_add", { text: "tea" })], says("I noted it."));
  const runId = await talk.say("remember tea");
  expect(textOf((await talk.end(runId))["message"])).toBe("I noted it.");
  expect(talk.script.tools).toMatchObject([
    { name: "notes.add", call: { arguments: { text: "tea" }, owner: true, sessionKey: "agent:main:main", runId } },
  ]);
  const [first, second] = talk.script.models.map(({ request }) => request);
  expect(first!.tools.map(({ name }) => name)).toEqual(["brief", "look", "note", "notes_add"]);
  expect(resultsOf(second!.messages)).toMatchObject([{ toolName: "notes_add", isError: false, content: [{ text: "noted" }] }]);
  expect((await talk.history()).map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "assistant"]);
});

test("the tools of one answer run at once, and their results come back in the order of the calls", async () => {
  await using talk = await startConversation();
  const gate = Promise.withResolvers<void>();
  talk.script.tool("look", async function* () {
    await gate.promise;
    yield { content: [{ type: "text", text: "slow" }] };
  });
  talk.script.tool("note", async function* () {
    gate.resolve();
    yield { content: [{ type: "text", text: "quick" }] };
  });
  talk.script.answer([asks("look", {}, "call_number_one"), asks("note", {}, "call_number_two")], says("both"));
  await talk.ask("do both");
  expect(resultsOf(talk.script.models[1]!.request.messages).map(({ toolCallId, content }) => [toolCallId, textOf({ content })])).toEqual([
    ["call_number_one", "slow"],
    ["call_number_two", "quick"],
  ]);
});

test("ids that a vendor uses again are told apart", async () => {
  await using talk = await startConversation();
  talk.script.answer([asks("look", {}, "0"), asks("note", {}, "0")], [asks("look", { text: "b" }, "0")], says("done"));
  expect(textOf((await talk.ask("go"))["message"])).toBe("done");
  const ids = resultsOf(talk.script.models[2]!.request.messages).map(({ toolCallId }) => toolCallId);
  expect(new Set(ids).size).toBe(3);
  expect(talk.script.tools.map(({ name }) => name)).toEqual(["look", "note", "look"]);
});

test("a client that shows tools follows what they do; another is not bothered", async () => {
  await using talk = await startConversation();
  const other = await talk.gateway.connect({ caps: [] });
  talk.script.tool("note", async function* () {
    yield { progress: "half" };
    yield { content: [{ type: "text", text: "whole" }], details: { lines: 2 } };
  });
  talk.script.answer([asks("note", { text: "x" }, "call_number_one")], says("ok"));
  const runId = await talk.say("go");
  await talk.idle(runId);
  expect(toolEvents(talk.agent(runId))).toMatchObject([
    { phase: "start", name: "note", toolCallId: "call_number_one", args: { text: "x" } },
    { phase: "update", partialResult: { content: [{ text: "half" }] } },
    { phase: "result", isError: false, result: { content: [{ text: "whole" }], details: { lines: 2 } } },
  ]);
  await other.event("chat", (payload) => payload["runId"] === runId && payload["state"] === "final");
  expect(other.eventsOf("agent").filter(({ stream }) => stream === "tool")).toEqual([]);
});

test("a call that cannot be made is the model's to correct", async () => {
  await using talk = await startConversation();
  const wrong: readonly Step[] = [asks("nonsense"), asks("look", { text: 5 }), asks("look", { other: 1 }), asks("look", "{ not json")];
  talk.script.answer(wrong, says("sorry"));
  await talk.ask("go");
  const results = resultsOf(talk.script.models[1]!.request.messages);
  expect(results.map(({ isError }) => isError)).toEqual([true, true, true, true]);
  expect(results.map(({ content }) => textOf({ content }))).toEqual([
    expect.stringMatching(/no tool called "nonsense".*look/),
    expect.stringContaining("text"),
    expect.stringContaining("other"),
    expect.stringContaining("not valid JSON"),
  ]);
  expect(talk.script.tools).toHaveLength(0);
});

test("a tool that breaks, or takes too long, is a result like any other", async () => {
  const clock = createManualClock();
  await using talk = await startConversation({ clock, agent: { toolTimeoutMs: 40, toolGraceMs: 20 } });
  talk.script.tool("note", () => [{ crash: "no paper" }]);
  talk.script.tool("look", async function* (_call, signal) {
    yield { progress: "looking…" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  talk.script.answer([asks("note"), asks("look")], says("neither"));
  const runId = await talk.say("go");
  const told = (phase: string) =>
    talk.client.event("agent", ({ stream, data }) => stream === "tool" && (data as { phase: string }).phase === phase);
  await Promise.all([told("update"), told("result")]);
  await clock.advance(40);
  expect(textOf((await talk.end(runId))["message"])).toBe("neither");
  const [broken, slow] = resultsOf(talk.script.models[1]!.request.messages);
  expect(broken).toMatchObject({ isError: true });
  expect(textOf(slow)).toMatch(/did not finish within 0\.04 s[\s\S]*looking…/);
});

test("a model that calls the same in a circle is refused, and at last stopped", async () => {
  await using talk = await startConversation();
  talk.script.otherwise([asks("look", { text: "again" })]);
  const end = await talk.ask("go");
  expect(textOf(end["message"])).toContain("same tool calls");
  expect(talk.script.tools).toHaveLength(3);
  expect(talk.script.models.length).toBeLessThan(10);
  expect(await talk.ask("still there?")).toMatchObject({ state: "final" });
});

test("a turn has an end, however many tools the model asks for", async () => {
  await using talk = await startConversation({ agent: { maxModelCalls: 4 } });
  let count = 0;
  talk.script.otherwise(() => [asks("look", { text: `${count++}` })]);
  expect(textOf((await talk.ask("go"))["message"])).toContain("4 model calls");
  expect(talk.script.models).toHaveLength(4);
});

test("a huge result is cut before it fills the model's window", async () => {
  await using talk = await startConversation({ model: { contextWindow: 8_000 } });
  talk.script.tool("look", `begin${"x".repeat(300_000)}end`);
  talk.script.answer([asks("look")], says("seen"));
  expect(textOf((await talk.ask("go"))["message"])).toBe("seen");
  const [result] = resultsOf(talk.script.models[1]!.request.messages);
  expect(textOf(result)).toMatch(/^begin[\s\S]*left out[\s\S]*end$/);
  expect(textOf(result).length).toBeLessThan(9_000);
});

test("a result of very many texts and pictures is no larger than one of a single text", async () => {
  await using talk = await startConversation({ agent: { attachmentBytes: 3_000 } });
  const picture = { type: "image" as const, mimeType: "image/png", data: "A".repeat(2_000) };
  talk.script.tool("look", () => [
    { content: [...Array.from({ length: 300 }, () => ({ type: "text" as const, text: "x".repeat(1_000) })), picture, picture, picture] },
  ]);
  talk.script.answer([asks("look")], says("seen"));
  expect(textOf((await talk.ask("go"))["message"])).toBe("seen");
  const [result] = resultsOf(talk.script.models[1]!.request.messages);
  expect(JSON.stringify(result).length).toBeLessThan(60_000);
  expect(textOf(result)).toContain("260 more texts");
  const pictures = (result!["content"] as readonly { type: string }[]).filter(({ type }) => type === "image");
  expect(pictures).toHaveLength(2);
});

test("in a conversation of somebody else there are no tools, and none runs that the model makes up", async () => {
  await using talk = await startConversation();
  await talk.client.call("chat.inject", { sessionKey: "agent:main:demo:home:room", message: "hello, group" });
  talk.script.answer([asks("look")], says("I cannot."));
  const runId = await talk.say("look", { sessionKey: "agent:main:demo:home:room" });
  await talk.end(runId);
  expect(talk.script.models[0]!.request.tools).toEqual([]);
  expect(talk.script.models[0]!.request.system[0]!.text).toContain("other people");
  expect(talk.script.tools).toHaveLength(0);
  expect(await talk.client.call<object>("tools.effective", { sessionKey: "agent:main:demo:home:room" })).toMatchObject({ groups: [] });
});

test("an agent's own list of tools is what its model is offered", async () => {
  await using talk = await startConversation({ config: { agents: { list: [{ id: "main", tools: { allow: ["*"], deny: ["note*"] } }] } } });
  await talk.ask("hi");
  expect(talk.script.models[0]!.request.tools.map(({ name }) => name)).toEqual(["brief", "look"]);
});
