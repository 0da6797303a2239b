import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { asks, says } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startConversation } from "../../tests/fixtures/conversation.ts";

const MAIN = "agent:main:main";

test("a turn that runs while the plugin is replaced is answered, and the next one by the new generation", async () => {
  await using talk = await startConversation();
  const gate = Promise.withResolvers<void>();
  talk.script.answer(async function* () {
    yield { text: "be" };
    await gate.promise;
    yield { text: "fore" };
  }, says("after"));
  const runId = await talk.say("one");
  await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
  await talk.gateway.gateway.host.reload("agent");
  expect(await talk.ask("two", { sessionKey: "agent:main:other" })).toMatchObject({ state: "final" });
  gate.resolve();
  expect(textOf((await talk.end(runId))["message"])).toBe("before");
  expect(talk.script.models).toHaveLength(2);
});

test("a run of an older generation is stopped through the new one, and told once", async () => {
  await using talk = await startConversation();
  talk.script.answer(async function* (_request, signal) {
    yield { text: "on and on" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  const runId = await talk.say("one");
  await talk.client.event("chat", ({ runId: of, state }) => of === runId && state === "delta");
  await talk.gateway.gateway.host.reload("agent");
  expect(await talk.client.call<object>("chat.abort", { sessionKey: MAIN, runId })).toMatchObject({ aborted: true, runIds: [runId] });
  expect(talk.chat(runId).filter(({ state }) => state === "aborted")).toHaveLength(1);
});

test("unloading leaves nothing behind", async () => {
  const clock = createManualClock();
  const talk = await startConversation({ clock });
  talk.script.tool("note", async function* () {
    yield { progress: "one" };
    yield { progress: "two" };
    yield { content: [{ type: "text", text: "noted" }] };
  });
  talk.script.answer([{ text: "Writing." }, asks("note")], says("Do", "ne."));
  await talk.ask("note it");
  await talk.ask("/status");
  await talk.client.call("agent.wait", { runId: "nobody", timeoutMs: 60_000 });
  await talk.gateway.stop();
  // The log writes its last lines.
  await clock.advance(5_000);
  expect(clock.timers).toBe(0);
  expect(talk.gateway.lines.filter(({ level, plugin }) => level === "error" && plugin === "agent")).toEqual([]);
  await talk[Symbol.asyncDispose]();
});
