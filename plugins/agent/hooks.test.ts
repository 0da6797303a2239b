import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asks, lastUserText, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startConversation } from "../../tests/fixtures/conversation.ts";
import { pluginsFolder, writePlugin } from "../../tests/fixtures/plugin-host.ts";

/** A gateway with one more plugin, whose `setup` holds this. */
async function withPlugin(setup: string, uses = "") {
  const folder = await mkdtemp(join(tmpdir(), "agent-hooks-"));
  const plugins = pluginsFolder(folder);
  await writePlugin(
    plugins,
    "guest",
    `import { definePlugin } from "@pincer/plugin-sdk";
     import { policy } from "@pincer/plugin-sdk/contracts/policy";
     import { defineMethod } from "@pincer/plugin-sdk/method";
     import { Type } from "@sinclair/typebox";
     import * as hooks from "@pincer/plugin-sdk/hooks";
     export default definePlugin({ ${uses} setup(ctx) { ${setup}; void policy; void hooks; void defineMethod; void Type; } });`,
  );
  const talk = await startConversation({ plugins: [plugins], enable: ["guest"] });
  return {
    talk,
    async [Symbol.asyncDispose]() {
      await talk[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test("a turn that a plugin refuses ends with its reason, before any model is asked", async () => {
  await using there = await withPlugin(`ctx.hook(hooks.turnStarting, () => ({ allow: false, reason: "It is past bedtime." }))`);
  expect(await there.talk.ask("hi")).toMatchObject({ state: "error", errorKind: "refusal", errorMessage: "It is past bedtime." });
  expect(there.talk.script.models).toHaveLength(0);
  expect((await there.talk.history()).map(({ role }) => role)).toEqual(["user", "assistant"]);
});

test("a tool that a plugin refuses does not run, and the model reads why", async () => {
  await using there = await withPlugin(
    `ctx.hook(hooks.toolCalling, ({ tool }) => (tool === "note" ? { allow: false, reason: "no writing today" } : { allow: true }))`,
  );
  const { talk } = there;
  talk.script.answer([asks("note"), asks("look")], says("ok"));
  await talk.ask("go");
  expect(talk.script.tools.map(({ name }) => name)).toEqual(["look"]);
  expect(JSON.stringify(talk.script.models[1]!.request.messages)).toContain("no writing today");
});

test("with a policy installed it decides, also in other people's conversations", async () => {
  await using there = await withPlugin(
    `ctx.provide(policy, "guest", {}, { decide: async ({ access, owner }) => ({ allow: access === "read", reason: owner ? "read only" : "not you" }) })`,
  );
  const { talk } = there;
  talk.script.answer([asks("note"), asks("look")], says("ok"));
  await talk.ask("go");
  expect(talk.script.tools.map(({ name }) => name)).toEqual(["look"]);
  expect(JSON.stringify(talk.script.models[1]!.request.messages)).toContain("read only");
  const room = "agent:main:demo:home:room";
  talk.script.answer([asks("look")], says("ok"));
  await talk.end(await talk.say("look", { sessionKey: room }));
  expect(talk.script.tools).toHaveLength(2);
});

test("a plugin may change the prompt and the answer", async () => {
  await using there = await withPlugin(
    `ctx.hook(hooks.promptBuilding, (prompt) => ({ ...prompt, sections: [...prompt.sections, { id: "guest", text: "Speak like a guest." }] }));
     ctx.hook(hooks.replyReady, (reply) => ({ ...reply, message: { ...reply.message, content: [{ type: "text", text: "[checked]" }] } }))`,
  );
  const { talk } = there;
  talk.script.answer(says("secret"));
  const runId = await talk.say("hi");
  expect(textOf((await talk.end(runId))["message"])).toBe("[checked]");
  expect(talk.script.models[0]!.request.system[0]!.text).toEndWith("Speak like a guest.");
  expect(textOf((await talk.history()).at(-1))).toBe("[checked]");
  expect(
    talk
      .chat(runId)
      .filter(({ state }) => state === "delta")
      .at(-1),
  ).toMatchObject({ replace: true, deltaText: "[checked]" });
});

test("a turn that begins while plugins let go of a session that is emptied is stopped, too, and says nothing in the new conversation", async () => {
  await using there = await withPlugin(
    `const began = Promise.withResolvers();
     ctx.hook(hooks.turnStarting, ({ runId }) => {
       if (runId === "late") began.resolve();
       return { allow: true };
     });
     ctx.hook(hooks.sessionEnded, async () => void (await began.promise))`,
  );
  const { talk } = there;
  const endless = async function* (_: unknown, signal: AbortSignal) {
    yield { text: "on and on" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  };
  talk.script.otherwise((request, signal) => (lastUserText(request).endsWith("new") ? [{ text: "hello" }] : endless(request, signal)));
  const early = await talk.say("early");
  await talk.script.modelCall(0);
  const emptied = talk.client.call("sessions.reset", { key: "main" });
  await talk.end(early);
  const late = await talk.say("late", { idempotencyKey: "late" });
  await emptied;
  expect(await talk.end(late)).toMatchObject({ state: "aborted" });
  expect(await talk.history()).toEqual([]);
  await talk.ask("new");
  expect((await talk.history()).map((message) => textOf(message))).toEqual(["new", "hello"]);
});

test("a summary that begins while plugins let go of a session that is emptied is stopped, too, and stays out of the new conversation", async () => {
  await using there = await withPlugin(
    `const begun = Promise.withResolvers();
     const go = defineMethod({ name: "guest.go", summary: "x", scope: "operator.read", params: Type.Object({}), result: Type.Object({}) });
     ctx.method(go, () => { begun.resolve(); return {}; });
     ctx.hook(hooks.sessionEnded, async () => void (await begun.promise))`,
  );
  const { talk } = there;
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  talk.script.otherwise(async function* ({ system }, signal) {
    if (!system[0]!.text.startsWith("You keep the memory")) return yield { text: "blah ".repeat(600) };
    asked.resolve();
    signal.addEventListener("abort", () => released.resolve());
    await released.promise;
    yield { text: "SUMMARY" };
  });
  for (const question of ["one", "two", "three"]) await talk.ask(`${question} ${"blah ".repeat(600)}`);
  await talk.client.call("sessions.subscribe", {});
  const patches = talk.client.eventsOf("sessions.changed").filter(({ reason }) => reason === "patch").length;
  const emptied = talk.client.call("sessions.reset", { key: "main" });
  // The last that the agent does before it waits for the others.
  let seen = 0;
  await talk.client.event("sessions.changed", ({ reason }) => reason === "patch" && ++seen > patches);
  const compacted = talk.client.call("sessions.compact", { key: "main" });
  await asked.promise;
  await talk.client.call("guest.go", {});
  await emptied;
  released.resolve();
  expect(await compacted).toMatchObject({ compacted: false });
  expect(await talk.history()).toEqual([]);
});
