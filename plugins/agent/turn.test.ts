import { describe, expect, test } from "bun:test";
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { asks, fails, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startConversation } from "../../tests/fixtures/conversation.ts";
import { misfits } from "../../tests/fixtures/oracle.ts";

const MAIN = "agent:main:main";

describe("a message and its answer", () => {
  test("the answer streams, and the working indicator of a chat client goes out behind it", async () => {
    await using talk = await startConversation();
    talk.script.answer(says("Hello", " there"));
    const before = talk.client.frames.length;
    const runId = await talk.say("hi");
    const final = await talk.end(runId);
    const changed = await talk.idle(runId);
    const frames = talk.client.frames.slice(before);

    expect(textOf(final["message"])).toBe("Hello there");
    expect(final).toMatchObject({ state: "final", sessionKey: MAIN, agentId: "main", stopReason: "stop" });
    expect(changed).toMatchObject({ session: { hasActiveRun: false, activeRunIds: [], modelProvider: "scripted", model: "one" } });
    const answered = frames.findIndex((frame) => frame.type === "res");
    const first = frames.findIndex((frame) => frame.event === "chat" || frame.event === "agent");
    expect(answered).toBeLessThan(first);
    const finalAt = frames.findIndex((frame) => (frame.payload as { state?: string } | undefined)?.state === "final");
    const idleAt = frames.findIndex((frame) => frame.event === "sessions.changed" && (frame.payload as { phase?: string }).phase === "end");
    expect(finalAt).toBeLessThan(idleAt);

    const [user, assistant] = await talk.history();
    expect(user).toMatchObject({ role: "user", content: "hi", idempotencyKey: `${runId}:user` });
    expect(textOf(assistant)).toBe("Hello there");
    expect(assistant).toMatchObject({ provider: "scripted", model: "one", stopReason: "stop" });
  });

  test("a run is told in the order that clients rely on, in shapes that they know", async () => {
    await using talk = await startConversation();
    talk.script.answer([{ text: "Let me look." }, asks("look", {})], says("Found."));
    const runId = await talk.say("look it up");
    await talk.idle(runId);
    const phases = talk.agent(runId).map(({ stream, data }) => {
      const { phase } = data as { phase?: string };
      return phase === undefined ? stream : `${stream} ${phase}`;
    });
    expect(phases).toEqual([
      "lifecycle start",
      "lifecycle model",
      "assistant",
      "tool start",
      "tool result",
      "assistant",
      "usage",
      "lifecycle finishing",
      "lifecycle end",
    ]);
    expect(talk.chat(runId).map(({ state }) => state)).toEqual(["delta", "delta", "final"]);
    for (const { sessionKey: _, sessionId: __, agentId: ___, ...payload } of talk.agent(runId)) {
      expect(misfits("AgentEventSchema", payload)).toEqual([]);
    }
    for (const payload of talk.chat(runId)) expect(misfits("ChatEventSchema", payload)).toEqual([]);
    expect(talk.agent(runId).at(-1)).toMatchObject({
      data: { stopReason: "stop", aborted: false, terminalReply: { disposition: "visible", text: "Let me look.\n\nFound." } },
    });
  });

  test("repeating a message changes nothing, and says how the run is", async () => {
    await using talk = await startConversation();
    const gate = Promise.withResolvers<void>();
    talk.script.answer(async function* () {
      await gate.promise;
      yield { text: "once" };
    });
    const params = { sessionKey: MAIN, message: "hi", idempotencyKey: "the-key" };
    expect(await talk.client.call("chat.send", params)).toEqual({ runId: "the-key", status: "started" });
    await talk.script.modelCall(0);
    expect(await talk.client.call("chat.send", params)).toEqual({ runId: "the-key", status: "in_flight" });
    gate.resolve();
    await talk.idle("the-key");
    await talk.client.call("agent.wait", { runId: "the-key" });
    expect(await talk.client.call("chat.send", params)).toEqual({ runId: "the-key", status: "ok" });
    expect(talk.script.models).toHaveLength(1);
    expect(await talk.history()).toHaveLength(2);
    await expect(talk.client.call("chat.send", { ...params, sessionKey: "other" })).rejects.toMatchObject({
      error: { details: { code: "AGENT_KEY_REUSED" } },
    });
  });

  test("`agent` answers twice, and a repetition gets the result again", async () => {
    await using talk = await startConversation();
    talk.script.answer(says("done"));
    const params = { message: "do it", idempotencyKey: "job-1" };
    const { accepted, final } = talk.client.callTwice("agent", params);
    expect(await accepted).toMatchObject({ runId: "job-1", sessionKey: MAIN, agentId: "main", status: "accepted" });
    const result = await final;
    expect(result).toMatchObject({
      runId: "job-1",
      status: "ok",
      summary: "completed",
      result: { payloads: [{ text: "done", mediaUrl: null }], meta: { stopReason: "stop", aborted: false, agentMeta: { model: "one" } } },
    });
    const chatFinal = talk.client.frames.findIndex((frame) => (frame.payload as { state?: string } | undefined)?.state === "final");
    const lastResponse = talk.client.frames.findLastIndex((frame) => frame.type === "res");
    expect(chatFinal).toBeLessThan(lastResponse);
    expect(await talk.client.call<object>("agent", params)).toEqual(result as object);
    expect(talk.script.models).toHaveLength(1);
    expect(await talk.client.call<object>("agent.wait", { runId: "job-1" })).toMatchObject({
      status: "ok",
      terminalReply: { disposition: "visible", text: "done" },
    });
    expect(await talk.client.call<object>("agent.wait", { runId: "nobody", timeoutMs: 10 })).toEqual({
      runId: "nobody",
      status: "timeout",
    });
  });

  test("what a message must say is checked before anything runs", async () => {
    await using talk = await startConversation();
    const send = (params: object) =>
      talk.client.call("chat.send", { sessionKey: MAIN, message: "x", idempotencyKey: crypto.randomUUID(), ...params });
    const refused = (code: string) => ({ error: { code: "INVALID_REQUEST", details: { code } } });
    await expect(send({ message: "  " })).rejects.toMatchObject(refused("AGENT_MESSAGE_EMPTY"));
    await expect(send({ thinking: "plenty" })).rejects.toMatchObject(refused("AGENT_THINKING"));
    await expect(send({ sessionKey: "agent:nobody:main" })).rejects.toMatchObject(refused("ROUTER_AGENT_UNKNOWN"));
    await expect(send({ deliver: true })).rejects.toMatchObject(refused("AGENT_REPLY_ADDRESS"));
    await expect(send({ sessionId: "another" })).rejects.toMatchObject(refused("AGENT_SESSION_CHANGED"));
    await expect(send({ expectedLeafEntryId: "another" })).rejects.toMatchObject(refused("AGENT_LEAF_CHANGED"));
    expect(talk.script.models).toHaveLength(0);
    const runId = String(((await send({ expectedLeafEntryId: null })) as { runId: string }).runId);
    expect(await talk.end(runId)).toMatchObject({ state: "final" });
  });

  test("images are seen, and a model that cannot see is told so", async () => {
    await using talk = await startConversation();
    const png = Buffer.from("\x89PNG\r\n\x1a\nrest", "latin1").toString("base64");
    await talk.ask("what is this?", { attachments: [{ mimeType: "image/png", content: png }] });
    const sent = talk.script.models[0]!.request.messages.at(-1);
    expect(sent?.content).toContainEqual({ type: "image", mimeType: "image/png", data: png });
    const [user] = await talk.history();
    expect(user?.["content"]).toContainEqual({ type: "image", mimeType: "image/png", data: png });

    await using blind = await startConversation({ model: { vision: false } });
    await blind.ask("what is this?", { attachments: [{ content: png }] });
    expect(JSON.stringify(blind.script.models[0]!.request.messages)).toContain("cannot see");
    expect(JSON.stringify(blind.script.models[0]!.request.messages)).not.toContain(png);
  });

  test("an image that the model refuses ends no conversation: it is left out, the newest one last", async () => {
    await using talk = await startConversation({ agent: { modelRetries: 0 } });
    const png = (name: string) => Buffer.from(`\x89PNG\r\n\x1a\n${name}`, "latin1").toString("base64");
    talk.script.otherwise(({ messages }) =>
      JSON.stringify(messages).includes(png("bad")) ? [{ fail: "image", message: "could not process image" }] : [{ text: "fine" }],
    );
    const send = (name: string) => talk.ask(name, { attachments: [{ mimeType: "image/png", content: png(name) }] });
    const lastAsked = () => JSON.stringify(talk.script.models.at(-1)!.request.messages);
    expect(await send("bad")).toMatchObject({ state: "final" });
    expect(lastAsked()).toContain("an image, which");
    expect(await send("good")).toMatchObject({ state: "final" });
    expect(lastAsked()).toContain(png("good"));
    expect(talk.script.models).toHaveLength(4);
  });

  test("a PDF is read by the model, shown to clients by its name, and named to a model that cannot read it", async () => {
    const data = Buffer.from("%PDF-1.7 the letter").toString("base64");
    const attachments = [{ content: data, fileName: "letter.pdf" }];
    await using talk = await startConversation();
    await talk.ask("what does it say?", { attachments });
    const sent = talk.script.models[0]!.request.messages.at(-1);
    expect(sent?.content).toContainEqual({ type: "document", mimeType: "application/pdf", data, name: "letter.pdf" });
    const [user] = await talk.history();
    expect(user?.["content"]).toContainEqual({ type: "text", text: "[attached: letter.pdf (application/pdf)]" });
    await talk.ask("and once more?");
    expect(JSON.stringify(talk.script.models[1]!.request.messages)).toContain(data);

    await using unable = await startConversation({ model: { documents: false } });
    await unable.ask("what does it say?", { attachments });
    const told = JSON.stringify(unable.script.models[0]!.request.messages);
    expect(told).toContain("letter.pdf (application/pdf), which Scripted one cannot read");
    expect(told).not.toContain(data);
  });
});

