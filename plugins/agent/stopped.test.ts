/** What a run that is stopped leaves in the conversation: all that people read of it, and all that its tools did. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { type Conversation, startConversation } from "../../tests/fixtures/conversation.ts";
import { startTown } from "../../tests/fixtures/town.ts";

const MAIN = "agent:main:main";
const story = Array.from({ length: 30 }, (_, index) => `This is sentence number ${index} of the story.`).join(" ");
/** Two of the half that is written; no pause makes a third. */
const pieces = { blockMinChars: 100, blockMaxChars: 300, blockIdleMs: 60_000 };
const hang = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
const half = async function* (_: unknown, signal: AbortSignal) {
  yield { text: story.slice(0, 700) };
  await hang(signal);
};
/** Without what is said of messages that may not have arrived. */
const messagesOf = async (talk: Conversation) => (await talk.history()).filter(({ role }) => role !== "system");
const tight = (text: string) => text.replace(/\s+/g, "");

describe("interrupted behind a restart, before it went on", () => {
  /**
   * Leaves the run that is open as a process does that died with it twice: it waits for its third try. `unwritten`: it died before the
   * transcript had what it began with.
   */
  function suspect(home: string, unwritten = false): void {
    using db = new Database(join(home, "pincer.db"));
    const later = Date.now() + 60_000;
    db.query("update job set crashes = 2, not_before = ? where kind = 'agent.turn' and ended_at is null").run(later);
    if (unwritten) db.exec("delete from session_entry");
  }

  test("it keeps the pieces that its channel has shown, and no word twice", async () => {
    await using there = await startTown({ agent: pieces });
    const first = await there.start();
    there.script.answer(half);
    there.platform.say("room", "ada", "tell me a story");
    await there.platform.message(1);
    await first.gateway.stop();
    suspect(there.home);

    there.script.answer(says("As you like."));
    await using second = await there.start();
    expect(await second.ask("no, stop", { queueMode: "interrupt" })).toMatchObject({ state: "final" });
    const history = await messagesOf(second);
    expect(history.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
    const read = there.platform.posted.map(({ text }) => text).join(" ");
    expect(read.length).toBeGreaterThan(200);
    expect(textOf(history[1]).trim()).toBe(read);
    expect(history[1]).toMatchObject({ stopReason: "aborted" });
    expect(textOf(there.script.models[1]!.request.messages[1])).toBe(textOf(history[1]));
  });

  test("it keeps what is shown of a message that grows", async () => {
    await using there = await startTown();
    const config = {
      agents: { owner: ["rich:ada"] },
      channels: { scripted: { url: there.platform.url, enabled: false }, rich: { allowFrom: ["*"] } },
    };
    const first = await there.start({ config: { ...config, gateway: { lanes: { drainMs: 0 } } } });
    there.script.answer(async function* (_: unknown, signal: AbortSignal) {
      yield { text: "There was once. And" };
      await hang(signal);
    });
    there.platform.say("room", "ada", "tell me a story");
    const shown = await there.platform.message(0);
    await first.gateway.stop();
    suspect(there.home);

    there.script.answer(says("As you like."));
    await using second = await there.start({ config });
    expect(await second.ask("no, stop", { queueMode: "interrupt" })).toMatchObject({ state: "final" });
    expect((await messagesOf(second)).map((message) => textOf(message))).toEqual([
      "tell me a story",
      shown.text,
      "no, stop",
      "As you like.",
    ]);
  });

  test("it keeps what its tools did, also when the process died before the transcript had that", async () => {
    await using there = await startTown({ agent: pieces });
    const first = await there.start();
    there.script.tool("note", "noted tea");
    there.script.answer([{ text: "I write that down." }, asks("note", { text: "tea" }, "call_number_one")], half);
    there.platform.say("room", "ada", "remember tea, and tell me a story");
    await there.platform.message(1);
    await first.gateway.stop();
    suspect(there.home, true);

    there.script.answer(says("As you like."));
    await using second = await there.start();
    expect(await second.ask("no, stop", { queueMode: "interrupt" })).toMatchObject({ state: "final" });
    const history = await messagesOf(second);
    expect(history.map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "assistant", "user", "assistant"]);
    expect(history[2]).toMatchObject({ toolCallId: "call_number_one", isError: false });
    expect(textOf(history[2])).toBe("noted tea");
    const read = there.platform.posted.map(({ text }) => text).join(" ");
    expect(tight(`${textOf(history[1])} ${textOf(history[3])}`)).toBe(tight(read));
    expect(there.script.tools).toHaveLength(1);
  });

  test("it keeps the tool call of which nobody knows what became, and says so", async () => {
    await using there = await startTown();
    const first = await there.start();
    there.script.tool("note", async function* (_call, signal) {
      await hang(signal);
      yield { progress: "" };
    });
    there.script.answer([asks("note", { text: "tea" }, "call_number_one")]);
    there.platform.say("room", "ada", "remember tea");
    await there.script.toolCall(0);
    await first.gateway.stop();
    suspect(there.home, true);

    there.script.answer(says("As you like."));
    await using second = await there.start();
    await second.ask("no, stop", { queueMode: "interrupt" });
    const asked = there.script.models[1]!.request.messages;
    expect(asked.map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "user"]);
    expect(textOf(asked[2])).toContain("may or may not have taken effect");
  });
});

