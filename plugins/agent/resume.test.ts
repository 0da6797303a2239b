import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asks, says, startScript } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { type ConversationOptions, startConversation } from "../../tests/fixtures/conversation.ts";

const MAIN = "agent:main:main";

/** One home and one script, over several lives of the gateway. */
async function lives(options: ConversationOptions = {}) {
  const home = await mkdtemp(join(tmpdir(), "agent-lives-"));
  const script = startScript();
  return {
    home,
    script,
    start: (over: ConversationOptions = {}) =>
      startConversation({ ...options, ...over, home, script, config: { gateway: { lanes: { drainMs: 0 } }, ...options.config } }),
    async [Symbol.asyncDispose]() {
      await script.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
const never = async function* (_: unknown, signal: AbortSignal) {
  yield { text: "half" };
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
};

test("a turn that was writing when the gateway stopped is answered by the next one", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.answer(never);
  const runId = await first.say("hi");
  await first.client.event("chat", ({ state }) => state === "delta");
  await first.gateway.stop();

  many.script.answer(says("the whole answer"));
  await using second = await many.start();
  expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({
    status: "ok",
    terminalReply: { text: "the whole answer" },
  });
  const history = await second.history();
  expect(history.map(({ role }) => role)).toEqual(["user", "assistant"]);
  expect(await second.client.call<object>("chat.send", { sessionKey: MAIN, message: "hi", idempotencyKey: runId })).toEqual({
    runId,
    status: "ok",
  });
});

test("what was settled is not done again: no journalled answer is asked for, no finished tool runs", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.tool("note", "noted");
  many.script.answer([{ text: "Writing it down." }, asks("note", { text: "tea" })], never);
  const runId = await first.say("remember tea");
  await many.script.modelCall(1);
  await first.gateway.stop();

  many.script.answer(says("Done."));
  await using second = await many.start();
  expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ terminalReply: { text: "Writing it down.\n\nDone." } });
  expect(many.script.models).toHaveLength(3);
  expect(many.script.tools).toHaveLength(1);
  const [, again, resumed] = many.script.models.map(({ request }) => request.messages);
  expect(resumed).toEqual(again!);
  expect((await second.history()).map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "assistant"]);
});

test("a tool that was running is not run again, and both the model and the user are told that nobody knows", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.tool("note", async function* (_call, signal) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    yield { progress: "" };
  });
  many.script.answer([asks("note", { text: "tea" })]);
  const runId = await first.say("remember tea");
  await many.script.toolCall(0);
  await first.gateway.stop();

  many.script.answer(says("I do not know whether it was noted."));
  await using second = await many.start();
  const { terminalReply } = await second.client.call<{ terminalReply: { text: string } }>("agent.wait", { runId });
  expect(terminalReply.text).toMatch(/^I do not know[\s\S]*gateway stopped while note ran/);
  expect(many.script.tools).toHaveLength(1);
  expect(many.script.models[1]!.request.messages.at(-1)).toMatchObject({ role: "toolResult", isError: true });
  expect(JSON.stringify(many.script.models[1]!.request.messages.at(-1))).toContain("may or may not");
});

test("a tool that only reads is simply asked again", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.tool("look", async function* (_call, signal) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    yield { progress: "" };
  });
  many.script.answer([asks("look")]);
  const runId = await first.say("look");
  await many.script.toolCall(0);
  await first.gateway.stop();

  many.script.tool("look", "seen");
  many.script.answer(says("I saw it."));
  await using second = await many.start();
  expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ terminalReply: { text: "I saw it." } });
  expect(many.script.tools).toHaveLength(2);
});

test("after a restart clients are given the whole text again, in place of what they had", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.answer([{ text: "Looking." }, asks("look")], never);
  const runId = await first.say("look");
  await first.client.event("chat", ({ deltaText }) => String(deltaText).includes("half"));
  const told = Number(first.chat(runId).at(-1)?.["seq"]);
  await first.gateway.stop();

  const gate = Promise.withResolvers<void>();
  many.script.answer(async function* () {
    await gate.promise;
    yield { text: "Found" };
    yield { text: " it." };
  });
  await using second = await many.start();
  await many.script.modelCall(2);
  const there = await second.client.call<object>("chat.history", { sessionKey: MAIN });
  expect(there).toMatchObject({ inFlightRun: { runId, text: "Looking." }, sessionInfo: { hasActiveRun: true, activeRunIds: [runId] } });
  gate.resolve();
  await second.end(runId);
  const [delta] = second.chat(runId).filter(({ state }) => state === "delta");
  expect(delta).toMatchObject({ replace: true, deltaText: expect.stringContaining("Looking.\n\nFound") });
  expect(Number(delta?.["seq"])).toBeGreaterThan(told);
});

