import { expect, test } from "bun:test";
import { jobFailed } from "@pincer/plugin-sdk/hooks";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { asks, fails, says } from "@pincer/plugin-sdk/testing/script";
import type { Manner } from "../../tests/fixtures/platform/platform.ts";
import { startTown } from "../../tests/fixtures/town.ts";

const sentences = (count: number) =>
  Array.from({ length: count }, (_, index) => `This is sentence number ${index} of the story.`).join(" ");

test("a message from a channel is answered there, and the page sees it too", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  there.script.answer(says("Hello Ada"));
  there.platform.say("room", "ada", "hi");
  expect(await there.platform.message(0)).toMatchObject({ room: "room", text: "Hello Ada", replyTo: "u1" });
  expect(await talk.client.event("chat", ({ state }) => state === "final")).toMatchObject({ sessionKey: "agent:main:main" });
  expect(there.platform.typing).toContain("room");
  expect(there.script.models[0]!.request.messages[0]!.content).toMatch(/^\[.*, ada on scripted\] hi$/);
});

test("in a stranger's conversation there are no tools, and what is said is marked", async () => {
  await using there = await startTown();
  await using _talk = await there.start();
  there.platform.say("club", "bob", "hello", { direct: false, mentions: true });
  await there.platform.message(0);
  const { request } = there.script.models[0]!;
  expect(request.tools).toEqual([]);
  expect(request.messages[0]!.content).toMatch(
    /^\[.*, bob on scripted\] <untrusted-([0-9a-f]{16}) from="a message of bob on scripted">\nhello\n<\/untrusted-\1>$/,
  );
});

test("typing is shown again before the platform forgets it, and no more once the answer is there", async () => {
  const clock = createManualClock();
  const rich = { rich: { allowFrom: ["*"], streaming: "off" } };
  await using there = await startTown({ clock });
  await using talk = await there.start({
    config: { agents: { owner: ["rich:ada"] }, channels: { scripted: { url: there.platform.url, enabled: false }, ...rich } },
  });
  const gate = Promise.withResolvers<void>();
  there.script.answer(async function* () {
    await gate.promise;
    yield { text: "There." };
  });
  there.platform.say("room", "ada", "think");
  await there.platform.until(() => there.platform.typing.length === 1);
  // It shows for two seconds. Calls between two steps let the gateway hear that it was shown, which comes over another thread.
  const shown = clock.monotonic();
  while (there.platform.typing.length < 2) {
    await clock.advance(20);
    for (let calls = 0; calls < 10; calls++) await talk.client.call("health", {});
  }
  expect(clock.monotonic() - shown).toBeLessThan(2_000);
  gate.resolve();
  await talk.client.event("chat", ({ state }) => state === "final");
  await there.platform.message(0);
  await clock.advance(10_000);
  expect(there.platform.typing).toHaveLength(2);
});

test("a command of the owner's is refused to others in a sentence, and no model hears of it", async () => {
  await using there = await startTown();
  await using _talk = await there.start();
  const asked = async (text: string, manner: Manner = {}) => {
    const { length } = there.platform.posted;
    there.platform.say(manner.direct === false ? "club" : "bobs-room", "bob", text, manner);
    return (await there.platform.message(length)).text;
  };
  const group = { direct: false, mentions: true };
  for (const text of ["/new", "/stop", "/model other/one", "/usage"])
    expect(await asked(text, group)).toBe(`Only the owner of this assistant may use ${text.split(" ")[0]} here.`);
  for (const text of ["/model other/one", "/think high", "/agents main", "/compact"])
    expect(await asked(text)).toBe(`Only the owner of this assistant may use ${text.split(" ")[0]}.`);
  expect(await asked("/new")).toBe("A new conversation.");
  expect(await asked("/stop")).toBe("Nothing is running.");
  expect(await asked("/help")).toMatch(/\/status: .*\n\/new: .*\n\/reset: .*\n\/stop: [^\n]*$/);
  expect(await asked("/status")).not.toMatch(/Session|\$/);
  expect(there.script.models).toHaveLength(0);
});