test("a run that cannot go on behind a restart keeps the pieces that its channel has shown", async () => {
  await using there = await startTown({ agent: pieces });
  const first = await there.start();
  there.script.answer(half);
  there.platform.say("room", "ada", "tell me a story");
  await there.platform.message(1);
  await first.gateway.stop();

  await using second = await there.start({ config: { models: { default: "gone/one" } } });
  await there.platform.until(() => there.platform.posted.at(-1)?.text.startsWith("⚠️") === true);
  const read = there.platform.posted.slice(0, -1).map(({ text }) => text);
  const [asked, answer, ...more] = await messagesOf(second);
  expect([textOf(asked), ...more]).toEqual(["tell me a story"]);
  expect(answer).toMatchObject({ stopReason: "error" });
  expect(textOf(answer).trim()).toBe(read.join(" "));
});

describe("while tools run", () => {
  test("what one of them has done stands in the conversation when another one is stopped", async () => {
    await using talk = await startConversation();
    talk.script.tool("note", "noted tea");
    talk.script.tool("look", async function* (_call, signal) {
      await hang(signal);
      yield { progress: "" };
    });
    talk.script.answer([asks("note", {}, "call_number_one"), asks("look", {}, "call_number_two")]);
    const runId = await talk.say("both");
    const results = () =>
      talk.agent(runId).filter(({ stream, data }) => stream === "tool" && (data as { phase?: string }).phase === "result");
    await talk.client.event("agent", ({ stream, data }) => stream === "tool" && (data as { phase?: string }).phase === "result");
    expect(results()).toHaveLength(1);
    await talk.client.call("chat.abort", { sessionKey: MAIN, runId });
    await talk.ask("what happened?");
    const [, , one, two] = talk.script.models[1]!.request.messages;
    expect(one).toMatchObject({ toolCallId: "call_number_one", isError: false });
    expect(textOf(one)).toBe("noted tea");
    expect(two).toMatchObject({ toolCallId: "call_number_two", isError: true });
  });

  test("what a command had said until it was stopped stands in the conversation", async () => {
    await using talk = await startConversation({ enable: ["tools-exec"] });
    talk.script.answer([asks("exec", { command: "echo begun; exec sleep 600" }, "call_number_one")]);
    const runId = await talk.say("run it");
    await talk.client.event("agent", ({ stream, data }) => stream === "tool" && JSON.stringify(data).includes("begun\\n"));
    await talk.client.call("chat.abort", { sessionKey: MAIN, runId });
    await talk.ask("what happened?");
    const [, , result] = talk.script.models[1]!.request.messages;
    expect(result).toMatchObject({ toolCallId: "call_number_one", isError: true });
    expect(textOf(result)).toContain("begun");
  });

  test("each call has a result, also of a tool that says nothing when it is told to stop, and the conversation can be summarised", async () => {
    await using talk = await startConversation({ model: { contextWindow: 4_000 }, agent: { parallelTools: 1, toolGraceMs: 1 } });
    talk.script.tool("note", async function* () {
      yield { progress: "begun" };
      await new Promise(() => {});
    });
    talk.script.answer([asks("note", {}, "call_number_one"), asks("look", {}, "call_number_two")]);
    const runId = await talk.say("both");
    await talk.script.toolCall(0);
    await talk.client.call("chat.abort", { sessionKey: MAIN, runId });
    let made = 0;
    talk.script.otherwise((request) => {
      if (request.system[0]!.text.startsWith("You keep the memory")) return [{ text: `SUMMARY ${++made}` }];
      const input = Math.ceil(JSON.stringify(request.messages).length / 3.6);
      return input > 4_000 ? [{ fail: "context-overflow" }] : [{ text: "blah ".repeat(600) }, { usage: { input, output: 800 } }];
    });
    expect(await talk.ask("what happened?")).toMatchObject({ state: "final" });
    const [, , one, two] = await talk.history();
    expect(one).toMatchObject({ role: "toolResult", toolCallId: "call_number_one", isError: true });
    expect(textOf(one)).toContain("may or may not have taken effect");
    expect(two).toMatchObject({ role: "toolResult", toolCallId: "call_number_two", isError: true });
    expect(textOf(two)).toContain("was not made");
    for (let turn = 0; turn < 4; turn++) expect(await talk.ask(`and ${turn}? ${"blah ".repeat(600)}`)).toMatchObject({ state: "final" });
    expect(made).toBeGreaterThan(0);
    expect(talk.script.tools).toHaveLength(1);
  });
});
