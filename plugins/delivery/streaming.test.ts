import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Script, says, startScript } from "@pincer/plugin-sdk/testing/script";
import { type Conversation, startConversation } from "../../tests/fixtures/conversation.ts";
import { type Platform, startPlatform } from "../../tests/fixtures/platform/platform.ts";

let platform: Platform;
let script: Script;
let home: string;

beforeEach(async () => {
  platform = startPlatform({ textLimit: 400 });
  script = startScript();
  home = await mkdtemp(join(tmpdir(), "delivery-streaming-"));
});
afterEach(async () => {
  await platform.stop();
  await script.stop();
  await rm(home, { recursive: true, force: true });
});

const start = (rich: object = {}, model: Record<string, unknown> = {}): Promise<Conversation> =>
  startConversation({
    home,
    script,
    model,
    enable: ["scripted-channel"],
    config: {
      gateway: { lanes: { drainMs: 0 } },
      agents: { owner: ["rich:ada"] },
      channels: { defaults: { retryFirstMs: 1 }, scripted: { enabled: false, url: platform.url }, rich: { allowFrom: ["*"], ...rich } },
    },
  });

const story = Array.from({ length: 40 }, (_, index) => `This is sentence number ${index} of the story.`).join(" ");
const shown = () => platform.posted.map(({ text }) => text).join(" ");

test("an answer that grows is one message that is edited, and its last edition is the whole", async () => {
  await using _talk = await start();
  const gate = Promise.withResolvers<void>();
  script.answer(async function* () {
    yield { text: "The first sentence. The sec" };
    await gate.promise;
    yield { text: "ond one." };
  });
  platform.say("room", "ada", "go on");
  const { editions } = await platform.message(0);
  expect(editions).toEqual(["The first sentence. The sec"]);
  gate.resolve();
  await platform.until(() => shown() === "The first sentence. The second one.");
  expect(platform.posted).toHaveLength(1);
  expect(platform.posted[0]).toMatchObject({ replyTo: "u1" });
});

test("an answer that is longer than a message goes on in a new one, each word once", async () => {
  await using _talk = await start();
  script.answer(async function* () {
    for (const [index, word] of (story.match(/\S+\s*/g) ?? []).entries()) {
      if (index % 40 === 39) await platform.until(() => platform.posted.length > 0);
      yield { text: word };
    }
  });
  platform.say("room", "ada", "tell me a story");
  await platform.until(() => shown().length >= story.length);
  expect(shown()).toBe(story);
  for (const { text } of platform.posted) expect(text.length).toBeLessThanOrEqual(400);
});

test("a restart in the middle neither repeats an answer nor leaves half of one: what was shown is edited on", async () => {
  const first = await start();
  script.answer(async function* (_request, signal) {
    yield { text: "Half of an answer. " };
    await platform.message(0);
    yield { text: "And then" };
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  platform.say("room", "ada", "go on");
  // Edited, it is known to the gateway; before, a stop may come while its id is on the way.
  await platform.until(() => platform.posted[0]?.editions.length === 2);
  await first.gateway.stop();
  script.answer(says("The whole of another answer."));
  await using _second = await start();
  await platform.until(() => shown() === "The whole of another answer.");
  expect(platform.posted).toHaveLength(1);
});

test("an edition that the platform does not take is left to the next", async () => {
  await using _talk = await start();
  const gate = Promise.withResolvers<void>();
  script.answer(async function* () {
    yield { text: "The beginning. " };
    await gate.promise;
    yield { text: "The end." };
  });
  platform.fail("unavailable");
  platform.say("room", "ada", "go on");
  gate.resolve();
  await platform.until(() => shown() === "The beginning. The end.");
  expect(platform.posted).toHaveLength(1);
});

for (const streaming of ["blocks", "off"] as const)
  test(`streaming: ${streaming} edits nothing`, async () => {
    await using _talk = await start({ streaming });
    script.answer(async function* () {
      for (const word of story.match(/\S+\s*/g) ?? []) yield { text: word };
    });
    platform.say("room", "ada", "tell me a story");
    await platform.until(() => shown().length >= story.length);
    expect(shown()).toBe(story);
    expect(platform.edits).toEqual([]);
  });