describe("what a model is given", () => {
  test("the request's beginning is the same bytes from turn to turn, and the conversation grows behind it", async () => {
    await using talk = await startConversation();
    await talk.ask("one");
    await talk.ask("two");
    const [first, second] = talk.script.models.map(({ request }) => request);
    expect(second!.system).toEqual(first!.system);
    expect(second!.tools).toEqual(first!.tools);
    expect(second!.messages.slice(0, first!.messages.length)).toEqual(first!.messages);
    expect(second!.cacheKey).toBe(first!.cacheKey);
  });

  test("the model that a message asks for is used once, the session's choice until it is cleared", async () => {
    await using talk = await startConversation();
    const models = () => talk.script.models.map(({ request }) => request.model);
    await talk.client.callTwice("agent", { message: "x", model: "two", provider: "scripted", idempotencyKey: "a" }).final;
    await talk.ask("x");
    await talk.client.call("sessions.patch", { key: MAIN, model: "scripted/two", thinkingLevel: "high" });
    await talk.ask("x");
    await talk.ask("x");
    await talk.client.call("sessions.patch", { key: MAIN, model: null });
    await talk.ask("x");
    expect(models()).toEqual(["scripted/two", "scripted/one", "scripted/two", "scripted/two", "scripted/one"]);
    expect(talk.script.models.map(({ request }) => request.thinking)).toEqual(["off", "off", "high", "high", "high"]);
  });

  test("#67308 an idle gateway makes no model call", async () => {
    await using talk = await startConversation();
    await talk.history();
    await talk.client.call("chat.metadata", {});
    await talk.client.call("tools.catalog", {});
    await talk.client.call("sessions.list", {});
    await talk.client.call("chat.inject", { sessionKey: MAIN, message: "good morning" });
    expect(talk.script.models).toHaveLength(0);
  });
});

