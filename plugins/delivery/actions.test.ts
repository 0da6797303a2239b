import { afterEach, beforeEach, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Platform, startPlatform } from "../../tests/fixtures/platform/platform.ts";
import { runStatus } from "./command.ts";

const fixtures = join(dirname(dirname(import.meta.dir)), "tests", "fixtures", "plugins");

let platform: Platform;
let gateway: TestGateway;
let client: WireClient;

beforeEach(async () => {
  platform = startPlatform({ textLimit: 400 });
  gateway = await startTestGateway({
    plugins: [fixtures],
    enable: ["scripted-channel"],
    config: {
      channels: {
        defaults: { retryFirstMs: 5, reconnectFirstMs: 5 },
        scripted: { url: platform.url, enabled: false },
        rich: { allowFrom: ["ada"], accounts: { home: {}, off: { enabled: false } } },
      },
    },
  });
  client = await gateway.connect();
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await platform.stop();
});

const refused = (code: string) => ({ error: { details: { code } } });
let keys = 0;
const key = () => `key-${keys++}`;
const send = async (params: object) =>
  client.call<{ messageId: string; messageIds: string[]; status: string; detail?: string }>("send", {
    channel: "rich",
    to: "room",
    idempotencyKey: key(),
    ...params,
  });
const act = (action: string, params: object, channel = "rich") =>
  client.call("message.action", { channel, action, params: { to: "room", ...params }, idempotencyKey: key() });
const account = async () => {
  const params = { probe: true, channel: "rich" };
  const { channelAccounts } = await client.call<{ channelAccounts: { rich: Record<string, unknown>[] } }>("channels.status", params);
  return channelAccounts.rich.find(({ accountId }) => accountId === "home");
};

test("an account that connects shows the commands in its menu", async () => {
  await platform.until(() => platform.menu !== undefined);
  expect(platform.menu).toContainEqual({
    name: "model",
    description: expect.any(String),
    argument: { name: "model", description: "A model, or default" },
  } as never);
  expect(platform.menu?.map(({ name }) => name)).toContain("help");
});

test("a message is reacted to, changed and removed", async () => {
  const { messageId } = await send({ message: "frist" });
  expect(await act("react", { messageId, emoji: "🦀" })).toEqual({ ok: true, channel: "rich", action: "react", messageId });
  await act("react", { messageId, emoji: "🦀", remove: true });
  expect(platform.reactions.map(({ emoji }) => emoji)).toEqual(["🦀", ""]);
  await act("edit", { messageId, message: "first" });
  expect(platform.posted.map(({ text }) => text)).toEqual(["first"]);
  await act("delete", { messageId });
  expect(platform.posted).toEqual([]);
});

test("an action that is not there, lacks something, or is not for this channel is refused in words", async () => {
  const { messageId } = await send({ message: "first" });
  await expect(act("dance", { messageId })).rejects.toMatchObject(refused("DELIVERY_ACTION_INVALID"));
  await expect(act("edit", { messageId })).rejects.toThrow('"edit" takes a text as params.message; there came: to, messageId');
  await expect(act("edit", { messageId, message: "x ".repeat(500) })).rejects.toMatchObject(refused("DELIVERY_ACTION_INVALID"));
  await expect(act("delete", { messageId: "m99" })).rejects.toMatchObject(refused("CHANNEL_REJECTED"));
  await expect(act("delete", { messageId }, "scripted")).rejects.toMatchObject(refused("DELIVERY_UNSUPPORTED"));
  await expect(act("react", { messageId }, "nowhere")).rejects.toMatchObject(refused("DELIVERY_CHANNEL_UNKNOWN"));
});

test("a poll is asked once, however often it is asked for", async () => {
  const poll = { channel: "rich", to: "room", question: "Tea?", options: ["yes", "no"], idempotencyKey: "poll" };
  const answer = await client.call("poll", poll);
  expect(answer).toMatchObject({ runId: "poll", messageId: "p1", status: "delivered" });
  expect(await client.call("poll", poll)).toEqual(answer);
  expect(platform.polls).toEqual([{ room: "room", question: "Tea?", options: ["yes", "no"] }]);
  const elsewhere = client.call("poll", { ...poll, channel: "scripted" });
  await expect(elsewhere).rejects.toMatchObject(refused("DELIVERY_UNSUPPORTED"));
});

test("a probe says whether the login holds, and what to do when it does not", async () => {
  expect(await account()).toMatchObject({ probe: { ok: true, self: "scripted-bot" }, lastProbeAt: expect.any(Number) });
  platform.revoke();
  await gateway.logged("channel.disconnected");
  expect(await account()).toMatchObject({
    connected: false,
    linked: false,
    healthState: "login-required",
    lastError: "the platform does not know the bot any more",
    probe: { ok: false, hint: "give the bot a token that the platform knows" },
  });
  const { plugins } = await client.call<{ plugins: { errors: { error: string }[] } }>("health");
  const [trouble] = plugins.errors;
  expect(trouble?.error).toBe("rich/home: the platform does not know the bot any more (pincer channels status says what to do)");
});

const run = async (...args: string[]) => {
  const lines: string[] = [];
  const io = {
    home: gateway.home,
    json: false,
    signal: new AbortController().signal,
    print: (text: string) => void lines.push(...text.split("\n")),
    result: (_value: unknown, text: string) => void lines.push(...text.split("\n")),
    call: (method: string, params: unknown) => client.call<unknown>(method, params),
    on: async () => undefined,
  };
  return { code: await runStatus(args, io), lines };
};
const patch = async (raw: string) => {
  const { hash } = await client.call<{ hash: string }>("config.get", {});
  await client.call("config.patch", { raw, baseHash: hash });
};

