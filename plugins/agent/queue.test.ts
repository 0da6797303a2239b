import { describe, expect, test } from "bun:test";
import { asks, lastUserText, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startConversation } from "../../tests/fixtures/conversation.ts";

const MAIN = "agent:main:main";

/** An answer that waits until it may go on. */
function gated(text: string) {
  const gate = Promise.withResolvers<void>();
  return {
    open: gate.resolve,
    answer: async function* () {
      yield { text: text.slice(0, 1) };
      await gate.promise;
      yield { text: text.slice(1) };
    },
  };
}
const usersOf = (messages: readonly { role: string; content: unknown }[]) =>
  messages.filter(({ role }) => role === "user").map(({ content }) => String(content).replace(/^\[[^\]]*\]\s*/, ""));

describe("a message while a turn is running", () => {
  test("followup waits, and has a turn and an answer of its own", async () => {
    await using talk = await startConversation();
    const first = gated("first");
    talk.script.answer(first.answer, says("second"));
    const one = await talk.say("one");
    await talk.client.event("chat", ({ runId, state }) => runId === one && state === "delta");
    const two = await talk.say("two", { queueMode: "followup" });
    const waiting = await talk.client.call<{ pendingInputs: object; inFlightRun: object }>("chat.history", { sessionKey: MAIN });
    expect(waiting.pendingInputs).toMatchObject({ total: 1, items: [{ runId: two, state: "queued", message: { content: "two" } }] });
    expect(waiting.inFlightRun).toMatchObject({ runId: one, text: "f" });
    first.open();
    expect(textOf((await talk.end(one))["message"])).toBe("first");
    expect(textOf((await talk.end(two))["message"])).toBe("second");
  });

  test("collect gathers: all that waited is answered in one turn, and each is told its end", async () => {
    await using talk = await startConversation();
    const first = gated("first");
    talk.script.answer(first.answer, says("all of it"));
    const one = await talk.say("one");
    await talk.script.modelCall(0);
    const rest = [
      await talk.say("two", { queueMode: "collect" }),
      await talk.say("three", { queueMode: "collect" }),
      await talk.say("four", { queueMode: "collect" }),
    ];
    first.open();
    await talk.end(one);
    for (const runId of rest) expect(await talk.end(runId)).toMatchObject({ state: "final" });
    expect(talk.script.models).toHaveLength(2);
    expect(usersOf(talk.script.models[1]!.request.messages)).toEqual(["one", "two", "three", "four"]);
    expect((await talk.history()).filter(({ role }) => role === "user").map((message) => message["idempotencyKey"])).toEqual(
      [one, ...rest].map((runId) => `${runId}:user`),
    );
  });

  test("steer reaches the running turn at its next step, and both are told their end", async () => {
    await using talk = await startConversation();
    const gate = Promise.withResolvers<void>();
    talk.script.tool("look", async function* () {
      await gate.promise;
      yield { content: [{ type: "text", text: "seen" }] };
    });
    talk.script.answer([asks("look")], (request) => [{ text: `so: ${lastUserText(request)}` }]);
    const one = await talk.say("look around");
    await talk.script.toolCall(0);
    const two = await talk.say("only the kitchen", { queueMode: "steer" });
    gate.resolve();
    expect(textOf((await talk.end(one))["message"])).toBe("so: only the kitchen");
    const other = await talk.end(two);
    expect(other).toMatchObject({ state: "final" });
    expect(other).not.toHaveProperty("message");
    await talk.idle(one);
    expect(talk.script.models).toHaveLength(2);
    expect((await talk.history()).map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "user", "assistant"]);
  });

  test("steer that comes too late runs as the next turn", async () => {
    await using talk = await startConversation();
    const first = gated("first");
    talk.script.answer(first.answer, says("second"));
    const one = await talk.say("one");
    await talk.script.modelCall(0);
    const two = await talk.say("two");
    first.open();
    await talk.end(one);
    expect(textOf((await talk.end(two))["message"])).toBe("second");
  });

  test("interrupt stops the running turn and goes first", async () => {
    await using talk = await startConversation();
    talk.script.answer(gated("never whole").answer, says("the other way"));
    const one = await talk.say("one");
    await talk.script.modelCall(0);
    await talk.client.event("chat", ({ runId, state }) => runId === one && state === "delta");
    const two = await talk.say("no, the other way", { queueMode: "interrupt" });
    expect(await talk.end(one)).toMatchObject({ state: "aborted", message: { content: [{ text: "n" }] } });
    expect(textOf((await talk.end(two))["message"])).toBe("the other way");
    expect(usersOf(talk.script.models[1]!.request.messages)).toEqual(["one", "no, the other way"]);
    const steered = await talk.client.call<{ runId: string }>("sessions.steer", { key: "main", message: "and now this" });
    expect(await talk.end(steered.runId)).toMatchObject({ state: "final" });
  });
});