test("with the tools of a minimal install an ordinary turn costs at most 1,500 tokens more than what was said", async () => {
  await using talk = await startConversation({
    enable: ["tools-files", "tools-exec"],
    config: { plugins: { "scripted-tools": { enabled: false } } },
  });
  await talk.ask("hi");
  const { system, tools } = talk.script.models[0]!.request;
  expect(tools.length).toBeGreaterThan(5);
  expect(textTokens(system.map(({ text }) => text).join("")) + textTokens(JSON.stringify(tools))).toBeLessThan(1_500);
});

describe("what goes wrong", () => {
  test("a model that fails is told honestly, and the session stays usable", async () => {
    await using talk = await startConversation({ agent: { modelRetries: 0 } });
    talk.script.answer(fails("auth", "no such key"));
    const error = await talk.ask("hi");
    expect(error).toMatchObject({ state: "error", errorKind: "unknown", errorMessage: expect.stringContaining("no such key") });
    expect(await talk.ask("again")).toMatchObject({ state: "final" });
    const last = talk.script.models.at(-1)!.request.messages;
    expect(last.map(({ role }) => role)).toEqual(["user", "user"]);
  });

  test("a passing fault is tried again, and text that was told is replaced", async () => {
    await using talk = await startConversation({ agent: { modelRetryFirstMs: 1 } });
    talk.script.answer([{ text: "Half an ans" }, { fail: "network" }], fails("overloaded"), says("A whole answer."));
    const runId = await talk.say("hi");
    expect(textOf((await talk.end(runId))["message"])).toBe("A whole answer.");
    const deltas = talk.chat(runId).filter(({ state }) => state === "delta");
    expect(deltas.find(({ replace }) => replace === true)).toMatchObject({ deltaText: "A whole answer." });
    expect(talk.script.models).toHaveLength(3);
  });

  test("a refusal, a full answer and an empty one end the turn and say so", async () => {
    await using talk = await startConversation();
    talk.script.answer(
      [{ text: "I will not." }, { stop: "refusal" }],
      [{ text: "Once upon" }, { stop: "length" }],
      [],
      [{ thinking: "hm" }],
    );
    expect(await talk.ask("a")).toMatchObject({ state: "error", errorKind: "refusal" });
    expect(textOf((await talk.ask("b"))["message"])).toMatch(/^Once upon\n\n.*limit/);
    expect(textOf((await talk.ask("c"))["message"])).toContain("without an answer");
    expect(textOf((await talk.ask("d"))["message"])).toContain("without an answer");
  });

  test("a model that does not exist is named, with what to do", async () => {
    await using talk = await startConversation();
    const { final } = talk.client.callTwice("agent", { message: "x", model: "nowhere/nothing", idempotencyKey: "a" });
    expect(await final).toMatchObject({ status: "error", summary: expect.stringContaining("nowhere/nothing") });
  });

  test("a turn that takes too long is stopped, and says so", async () => {
    const clock = createManualClock();
    await using talk = await startConversation({ clock });
    talk.script.answer(async function* (_request, signal) {
      yield { text: "thinking about it" };
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const runId = await talk.say("hi", { timeoutMs: 50 });
    await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
    await clock.advance(50);
    expect(await talk.end(runId)).toMatchObject({ state: "error", errorKind: "timeout" });
    expect(await talk.client.call<object>("agent.wait", { runId })).toMatchObject({ status: "timeout" });
    await talk.script.cut(talk.script.models[0]!);
  });
});