test("what was steered into a turn is still part of it after a restart, and was said once", async () => {
  await using many = await lives();
  const first = await many.start();
  const gate = Promise.withResolvers<void>();
  many.script.tool("look", async function* () {
    await gate.promise;
    yield { content: [{ type: "text", text: "seen" }] };
  });
  many.script.answer([asks("look")], never);
  const one = await first.say("look");
  await many.script.toolCall(0);
  const two = await first.say("in the kitchen", { queueMode: "steer" });
  gate.resolve();
  await many.script.modelCall(1);
  await first.gateway.stop();

  many.script.answer(says("in the kitchen it is"));
  await using second = await many.start();
  for (const runId of [one, two]) expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "ok" });
  expect(many.script.models).toHaveLength(3);
  expect((await second.history()).map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "user", "assistant"]);
});

test("what came back from a turn that was interrupted is what the model is asked last, also when its own turn is resumed", async () => {
  await using many = await lives();
  const first = await many.start();
  const gate = Promise.withResolvers<void>();
  many.script.tool("look", async function* () {
    await gate.promise;
    yield { content: [{ type: "text", text: "seen" }] };
  });
  many.script.answer([asks("look")], never, says("as you like"), never);
  await first.say("look");
  await many.script.toolCall(0);
  const two = await first.say("in the kitchen", { queueMode: "steer" });
  gate.resolve();
  await many.script.modelCall(1);
  await first.say("no, stop", { queueMode: "interrupt" });
  await many.script.modelCall(3);
  await first.gateway.stop();

  many.script.answer(says("in the kitchen it is"));
  await using second = await many.start();
  expect(await second.client.call<object>("agent.wait", { runId: two })).toMatchObject({ status: "ok" });
  for (const { request } of many.script.models.slice(3)) {
    const asked = request.messages.slice(-3).map((message) => textOf(message).replace(/^\[.*\] /, ""));
    expect(asked).toEqual(["no, stop", "as you like", "in the kitchen"]);
  }
  expect(many.script.models).toHaveLength(5);
});

test("what waited when the gateway stopped has its turn", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.answer(never);
  const one = await first.say("one");
  await many.script.modelCall(0);
  const two = await first.say("two", { queueMode: "followup" });
  await first.gateway.stop();

  many.script.otherwise(says("fine"));
  await using second = await many.start();
  for (const runId of [one, two]) expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "ok" });
  expect(textOf((await second.history()).at(-1))).toBe("fine");
  expect((await second.history()).filter(({ role }) => role === "user").map((message) => textOf(message))).toEqual(["one", "two"]);
});

/** Leaves a run as a process does that died with it twice before it wrote anything: it waits for its third try. */
function unwritten(home: string, runId: string): void {
  using db = new Database(join(home, "pincer.db"));
  const later = Date.now() + 60_000;
  db.query("update job set crashes = 2, not_before = ? where key = ?").run(later, `run:${runId}`);
  db.exec("delete from effect; delete from session_entry");
}

test("a message whose turn died before it wrote anything has its place, and its sender an end, when another one interrupts it", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.answer(never);
  const one = await first.say("one");
  await first.client.event("chat", ({ state }) => state === "delta");
  await first.gateway.stop();
  unwritten(many.home, one);

  many.script.answer(says("two it is"));
  await using second = await many.start();
  const two = await second.say("two", { queueMode: "interrupt" });
  expect(await second.end(two)).toMatchObject({ state: "final" });
  expect(second.chat(one)).toMatchObject([{ state: "aborted", stopReason: "interrupt" }]);
  expect((await second.history()).map((message) => textOf(message))).toEqual(["one", "two", "two it is"]);
});