describe("stopping", () => {
  test("while the model writes: clients are told before the answer, and what was written stays", async () => {
    await using talk = await startConversation();
    talk.script.answer(gated("half").answer);
    const runId = await talk.say("hi");
    await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
    expect(await talk.client.call<object>("chat.abort", { sessionKey: "main", runId })).toEqual({
      ok: true,
      aborted: true,
      runIds: [runId],
    });
    const told = talk.client.frames.findIndex((frame) => (frame.payload as { state?: string } | undefined)?.state === "aborted");
    const answered = talk.client.frames.findLastIndex((frame) => frame.type === "res");
    expect(told).toBeGreaterThan(-1);
    expect(told).toBeLessThan(answered);
    expect(talk.chat(runId).at(-1)).toMatchObject({ state: "aborted", stopReason: "rpc", message: { content: [{ text: "h" }] } });
    await talk.client.event("sessions.changed", ({ reason }) => reason === "aborted");
    await talk.script.cut(talk.script.models[0]!);
    expect((await talk.history()).at(-1)).toMatchObject({ role: "assistant", stopReason: "aborted", content: [{ text: "h" }] });
    expect(await talk.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "error", stopReason: "aborted" });
    expect(await talk.ask("and now?")).toMatchObject({ state: "final" });
  });

  test("when the answer is there and only its keeping is left: it is in the conversation once", async () => {
    // Commits so slow that the stop comes between the answer and the end of its turn.
    await using talk = await startConversation({ commitDelayMs: 500 });
    talk.script.answer(says("All of it."));
    const runId = await talk.say("one");
    await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
    await talk.client.call("chat.abort", { sessionKey: MAIN, runId });
    await talk.client.event("sessions.changed", ({ reason }) => reason === "aborted");
    expect((await talk.history()).map((message) => textOf(message))).toEqual(["one", "All of it."]);
  });

  test("while a tool runs: the tool is stopped, and the next turn knows that it has no result", async () => {
    await using talk = await startConversation();
    talk.script.tool("note", async function* (_call, signal) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      yield { progress: "too late" };
    });
    talk.script.answer([{ text: "Writing." }, asks("note", {}, "call_number_one")]);
    const runId = await talk.say("write");
    const tool = await talk.script.toolCall(0);
    await talk.client.call("sessions.abort", { runId });
    await talk.script.cut(tool);
    expect(await talk.end(runId)).toMatchObject({ state: "aborted" });
    await talk.ask("what happened?");
    const messages = talk.script.models[1]!.request.messages;
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "toolResult", "user"]);
    expect(messages[2]).toMatchObject({ toolCallId: "call_number_one", isError: true });
  });

  test("while it waits: it never begins", async () => {
    await using talk = await startConversation();
    const first = gated("first");
    talk.script.answer(first.answer);
    const one = await talk.say("one");
    await talk.script.modelCall(0);
    const two = await talk.say("two", { queueMode: "followup" });
    await talk.client.call("chat.abort", { sessionKey: MAIN, runId: two });
    expect(await talk.end(two)).toMatchObject({ state: "aborted", stopReason: "rpc" });
    first.open();
    await talk.idle(one);
    expect(talk.script.models).toHaveLength(1);
  });

  test("a whole session: what runs and what waits", async () => {
    await using talk = await startConversation();
    talk.script.answer(gated("first").answer);
    const one = await talk.say("one");
    await talk.script.modelCall(0);
    const two = await talk.say("two", { queueMode: "followup" });
    const { runIds } = await talk.client.call<{ runIds: string[] }>("chat.abort", { sessionKey: MAIN });
    expect(runIds.toSorted()).toEqual([one, two].toSorted());
    expect(await talk.client.call<object>("chat.abort", { sessionKey: MAIN })).toEqual({ ok: true, aborted: false, runIds: [] });
    expect(await talk.client.call<object>("sessions.abort", { key: MAIN })).toMatchObject({ aborted: false, status: "no-active-run" });
    for (const runId of [one, two]) expect(talk.chat(runId).filter(({ state }) => state === "aborted")).toHaveLength(1);
  });

  test("a run that was taken over by another: the one that took it", async () => {
    await using talk = await startConversation();
    const gate = Promise.withResolvers<void>();
    talk.script.tool("look", async function* () {
      await gate.promise;
      yield { content: [{ type: "text", text: "seen" }] };
    });
    const second = gated("never whole");
    talk.script.answer([asks("look")], second.answer);
    const one = await talk.say("look");
    await talk.script.toolCall(0);
    const two = await talk.say("closely", { queueMode: "steer" });
    gate.resolve();
    await talk.script.modelCall(1);
    await talk.client.call("chat.abort", { sessionKey: MAIN, runId: two });
    for (const runId of [one, two]) expect(await talk.end(runId)).toMatchObject({ state: "aborted" });
    await talk.client.event("sessions.changed", ({ reason }) => reason === "aborted");
    expect(talk.script.models).toHaveLength(2);
  });

  test("a message that is stopped at the very moment at which the running turn takes it over stops that turn", async () => {
    const taking = Promise.withResolvers<void>();
    const probe = (point: string) => void (point === "lanes:before-take" && taking.resolve());
    await using talk = await startConversation({ probe, commitDelayMs: 100 });
    const gate = Promise.withResolvers<void>();
    talk.script.tool("look", async function* () {
      await gate.promise;
      yield { content: [{ type: "text", text: "seen" }] };
    });
    talk.script.answer([asks("look")], gated("never said").answer);
    const one = await talk.say("look");
    await talk.script.toolCall(0);
    const two = await talk.say("closely", { queueMode: "steer" });
    gate.resolve();
    await taking.promise;
    expect(await talk.client.call<object>("chat.abort", { sessionKey: MAIN, runId: two })).toMatchObject({ aborted: true });
    for (const runId of [one, two]) expect(await talk.end(runId)).toMatchObject({ state: "aborted" });
  });

  test("emptying or removing a session stops what runs in it, and nothing of it comes into the new conversation", async () => {
    await using talk = await startConversation();
    talk.script.answer(gated("old words").answer);
    const runId = await talk.say("one");
    await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
    await talk.client.call("sessions.reset", { key: MAIN });
    expect(await talk.end(runId)).toMatchObject({ state: "aborted" });
    expect(await talk.history()).toEqual([]);
    await talk.ask("new");
    expect(usersOf(talk.script.models.at(-1)!.request.messages)).toEqual(["new"]);
  });

  test("emptying or removing a session waits for what it stops, however long the last of it takes to be kept", async () => {
    // Each commit takes far longer than the handlers of other hooks may.
    const config = { gateway: { plugins: { hookMs: 1 } } };
    await using talk = await startConversation({ commitDelayMs: 50, config });
    const begin = async () => {
      talk.script.answer(gated("old words").answer);
      const runId = await talk.say("one", { sessionKey: key });
      await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
      return [runId, await talk.say("two", { sessionKey: key, queueMode: "followup" })];
    };
    const key = "agent:main:dashboard:one";
    const stopped = await begin();
    const { sessionId } = await talk.client.call<{ sessionId: string }>("chat.history", { sessionKey: key });
    await talk.client.call("sessions.reset", { key });
    expect(await talk.history({ sessionKey: key })).toEqual([]);
    const { messages } = await talk.client.call<{ messages: unknown[] }>("sessions.get", { key, sessionId });
    expect(messages).toMatchObject([{ role: "user" }, { role: "assistant", stopReason: "aborted" }]);
    stopped.push(...(await begin()));
    expect(await talk.client.call<object>("sessions.delete", { key })).toMatchObject({ deleted: true });
    for (const runId of stopped) expect(talk.chat(runId).at(-1)).toMatchObject({ state: "aborted" });
    const { sessions } = await talk.client.call<{ sessions: unknown[] }>("sessions.list", {});
    expect(sessions).toEqual([]);
    expect(talk.gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