test("a channel that no plugin has is told, by the command and by the gateway's health", async () => {
  await platform.until(() => platform.menu !== undefined);
  await expect(run("nowhere")).rejects.toMatchObject({ message: expect.stringMatching(/^no plugin here has the channel "nowhere"/) });
  await patch("{ channels: { rihc: { allowFrom: ['ada'] } } }");
  expect(await run("rihc")).toEqual({
    code: 1,
    lines: [
      '✗ rihc/default  no plugin that is on has this channel; there are: rich, scripted; did you mean "rich"?',
      "                mend: pincer plugins enable channel-rihc, if there is such a plugin; else pincer config set channels.rihc --unset",
    ],
  });
  const { plugins } = await client.call<{ plugins: { errors: { error: string }[] } }>("health", { probe: true });
  expect(plugins.errors[0]?.error).toContain("rihc/default: no plugin that is on has this channel");
});

test("who has no channel yet is told which there are, and what to type", async () => {
  await using fresh = await startTestGateway();
  client = await fresh.connect();
  const { code, lines } = await run();
  expect({ code, lines }).toEqual({ code: 0, lines: expect.arrayContaining([expect.stringContaining("no channel is set up")]) });
  expect(lines.map((line) => line.replace(/ +/g, " "))).toEqual(
    expect.arrayContaining([" irc pincer config set channels.irc.enabled true", " telegram pincer secrets set TELEGRAM_BOT_TOKEN"]),
  );
});

test("pincer channels status says how each account is, and what to do about one that is not well", async () => {
  await platform.until(() => platform.menu !== undefined);
  expect(await run()).toEqual({
    code: 0,
    lines: ["● rich/home         connected as scripted-bot", "○ rich/off          turned off", "○ scripted/default  turned off"],
  });
  platform.revoke();
  await gateway.logged("channel.disconnected");
  expect(await run("rich")).toEqual({
    code: 1,
    lines: [
      "✗ rich/home  the platform does not know the bot any more",
      "             mend: give the bot a token that the platform knows",
      "○ rich/off   turned off",
    ],
  });
});

test("a logout ends the login, and nothing connects again by itself", async () => {
  await platform.until(() => platform.menu !== undefined);
  expect(await client.call("channels.logout", { channel: "rich" })).toEqual({
    channel: "rich",
    accountId: "home",
    cleared: true,
    loggedOut: true,
  });
  expect(platform.logouts).toBe(1);
  expect(await account()).toMatchObject({ running: false, linked: false });
  await expect(client.call("channels.logout", { channel: "scripted" })).rejects.toMatchObject(refused("DELIVERY_UNSUPPORTED"));
});

test("what a channel cannot send is told in the text, with its name", async () => {
  const buffer = Buffer.alloc(2_000).toString("base64");
  await send({ message: "here", buffer, filename: "report.pdf", contentType: "application/pdf" });
  expect(platform.posted[0]).toMatchObject({ text: expect.stringMatching(/^here\n\n.*`report.pdf` \(2 kB\); Rich takes at most 1 kB/) });
  expect(platform.posted[0]!.attachments).toBeUndefined();
  await send({ channel: "scripted", buffer: "aGk=", filename: "note.txt" });
  expect(platform.posted[1]!.text).toMatch(/`note.txt` \(1 kB\); Scripted takes no files/);
  await send({ message: "small", buffer: "aGk=", filename: "note.txt", contentType: "text/plain" });
  expect(platform.posted[2]!.attachments).toEqual([{ kind: "document", mimeType: "text/plain", data: "aGk=", fileName: "note.txt" }]);
});

test("a file that is not what it is said to be does not leave, and whoever sends it is told why", async () => {
  const png = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex").toString("base64");
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  for (const [contentType, buffer, why] of [
    ["image/png", base64("<html><script>alert(1)</script>"), "its content is text/html"],
    ["application/pdf", png, "its content is image/png"],
    ["audio/mpeg", base64("%PDF-1.7"), "its content is application/pdf"],
    ["text/plain", "", "it is empty"],
    ["text/plain", "not base64!", "base64"],
  ] as const) {
    const sent = send({ buffer, filename: "holiday`s.png", contentType });
    await expect(sent).rejects.toMatchObject({ ...refused("DELIVERY_ATTACHMENT"), message: expect.stringContaining(why) });
  }
  expect(platform.posted).toEqual([]);
  await send({ buffer: png, filename: "dot", contentType: "image/gif" });
  await send({ buffer: png, filename: "dot.png" });
  await send({ buffer: base64("a,b"), filename: "list.csv", contentType: "text/csv" });
  const types = platform.posted.flatMap(({ attachments = [] }) => attachments.map(({ kind, mimeType }) => [kind, mimeType]));
  expect(types).toEqual([
    ["image", "image/png"],
    ["image", "image/png"],
    ["document", "text/csv"],
  ]);
});

test("whoever sends a file that the channel cannot send is told, as is the session that it belongs to", async () => {
  const { key: session } = await client.call<{ key: string }>("sessions.create", { key: "agent:main:clerk" });
  for (const sessionKey of [session, "agent:main:gone"]) {
    const { detail } = await send({ channel: "scripted", message: "here", buffer: "aGk=", filename: "note.txt", sessionKey });
    expect(detail).toContain("Scripted takes no files");
  }
  const told = await client.call("chat.history", { sessionKey: session });
  expect(JSON.stringify(told)).toContain("Scripted takes no files");
});

test("what nobody can say was sent is told with its account", async () => {
  platform.fail("lost");
  expect(await send({ message: "maybe" })).toMatchObject({ status: "uncertain" });
  expect(await account()).toMatchObject({ lastUndelivered: { state: "uncertain", conversation: "room", detail: expect.any(String) } });
});