test("a message whose turn was given up before it wrote anything has its place in the conversation, before what is said of that", async () => {
  await using many = await lives({ config: { gateway: { lanes: { drainMs: 0, parkAfter: 2, backoffLongestMs: 0 } } } });
  const first = await many.start();
  many.script.answer(never);
  const runId = await first.say("one");
  await first.client.event("chat", ({ state }) => state === "delta");
  await first.gateway.stop();
  unwritten(many.home, runId);

  await using second = await many.start();
  expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "error" });
  let history = await second.history();
  while (history.length < 2) history = await second.history();
  const [asked, ...said] = history;
  expect(textOf(asked)).toBe("one");
  expect(said).toMatchObject([{ role: "assistant", stopReason: "error", errorMessage: expect.stringContaining("given up") }]);
});

test("a message whose turn was given up is answered by the next start, when the process died before anybody was told", async () => {
  await using many = await lives({ config: { gateway: { lanes: { drainMs: 0, parkAfter: 2, backoffLongestMs: 0 } } } });
  const first = await many.start();
  many.script.answer(never);
  const runId = await first.say("one");
  await first.client.event("chat", ({ state }) => state === "delta");
  await first.gateway.stop();
  unwritten(many.home, runId);

  const died = Promise.withResolvers<void>();
  const probe = (point: string) => {
    if (point !== "lanes:after-finish") return;
    died.resolve();
    throw new Error("the process dies");
  };
  const second = await many.start({ probe });
  await died.promise;
  await second.gateway.stop();

  await using third = await many.start();
  let history = await third.history();
  while (history.length < 2) history = await third.history();
  expect(history.at(-1)).toMatchObject({ role: "assistant", errorMessage: expect.stringContaining("given up") });
});

test("a message that a run had just taken over has its place, and its sender an end, when that run is stopped and the process dies", async () => {
  await using many = await lives();
  await using died = await lives();
  const taken = Promise.withResolvers<void>();
  // The home as a process leaves it that dies at this point.
  const probe = (point: string) => {
    if (point !== "lanes:after-take") return;
    cpSync(many.home, died.home, { recursive: true });
    taken.resolve();
  };
  const first = await many.start({ probe });
  const gate = Promise.withResolvers<void>();
  many.script.tool("look", async function* () {
    await gate.promise;
    yield { content: [{ type: "text", text: "seen" }] };
  });
  many.script.answer([asks("look")], never);
  const one = await first.say("look");
  await many.script.toolCall(0);
  const two = await first.say("in the kitchen", { queueMode: "steer" });
  gate.resolve();
  await taken.promise;
  await first.gateway.stop();
  {
    using db = new Database(join(died.home, "pincer.db"));
    expect(db.query("update job set cancel = 'stopped by a client' where ended_at is null returning key").all()).toHaveLength(2);
  }

  await using second = await died.start();
  for (const runId of [one, two]) {
    expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "error", stopReason: "aborted" });
  }
  const said = (await second.history()).filter(({ role }) => role === "user");
  expect(said.map((message) => textOf(message))).toEqual(["look", "in the kitchen"]);
});

test("a run that was stopped stays stopped after a restart", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.answer(never);
  const runId = await first.say("hi");
  await first.client.event("chat", ({ state }) => state === "delta");
  await first.client.call("chat.abort", { sessionKey: MAIN });
  await first.gateway.stop();
  await using second = await many.start();
  expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "error", stopReason: "aborted" });
  expect(many.script.models).toHaveLength(1);
});

test("#51620 #121269 what waits behind a run that is stopped has its turns, in order, also when the gateway stops right behind that", async () => {
  await using many = await lives();
  const first = await many.start();
  many.script.answer(never);
  const runId = await first.say("one");
  await many.script.modelCall(0);
  const waiting = [await first.say("two", { queueMode: "followup" }), await first.say("three", { queueMode: "followup" })];
  expect(await first.client.call<object>("sessions.abort", { key: MAIN, runId })).toMatchObject({ abortedRunId: runId });
  await first.gateway.stop();

  await using second = await many.start();
  for (const next of waiting) expect(await second.client.call<object>("agent.wait", { runId: next })).toMatchObject({ status: "ok" });
  expect(await second.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "error", stopReason: "aborted" });
  const said = (await second.history()).filter(({ role }) => role === "user").map((message) => textOf(message));
  expect(said).toEqual(["one", "two", "three"]);
});
