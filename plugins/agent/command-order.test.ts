/** What is typed to the gateway holds for what is written behind it, and for nothing else, however close one follows the other. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { asks } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";
import { startTown } from "../../tests/fixtures/town.ts";

const MAIN = "agent:main:main";
const never = async function* (_: unknown, signal: AbortSignal) {
  yield { text: "for ever" };
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
};

test("what is written right behind /new is answered, and is what the new conversation begins with", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  await talk.ask("of the old one");
  there.platform.say("room", "ada", "/new");
  there.platform.say("room", "ada", "hello");
  await there.platform.until(() => there.platform.posted.length === 2);
  expect(there.platform.posted.map(({ text }) => text).toSorted()).toEqual(["A new conversation.", "You said: hello"]);
  expect(there.script.models[1]!.request.messages).toHaveLength(1);
});

test("what is written right behind /stop is answered, and all before it is stopped", async () => {
  await using there = await startTown();
  await using talk = await there.start();
  there.script.answer(never);
  const runId = await talk.say("talk for ever");
  await talk.client.event("chat", ({ state }) => state === "delta");
  const queued = await talk.say("and longer", { queueMode: "followup" });
  there.platform.say("room", "ada", "/stop");
  there.platform.say("room", "ada", "and now?");
  await there.platform.until(() => there.platform.posted.length === 2);
  expect(there.platform.posted.map(({ text }) => text).toSorted()).toEqual(["Stopped.", "You said: and now?"]);
  for (const id of [runId, queued]) expect(await talk.end(id)).toMatchObject({ state: "aborted", stopReason: "stop" });
});

/** As a gateway leaves them that dies when it has accepted both, and has begun neither. */
function accepted(home: string): void {
  using db = new Database(join(home, "pincer.db"));
  const at = Date.now();
  const input = { sessionKey: "agent:main:main", agentId: "main", owner: true, at };
  const admit = (lane: string, kind: string, runId: string, more: object) =>
    db
      .query("insert into job (lane, kind, key, input, priority, mode, not_before, admitted_at) values (?, ?, ?, ?, 0, 'followup', 0, ?)")
      .run(lane, kind, `run:${runId}`, JSON.stringify({ ...input, runId, ...more }), at);
  admit("job:agent:command:agent:main:main", "agent.command", "empty-it", { text: "/new", command: "new", args: "" });
  admit("turn:agent:main:main", "agent.turn", "hello", { text: "hello" });
}

test("behind a restart, too, a message waits for the /new that came before it", async () => {
  await using there = await startTown();
  const first = await there.start();
  await first.ask("of the old one");
  await first.gateway.stop();
  accepted(there.home);

  await using second = await there.start();
  expect(await second.client.call<object>("agent.wait", { runId: "hello" })).toMatchObject({ status: "ok" });
  expect(there.script.models[1]!.request.messages.map((message) => textOf(message).replace(/^\[.*\] /, ""))).toEqual(["hello"]);
});

for (const command of ["/new", "/stop"]) {
  test(`a turn that runs does not take over what is written behind ${command}, though that waits for another command`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "agent-order-"));
    try {
      const plugins = pluginsFolder(folder);
      // It lets /status wait until it is told.
      await writePlugin(
        plugins,
        "guest",
        `import { definePlugin } from "@pincer/plugin-sdk";
         import { selector } from "@pincer/plugin-sdk/contracts/selector";
         import { defineMethod } from "@pincer/plugin-sdk/method";
         import { Type } from "@sinclair/typebox";
         export default definePlugin({ setup(ctx) {
           const go = Promise.withResolvers();
           const method = defineMethod({ name: "guest.go", summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) });
           ctx.method(method, () => { go.resolve(); return {}; });
           ctx.provide(selector, "guest", {}, { select: async ({ text }) => (text === "" && (await go.promise), null) });
         } });`,
      );
      await using there = await startTown();
      await using talk = await there.start({ plugins: [plugins], enable: ["guest"] });
      const gate = Promise.withResolvers<void>();
      there.script.tool("look", async function* () {
        await gate.promise;
        yield { content: [{ type: "text", text: "seen" }] };
      });
      there.script.answer([asks("look")]);
      const one = await talk.say("look around");
      await there.script.toolCall(0);
      await talk.say("/status");
      await talk.say(command);
      const two = await talk.say("hello", { queueMode: "steer" });
      gate.resolve();
      await talk.client.event("agent", ({ stream, data }) => stream === "tool" && (data as { phase?: string }).phase === "result");
      await talk.client.call("guest.go", {});
      expect(await talk.end(one)).toMatchObject({ state: "aborted" });
      expect(textOf((await talk.end(two))["message"])).toBe("You said: hello");
      expect(there.script.models).toHaveLength(2);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

for (const command of ["/new", "/stop"]) {
  test(`${command} ends what was admitted before it, also when the time of day has been set back since`, async () => {
    let offset = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
    await using there = await startTown({ clock });
    await using talk = await there.start();
    there.script.answer(never);
    const runId = await talk.say("talk for ever");
    await talk.client.event("chat", ({ state }) => state === "delta");
    offset = -3_600_000;
    await talk.ask(command);
    expect(await talk.end(runId)).toMatchObject({ state: "aborted" });
    expect(textOf((await talk.ask("and now?"))["message"])).toBe("You said: and now?");
  });
}

test("a /new that was killed behind its reset does not empty the conversation once more", async () => {
  await using there = await startTown();
  await using died = await startTown();
  // The home as a process leaves it that dies when a step has come to its end, and is not journalled.
  let isAsked = false;
  const probe = (point: string) => {
    if (point !== "lanes:after-run" || !isAsked) return;
    rmSync(died.home, { recursive: true });
    cpSync(there.home, died.home, { recursive: true });
  };
  const first = await there.start({ probe });
  await first.ask("of the old one");
  const { sessionId: old } = await first.client.call<{ sessionId: string }>("chat.history", { sessionKey: MAIN });
  isAsked = true;
  await first.ask("/new", { idempotencyKey: "empty-it" });
  const { sessionId } = await first.client.call<{ sessionId: string }>("chat.history", { sessionKey: MAIN });
  await first.gateway.stop();

  await using second = await died.start();
  expect(await second.client.call<object>("agent.wait", { runId: "empty-it" })).toMatchObject({ status: "ok" });
  expect(await second.client.call<object>("chat.history", { sessionKey: MAIN })).toMatchObject({ sessionId });
  expect(sessionId).not.toBe(old);
  expect((await second.history()).map((message) => textOf(message))).toEqual(["/new", "A new conversation."]);
});
