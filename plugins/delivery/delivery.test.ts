import { afterEach, beforeEach, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Platform, startPlatform } from "../../tests/fixtures/platform/platform.ts";

const fixtures = join(dirname(dirname(import.meta.dir)), "tests", "fixtures", "plugins");

let platform: Platform;
let gateway: TestGateway;

const start = (over: Record<string, unknown> = {}, home?: string) =>
  startTestGateway({
    plugins: [fixtures],
    enable: ["scripted-channel"],
    ...(home === undefined ? {} : { home }),
    config: {
      plugins: { "provider-demo": { config: { deltaMs: 0 } } },
      channels: {
        defaults: { retryFirstMs: 5, reconnectFirstMs: 5 },
        scripted: { url: platform.url, allowFrom: ["ada"], direct: "allowlist", ...over },
      },
    },
  });

beforeEach(async () => {
  platform = startPlatform();
  gateway = await start();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await platform.stop();
});

test("a message is answered in its conversation, once, and the platform is told only then that it arrived", async () => {
  platform.say("room-1", "ada", "hello");
  const reply = await platform.message(0);
  expect(reply.room).toBe("room-1");
  expect(reply.text.length).toBeGreaterThan(0);
});

test("an event that the platform gives out again is answered once (#39138)", async () => {
  const update = platform.say("room-1", "ada", "hello");
  await platform.message(0);
  platform.repeat(update);
  platform.say("room-1", "ada", "and now?");
  const client = await gateway.connect();
  const asked = async () => {
    const params = { sessionKey: "agent:main:scripted:default:room-1" };
    const { messages } = await client.call<{ messages: { role: string }[] }>("chat.history", params);
    return messages.filter(({ role }) => role === "user");
  };
  while (!JSON.stringify(await asked()).includes("and now?"));
  expect(await asked()).toHaveLength(2);
});

test("a stranger is not admitted, and nothing of what they wrote reaches a session", async () => {
  platform.say("room-9", "mallory", "let me in");
  platform.say("room-1", "ada", "hello");
  await platform.message(0);
  const client = await gateway.connect();
  const { sessions } = await client.call<{ sessions: { key: string }[] }>("sessions.list", {});
  expect(sessions.map(({ key }) => key)).toEqual(["agent:main:scripted:default:room-1"]);
  expect(platform.posted.every(({ room }) => room === "room-1")).toBe(true);
});

test("in a group the bot answers those it knows, and only when they speak to it", async () => {
  const text = "what time is it";
  platform.say("club", "ada", text, { direct: false });
  platform.say("club", "mallory", text, { direct: false, mentions: true });
  platform.say("club", "ada", text, { direct: false, mentions: true });
  const { messageId } = await platform.message(0);
  platform.say("club", "ada", text, { direct: false, answers: "u1" });
  platform.say("club", "ada", text, { direct: false, answers: messageId });
  await platform.message(1);
  expect(platform.posted.map(({ replyTo }) => replyTo)).toEqual(["u3", "u5"]);
});

test("in a group every command is the owner's, and no other member's", async () => {
  const client = await gateway.connect();
  const { hash } = await client.call<{ hash: string }>("config.get", {});
  const raw = JSON.stringify({ agents: { owner: ["scripted:ada"] }, channels: { scripted: { allowFrom: ["ada", "bob"] } } });
  await client.call("config.patch", { raw, baseHash: hash });
  platform.say("club", "bob", "/think", { direct: false, mentions: true });
  expect((await platform.message(0)).text).toBe("Only the owner of this assistant may use /think here.");
  platform.say("club", "ada", "/think", { direct: false, mentions: true });
  expect((await platform.message(1)).text).toContain("does not think");
});

test("another program is answered only where it is named", async () => {
  await gateway[Symbol.asyncDispose]();
  gateway = await start({ allowFrom: ["*", "known-bot"] });
  platform.say("room-2", "unknown-bot", "beep", { bot: true });
  platform.say("room-1", "known-bot", "beep", { bot: true });
  expect((await platform.message(0)).room).toBe("room-1");
  expect(platform.posted).toHaveLength(1);
});

test("a platform that asks to wait or is down gets the reply later, once", async () => {
  platform.fail("unavailable", "unavailable", "refused");
  platform.say("room-1", "ada", "hello");
  await platform.message(0);
  const client = await gateway.connect();
  const { messageIds } = await client.call<{ messageIds: string[] }>("send", {
    channel: "scripted",
    to: "room-1",
    message: "after",
    idempotencyKey: "s1",
  });
  expect(platform.posted.filter(({ text }) => text === "after").map(({ messageId }) => messageId)).toEqual(messageIds);
});

test("a send whose answer is lost is reported as uncertain and not repeated", async () => {
  const client = await gateway.connect();
  platform.fail("lost");
  const answer = await client.call("send", { channel: "scripted", to: "room-1", message: "maybe", idempotencyKey: "s1" });
  expect(answer).toMatchObject({ status: "uncertain", messageIds: [] });
  expect(platform.posted.filter(({ text }) => text === "maybe")).toHaveLength(1);
  expect(await client.call("send", { channel: "scripted", to: "room-1", message: "maybe", idempotencyKey: "s1" })).toEqual(answer);
});