test("/stop ends a turn at once while it runs", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  there.script.answer(async function* (_request, signal) {
    yield { text: "I begin" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  there.platform.say("room", "ada", "talk for ever");
  await talk.client.event("chat", ({ state }) => state === "delta");
  there.platform.say("room", "ada", "/stop");
  expect((await there.platform.message(0)).text).toBe("Stopped.");
  expect(await talk.client.event("chat", ({ state }) => state === "aborted")).toMatchObject({ stopReason: "stop" });
});

test("/agents chooses who answers in a conversation", async () => {
  await using there = await startTown();
  await using talk = await there.start({
    config: {
      agents: { owner: ["scripted:ada"], list: [{ id: "main" }, { id: "cook", name: "The cook" }] },
      channels: { scripted: { url: there.platform.url, allowFrom: ["*"] } },
    },
  });
  const asked = async (text: string) => {
    const { length } = there.platform.posted;
    there.platform.say("room", "ada", text);
    return (await there.platform.message(length)).text;
  };
  expect(await asked("/agents")).toContain("- `main` (Pincer), which answers here\n- `cook` (The cook)");
  expect(await asked("/agents nobody")).toContain('No agent is called "nobody"');
  expect(await asked("/agents cook")).toBe("The cook answers in this conversation from now on.");
  await asked("hello");
  await talk.client.event("chat", ({ state, sessionKey }) => state === "final" && sessionKey === "agent:cook:main");
  expect(await asked("/agents")).toContain("- `cook` (The cook), which answers here");
  await asked("/agents default");
  expect(await asked("/agents")).toContain("- `main` (Pincer), which answers here");
});

test("the owner's commands work from a channel", async () => {
  await using there = await startTown();
  await using _talk = await there.start();
  there.platform.say("room", "ada", "/status");
  expect((await there.platform.message(0)).text).toContain("scripted/one");
  expect(there.script.models).toHaveLength(0);
});

test("who wrote is told when there is no answer", async () => {
  await using there = await startTown({ agent: { modelRetries: 0 } });
  await using _talk = await there.start();
  there.script.answer(fails("billing", "empty"));
  there.platform.say("room", "ada", "hi");
  expect((await there.platform.message(0)).text).toMatch(/credit/);
});

test("a long answer goes out in pieces while it is written, each word once", async () => {
  await using there = await startTown({ agent: { blockMinChars: 100, blockMaxChars: 300 } });
  await using talk = await there.start();
  const story = sentences(40);
  const gate = Promise.withResolvers<void>();
  there.script.answer(async function* () {
    for (const word of story.slice(0, 900).match(/\S+\s*/g) ?? []) yield { text: word };
    await gate.promise;
    yield { text: story.slice(900) };
  });
  there.platform.say("room", "ada", "tell me a story");
  const first = await there.platform.message(0);
  expect(story.startsWith(first.text)).toBe(true);
  expect(there.script.models[0]!.end).toBe("open");
  gate.resolve();
  await talk.client.event("chat", ({ state }) => state === "final");
  const all = () => there.platform.posted.map(({ text }) => text).join(" ");
  for (let index = 1; all().length < story.length; index++) await there.platform.message(index);
  expect(all()).toBe(story);
});

test("what was sent before a restart is neither repeated nor contradicted by a model that can go on", async () => {
  await using there = await startTown({ agent: { blockMinChars: 100, blockMaxChars: 300 }, model: { continues: true } });
  const story = sentences(30);
  const first = await there.start();
  there.script.answer(async function* (_request, signal) {
    yield { text: story.slice(0, 700) };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  there.platform.say("room", "ada", "tell me a story");
  await there.platform.message(1);
  await first.gateway.stop();

  there.script.answer((request) => {
    const last = request.messages.at(-1)!;
    expect(last.role).toBe("assistant");
    const said = (last.content as { text: string }[])[0]!.text;
    expect(story.startsWith(said)).toBe(true);
    return [{ text: story.slice(said.length) }];
  });
  await using second = await there.start();
  await second.client.event("chat", ({ state }) => state === "final");
  const all = () => there.platform.posted.map(({ text }) => text).join(" ");
  for (let index = 2; all().length < story.length; index++) await there.platform.message(index);
  expect(all()).toBe(story);
});

test("a model that cannot go on ends what was begun, and says so", async () => {
  await using there = await startTown({ agent: { blockMinChars: 100, blockMaxChars: 300 } });
  const story = sentences(30);
  const first = await there.start();
  there.script.answer(async function* (_request, signal) {
    yield { text: story.slice(0, 700) };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  there.platform.say("room", "ada", "tell me a story");
  await there.platform.message(1);
  await first.gateway.stop();

  await using second = await there.start();
  await second.client.event("chat", ({ state }) => state === "final");
  await there.platform.until(() => there.platform.posted.at(-1)?.text.includes("restarted while this was being written") === true);
  expect(there.script.models).toHaveLength(1);
  const said = there.platform.posted.slice(0, -1).map(({ text }) => text);
  expect(new Set(said).size).toBe(said.length);
});

test("an answer waits for nobody: a channel that is down delays no turn", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  there.platform.say("room", "ada", "one");
  await there.platform.message(0);
  there.platform.fail("unavailable", "unavailable", "unavailable", "unavailable");
  there.platform.say("room", "ada", "two");
  await talk.client.event("chat", ({ state, message }) => state === "final" && JSON.stringify(message).includes("two"));
  expect(await talk.ask("still there?")).toMatchObject({ state: "final" });
});

test("a client may have an answer delivered to a channel as well", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  const { final } = talk.client.callTwice("agent", {
    message: "tell them",
    deliver: true,
    channel: "scripted",
    to: "club",
    idempotencyKey: "a",
  });
  expect(await final).toMatchObject({ status: "ok" });
  expect(await there.platform.message(0)).toMatchObject({ room: "club", text: "You said: tell them" });
  const runId = await talk.say("and them", { deliver: true, originatingChannel: "scripted", originatingTo: "bar" });
  expect(await there.platform.message(1)).toMatchObject({ room: "bar", text: "You said: and them" });
  await talk.end(runId);
});

test("who steers from another conversation is answered there as well", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  const gate = Promise.withResolvers<void>();
  there.script.tool("look", async function* () {
    await gate.promise;
    yield { content: [{ type: "text", text: "seen" }] };
  });
  there.script.answer([asks("look")], says("For both of you."));
  const runId = await talk.say("look");
  await there.script.toolCall(0);
  there.platform.say("room", "ada", "in the kitchen");
  const waiting = () => talk.client.call<{ pendingInputs: { total: number } }>("chat.history", { sessionKey: "main" });
  while ((await waiting()).pendingInputs.total === 0);
  gate.resolve();
  expect((await there.platform.message(0)).text).toBe("For both of you.");
  await talk.end(runId);
});

test("a message whose turn was given up is answered all the same, once", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  there.platform.say("room", "ada", "hi");
  await there.platform.message(0);
  const runId = "in:scripted:default:9";
  const address = { channel: "scripted", account: "default", conversation: "room" };
  const input = { runId, sessionKey: "agent:main:main", agentId: "main", owner: true, text: "poison", at: 1, replyTo: { address } };
  const lost = {
    key: `run:${runId}`,
    kind: "agent.turn",
    lane: "turn:agent:main:main",
    input,
    state: "parked" as const,
    code: "LANE_PARKED",
    message: "parked",
  };
  for (let time = 0; time < 2; time++) await talk.gateway.gateway.host.run(jobFailed, lost);
  expect((await there.platform.message(1)).text).toContain("given up");
  expect(talk.chat(runId)).toMatchObject([{ state: "error", errorMessage: expect.stringContaining("given up") }]);
  expect((await talk.history()).at(-1)).toMatchObject({ stopReason: "error", errorMessage: expect.stringContaining("given up") });
  await talk.ask("and now?");
  expect(there.platform.posted).toHaveLength(2);
});
