/** Somebody sets the time of day, far ahead or far back, while work is under way and between two lives. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@pincer/plugin-sdk/clock";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { lastUserText, type Script, startScript } from "@pincer/plugin-sdk/testing/script";
import { textOf } from "@pincer/plugin-sdk/testing/talk";
import { startConversation } from "../fixtures/conversation.ts";
import { type Platform, startPlatform } from "../fixtures/platform/platform.ts";

const years = 365 * 86_400_000;

let home: string;
let platform: Platform;
/** Resolves when the platform is asked to post something. */
let tried: Promise<void>;
let script: Script;
let offset: number;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "pincer-clock-"));
  const asked = Promise.withResolvers<void>();
  tried = asked.promise;
  platform = startPlatform({ at: async (moment) => (moment === "asked" ? asked.resolve() : undefined) });
  script = startScript();
  script.otherwise((request) => [{ text: `You said: ${lastUserText(request)}` }]);
  offset = 0;
});
afterEach(async () => {
  await script.stop();
  await platform.stop();
  await rm(home, { recursive: true, force: true });
});

const start = () =>
  startConversation({
    ...{ clock, home, script, enable: ["scripted-channel"] },
    config: { channels: { defaults: { retryFirstMs: 5, reconnectFirstMs: 5 }, scripted: { url: platform.url, allowFrom: ["ada"] } } },
  });

for (const [way, jump] of [
  ["ahead", 10 * years],
  ["back", -10 * years],
] as const) {
  test(`ten years ${way} in the middle of a turn: it ends, what waits behind it and behind a channel that is down goes out, once`, async () => {
    await using talk = await start();
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    script.answer(async function* () {
      asked.resolve();
      await gate.promise;
      yield { text: "Slow answer" };
    });
    const first = await talk.say("first");
    await asked.promise;
    const second = await talk.say("second", { queueMode: "followup" });
    platform.fail(...Array<"unavailable">(5).fill("unavailable"));
    const send = (message: string) =>
      talk.client.call<{ messageIds: string[] }>("send", { channel: "scripted", to: "room-1", message, idempotencyKey: message });
    const sending = Promise.all([send("on its way"), send("behind it")]);
    await tried;
    offset += jump;
    gate.resolve();
    expect(textOf((await talk.end(first))["message"])).toBe("Slow answer");
    expect(textOf((await talk.end(second))["message"])).toBe("You said: second");
    const sent = await sending;
    expect(platform.posted.map(({ messageId }) => messageId)).toEqual(sent.flatMap(({ messageIds }) => messageIds));
    expect(platform.posted.map(({ text }) => text)).toEqual(["on its way", "behind it"]);
    platform.say("room-2", "ada", "hello");
    expect((await platform.message(2)).text).toContain("hello");
    expect((await talk.history()).map(textOf)).toEqual(["first", "Slow answer", "second", "You said: second"]);
    // Who repeats a request gets the answer that there was.
    expect(await talk.say("first", { idempotencyKey: first })).toBe(first);
    expect(await talk.history()).toHaveLength(4);
  }, 120_000);

  test(`ten years ${way} between two lives: what was accepted runs, conversations are in their order, and clients come in`, async () => {
    const before = await start();
    await before.ask("first");
    const asked = Promise.withResolvers<void>();
    script.answer(async function* (_, signal) {
      asked.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const cut = await before.say("cut off");
    await asked.promise;
    const waits = await before.say("waits", { queueMode: "followup" });
    await before[Symbol.asyncDispose]();
    offset += jump;
    await using after = await start();
    for (const runId of [cut, waits])
      expect(await after.client.call<object>("agent.wait", { runId, timeoutMs: 60_000 })).toMatchObject({ status: "ok" });
    await after.ask("last");
    expect((await after.history()).map(textOf)).toEqual(
      ["first", "cut off", "waits", "last"].flatMap((text) => [text, `You said: ${text}`]),
    );
    expect(await after.client.call("health", {})).toMatchObject({ ok: true });
  }, 120_000);
}