test("an answer of which nobody can say whether it arrived is not repeated, and its conversation says so", async () => {
  const client = await gateway.connect();
  platform.fail("lost");
  platform.say("room-1", "ada", "what time is it");
  await platform.message(0);
  const history = () => client.call("chat.history", { sessionKey: "agent:main:scripted:default:room-1" });
  while (!JSON.stringify(await history()).includes("A message to scripted may or may not have been delivered"));
  expect(platform.posted).toHaveLength(1);
});

test("a message that the platform refuses is an error that says so", async () => {
  const client = await gateway.connect();
  platform.fail("rejected");
  const refused = client.call("send", { channel: "scripted", to: "room-1", message: "no", idempotencyKey: "s1" });
  await expect(refused).rejects.toMatchObject({ error: { code: "UNAVAILABLE", details: { code: "DELIVERY_FAILED" } } });
});

test("a long text goes out in parts that fit, in order, with its code fences whole", async () => {
  const client = await gateway.connect();
  const text = `Intro.\n\n\`\`\`ts\n${Array.from({ length: 60 }, (_line, index) => `const line${index} = ${index};`).join("\n")}\n\`\`\`\n\nEnd.`;
  const { messageIds } = await client.call<{ messageIds: string[] }>("send", {
    channel: "scripted",
    to: "room-1",
    message: text,
    idempotencyKey: "s1",
  });
  const parts = platform.posted.map((posted) => posted.text);
  expect(parts).toHaveLength(messageIds.length);
  expect(parts.length).toBeGreaterThan(2);
  for (const part of parts) {
    expect(part.length).toBeLessThanOrEqual(400);
    expect((part.match(/```/g) ?? []).length % 2).toBe(0);
  }
  expect([...(parts.join("\n").match(/const line\d+/g) ?? [])]).toEqual(Array.from({ length: 60 }, (_line, index) => `const line${index}`));
});

test("a text comes to the platform as its markup shows it, and calls nobody together", async () => {
  const client = await gateway.connect();
  const message = "1) One **bold** word, __another__ &amp; \\*none\\*.\n\n@everyone: <b>look</b> [here](javascript:alert(1))";
  await client.call("send", { channel: "scripted", to: "room-1", message, idempotencyKey: "s1" });
  expect(platform.posted.map(({ text }) => text)).toEqual([
    "1. One **bold** word, **another** & \\*none\\*.\n\n@\u200beveryone: \\<b>look\\</b> here (javascript:alert(1))",
  ]);
});

test("what was written while the gateway was away is fetched and answered (#55792)", async () => {
  platform.say("room-1", "ada", "one");
  await platform.message(0);
  const { home } = gateway;
  await gateway.stop();
  platform.say("room-1", "ada", "two");
  gateway = await start({}, home);
  expect((await platform.message(1)).room).toBe("room-1");
  expect(platform.conflicts).toBe(0);
});

test("a stop does not wait for a reply that a platform wants later; the next start sends it", async () => {
  const asked = Promise.withResolvers<void>();
  await platform.stop();
  platform = startPlatform({ at: async (moment) => void (moment === "asked" && asked.resolve()) });
  const { home } = gateway;
  await gateway.stop();
  gateway = await start({}, home);
  // For 2 s, in which a stop that waited would see it sent.
  platform.fail("rate-limited");
  platform.say("room-1", "ada", "hello");
  await asked.promise;
  await gateway.stop();
  expect(platform.posted).toEqual([]);
  gateway = await start({}, home);
  expect((await platform.message(0)).room).toBe("room-1");
});

test("channels.status says how each account is, and stop and start hold the connection", async () => {
  const client = await gateway.connect();
  platform.say("room-1", "ada", "hello");
  await platform.message(0);
  const account = async () => {
    const status = await client.call<{ channelAccounts: { scripted: Record<string, unknown>[] } }>("channels.status", {});
    return status.channelAccounts.scripted[0];
  };
  expect(await account()).toMatchObject({ accountId: "default", running: true, connected: true, name: "scripted-bot" });
  expect(await client.call("channels.stop", { channel: "scripted" })).toMatchObject({ stopped: true });
  expect(await account()).toMatchObject({ running: false, connected: false });
  expect(await client.call("channels.start", { channel: "scripted" })).toMatchObject({ started: true });
  await expect(client.call("channels.start", { channel: "nowhere" })).rejects.toMatchObject({
    error: { details: { code: "DELIVERY_CHANNEL_UNKNOWN" } },
  });
});

test("health shows the channels, also while one is down", async () => {
  const client = await gateway.connect();
  const shown = { channelOrder: ["rich", "scripted"], channels: { scripted: { configured: true } } };
  expect(await client.call("health")).toMatchObject(shown);
  await client.call("channels.stop", { channel: "scripted" });
  expect(await client.call("health")).toMatchObject({ ...shown, channels: { scripted: { running: false } } });
});

test("a change of allowFrom holds from the next message on", async () => {
  const client = await gateway.connect();
  const { hash } = await client.call<{ hash: string }>("config.get", {});
  await client.call("config.patch", { raw: JSON.stringify({ channels: { scripted: { allowFrom: ["ada", "grace"] } } }), baseHash: hash });
  platform.say("room-2", "grace", "hello");
  expect((await platform.message(0)).room).toBe("room-2");
});
