import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fails, type Script, says, startScript } from "@pincer/plugin-sdk/testing/script";
import { startConversation } from "../../tests/fixtures/conversation.ts";
import { type Platform, startPlatform } from "../../tests/fixtures/platform/platform.ts";

let platform: Platform;
let script: Script;
let home: string;

beforeEach(async () => {
  platform = startPlatform();
  script = startScript();
  home = await mkdtemp(join(tmpdir(), "delivery-reactions-"));
});
afterEach(async () => {
  await platform.stop();
  await script.stop();
  await rm(home, { recursive: true, force: true });
});

const start = (rich: object = { reactions: true }) =>
  startConversation({
    home,
    script,
    agent: { modelRetries: 0 },
    enable: ["scripted-channel"],
    config: {
      gateway: { lanes: { drainMs: 0 } },
      agents: { owner: ["rich:ada"] },
      channels: { scripted: { enabled: false, url: platform.url }, rich: { allowFrom: ["*"], ...rich } },
    },
  });
const shownOn = (messageId: string) => platform.reactions.filter((one) => one.messageId === messageId).map(({ emoji }) => emoji);

test("a message shows how far it is, and in the end what has become of it", async () => {
  await using _talk = await start();
  const gate = Promise.withResolvers<void>();
  script.answer(
    async function* () {
      await gate.promise;
      yield { text: "There." };
    },
    fails("billing", "no credit"),
  );
  platform.say("room", "ada", "look");
  await platform.until(() => shownOn("u1").includes("✍"));
  gate.resolve();
  await platform.until(() => shownOn("u1").at(-1) === "👍");
  platform.say("room", "ada", "again");
  await platform.until(() => shownOn("u2").at(-1) === "👎");
});

test("a restart in the middle, and a turn that is stopped, leave nothing behind", async () => {
  const first = await start();
  script.answer(async function* (_request, signal) {
    yield { thinking: "well" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  platform.say("room", "ada", "look");
  await platform.until(() => shownOn("u1").includes("✍"));
  await first.gateway.stop();
  script.answer(async function* (_request, signal) {
    yield { thinking: "well" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  await using _second = await start();
  platform.say("room", "ada", "/stop");
  await platform.until(() => shownOn("u1").at(-1) === "");
  await platform.until(() => shownOn("u2").at(-1) === "👍");
});

test("without the setting nothing is shown, and its emojis are the operator's", async () => {
  {
    await using _talk = await start({});
    script.answer(says("one"));
    platform.say("room", "ada", "look");
    await platform.message(0);
    expect(platform.reactions).toEqual([]);
  }
  await using _talk = await start({ reactions: { done: "🦀" } });
  platform.say("room", "ada", "look");
  await platform.until(() => shownOn("u2").at(-1) === "🦀");
});
