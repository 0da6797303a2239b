import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startScript } from "@pincer/plugin-sdk/testing/script";
import { type Conversation, startConversation } from "../../tests/fixtures/conversation.ts";
import { startPlatform } from "../../tests/fixtures/platform/platform.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** A platform whose clock is wrong by `skewMs`, and a gateway that comes and goes. */
async function town(skewMs: number | (() => number) = 0) {
  const clock = createManualClock();
  const platform = startPlatform({ now: () => clock.now() + (typeof skewMs === "number" ? skewMs : skewMs()) });
  const script = startScript();
  const home = await mkdtemp(join(tmpdir(), "delivery-late-"));
  const start = () =>
    startConversation({
      home,
      script,
      clock,
      enable: ["scripted-channel"],
      config: {
        agents: { owner: ["scripted:ada"] },
        channels: { scripted: { url: platform.url, allowFrom: ["ada", "bob"], streaming: "off" }, defaults: { reconnectFirstMs: 1 } },
      },
    });
  return {
    ...{ clock, platform, script, start },
    async [Symbol.asyncDispose]() {
      await platform.stop();
      await script.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
/** Lets time pass until that holds. A call between two steps gives requests their turn: else a busy machine would see their deadlines pass first. */
async function pass(clock: ManualClock, { client }: Conversation, holds: () => boolean): Promise<void> {
  while (!holds()) {
    await clock.advance(20);
    await client.call("health", {});
  }
}

/** What is missed comes right after that. */
async function connected({ client }: Conversation): Promise<void> {
  for (;;) {
    const { channels } = await client.call<{ channels: { scripted: { connected: boolean } } }>("channels.status", {});
    if (channels.scripted.connected) return;
  }
}

test("what was written long before the gateway came back is read and not answered, and its writer told once (#39138, #55792)", async () => {
  await using there = await town();
  const { clock, platform, script } = there;
  for (const text of ["old one", "old two"]) platform.say("room", "ada", text);
  platform.say("elsewhere", "bob", "old three");
  await clock.advance(2 * HOUR);
  platform.say("room", "ada", "just now");
  await using talk = await there.start();
  await pass(clock, talk, () => platform.posted.length === 3);
  const told = platform.posted.filter(({ text }) => text.includes("more than one hour ago"));
  expect(told.map(({ room }) => room).toSorted()).toEqual(["elsewhere", "room"]);
  expect(platform.posted.find(({ text }) => text.includes("You said"))).toMatchObject({ room: "room", text: "You said: just now" });
  expect(script.models).toHaveLength(1);
  const said = script.models[0]!.request.messages.map(({ content }) => JSON.stringify(content));
  expect(said).toEqual([expect.stringContaining("old one"), expect.stringContaining("old two"), expect.stringContaining("just now")]);
});

test("a command that was typed long ago is not obeyed any more", async () => {
  await using there = await town();
  there.platform.say("room", "ada", "/new");
  await there.clock.advance(2 * HOUR);
  await using talk = await there.start();
  await pass(there.clock, talk, () => there.platform.posted.length === 1);
  expect(there.platform.posted[0]!.text).toContain("read, but not answered");
});

for (const skewMs of [-2 * HOUR, 2 * HOUR])
  test(`a platform whose clock is wrong by ${skewMs / HOUR} hours is not late, before and after a restart`, async () => {
    await using there = await town(skewMs);
    const { clock, platform } = there;
    const first = await there.start();
    await connected(first);
    await clock.advance(MINUTE);
    platform.say("room", "ada", "one");
    await pass(clock, first, () => platform.posted.length === 1);
    await first.gateway.stop();
    platform.say("room", "ada", "two");
    await using second = await there.start();
    await pass(clock, second, () => platform.posted.length === 2);
    expect(platform.posted.map(({ text }) => text)).toEqual(["You said: one", "You said: two"]);
  });

test("one who writes as if it were years from now has nobody else's messages left unanswered", async () => {
  let skewMs = 10 * 365 * 24 * HOUR;
  await using there = await town(() => skewMs);
  const { clock, platform } = there;
  const first = await there.start();
  await connected(first);
  await clock.advance(MINUTE);
  platform.say("elsewhere", "bob", "from the future");
  await pass(clock, first, () => platform.posted.length === 1);
  await first.gateway.stop();
  skewMs = 0;
  platform.say("room", "ada", "now");
  await using _second = await there.start();
  // No time passes meanwhile: it comes with what was missed.
  expect(await platform.message(1)).toMatchObject({ room: "room", text: "You said: now" });
});
