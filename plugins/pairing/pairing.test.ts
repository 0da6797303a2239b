import { afterEach, beforeEach, expect, test } from "bun:test";
import { dirname, join } from "node:path";
import type { WireClient } from "@pincer/plugin-sdk/testing/client";
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startTestGateway, type TestGateway } from "@pincer/plugin-sdk/testing/gateway";
import { type Platform, startPlatform } from "../../tests/fixtures/platform/platform.ts";

const fixtures = join(dirname(dirname(import.meta.dir)), "tests", "fixtures", "plugins");
const hour = 3_600_000;

let platform: Platform;
let gateway: TestGateway;
let client: WireClient;
let clock: ManualClock;

const start = async (over: Record<string, unknown> = {}, home?: string) => {
  gateway = await startTestGateway({
    plugins: [fixtures],
    enable: ["scripted-channel"],
    clock,
    ...(home === undefined ? {} : { home }),
    config: [
      {
        plugins: { "provider-demo": { config: { deltaMs: 0 } } },
        channels: { defaults: { retryFirstMs: 5, reconnectFirstMs: 5 }, scripted: { url: platform.url } },
      },
      over,
    ],
  });
  client = await gateway.connect();
};
const restart = async (over: Record<string, unknown> = {}) => {
  const { home } = gateway;
  await gateway.stop();
  await start(over, home);
};

beforeEach(async () => {
  platform = startPlatform();
  clock = createManualClock(Date.UTC(2026, 10, 30));
});
afterEach(async () => {
  await gateway[Symbol.asyncDispose]();
  await platform.stop();
});

/** With ada as the owner, who has said something. */
const ownedByAda = { agents: { owner: ["scripted:ada"] } };

const codeIn = (text: string): string => /code is `([A-Z0-9]{8})`/.exec(text)?.[1] ?? "";
const sessionKeys = async () => (await client.call<{ sessions: { key: string }[] }>("sessions.list", {})).sessions.map(({ key }) => key);
const asks = async () => (await client.call<{ requests: { requestId: string; senderId: string }[] }>("channels.pairing.list", {})).requests;
let marks = 0;
/** Resolves once what was said before is handed in. */
const handedIn = async () => {
  const mark = `mark-${++marks}`;
  platform.say("room-end", mark, "", { bot: true });
  for (let from = 0, sender: unknown; sender !== mark; ) {
    const line = await gateway.logged("inbound.refused", from);
    sender = line["sender"];
    from = gateway.lines.indexOf(line) + 1;
  }
};
/** The first message to that room which says so. */
const told = async (room: string, what: RegExp) => {
  for (let index = 0; ; index++) {
    const message = await platform.message(index);
    if (message.room === room && what.test(message.text)) return message;
  }
};

test("a new user's bot gives a code to whoever writes first, and pairing approve with owner makes it theirs, with no setting touched by hand", async () => {
  await start();
  platform.say("room-1", "ada", "hello, is this mine?");
  const said = await platform.message(0);
  expect(said.room).toBe("room-1");
  expect(said.text).toContain("--owner");
  expect(await sessionKeys()).toEqual([]);
  const code = codeIn(said.text);
  const typed = `${code.slice(0, 4)}-${code.slice(4)}`.toLowerCase();
  expect(await client.call("pairing.approve", { code: typed, owner: true })).toMatchObject({
    kind: "sender",
    channel: "scripted",
    id: "ada",
  });
  expect((await platform.message(1)).text).toContain("owner");
  platform.say("room-1", "ada", "hello again");
  expect((await platform.message(2)).room).toBe("room-1");
  expect(await sessionKeys()).toEqual(["agent:main:main"]);
  expect(await client.call("pairing.list", {})).toMatchObject({
    requests: [],
    approved: [{ channel: "scripted", accountId: "default", id: "ada" }],
    owners: [{ channel: "scripted", accountId: "default", id: "ada" }],
  });
});

test("of what a stranger writes nothing is kept, they are told once, and who approves them is asked where the owner wrote last", async () => {
  await start(ownedByAda);
  platform.say("room-1", "ada", "good morning");
  await told("room-1", /./);
  platform.say("room-9", "bob", "SECRET-TEXT-OF-BOB");
  const code = codeIn((await told("room-9", /code is/)).text);
  const question = await told("room-1", /wants to write to me/);
  expect(question.text).toContain(code);
  expect(question.text).toContain("`bob`");
  platform.say("room-9", "bob", "well?");
  platform.say("room-9", "bob", "hello??");
  platform.say("room-1", "ada", `/pair approve ${code}`);
  await told("room-1", /is let in/);
  await told("room-9", /may write to me now/);
  expect(platform.posted.filter(({ room }) => room === "room-9")).toHaveLength(2);
  platform.say("room-9", "bob", "thanks");
  await told("room-9", /^(?!.*(code is|may write))/s);
  expect((await sessionKeys()).sort()).toEqual(["agent:main:main", "agent:main:scripted:default:room-9"]);
  const { messages } = await client.call<{ messages: { role: string }[] }>("chat.history", {
    sessionKey: "agent:main:scripted:default:room-9",
  });
  expect(messages.filter(({ role }) => role === "user")).toHaveLength(1);
  await gateway.stop();
  const found = (text: string) => Bun.spawnSync(["grep", "-rlE", text, gateway.home]).stdout.toString();
  expect(found("good morning")).not.toBe("");
  expect(found("SECRET-TEXT-OF-BOB")).toBe("");
});

test("an approval outlives a restart, and what was refused before it is not answered when the platform gives it out again", async () => {
  await start(ownedByAda);
  const first = platform.say("room-9", "bob", "first");
  const code = codeIn((await platform.message(0)).text);
  const second = platform.say("room-9", "bob", "second");
  await handedIn();
  await client.call("pairing.approve", { code });
  await platform.message(1);
  await restart(ownedByAda);
  platform.repeat(first);
  platform.repeat(second);
  // Answered in one message.
  platform.say("room-9", "bob", "what time is it");
  await platform.message(2);
  await handedIn();
  expect(platform.posted).toHaveLength(3);
  const { messages } = await client.call<{ messages: { role: string; content: unknown }[] }>("chat.history", {
    sessionKey: "agent:main:scripted:default:room-9",
  });
  expect(messages.filter(({ role }) => role === "user")).toHaveLength(1);
});

test("the same message asked about twice gets the same answer, also when the gateway started again in between: one code, one request", async () => {
  await start();
  const first = platform.say("room-9", "bob", "first");
  await platform.message(0);
  const [before] = await asks();
  await restart();
  platform.repeat(first);
  await handedIn();
  expect(platform.posted).toHaveLength(1);
  expect(await asks()).toEqual([before!]);
});

test("a decision that the platform gives out again decides nothing anew, and is answered once", async () => {
  await start(ownedByAda);
  platform.say("room-9", "bob", "let me in");
  const code = codeIn((await platform.message(0)).text);
  const approval = platform.say("room-1", "ada", `/pair approve ${code}`);
  await platform.message(2);
  await client.call("pairing.revoke", { channel: "scripted", accountId: "default", id: "bob" });
  platform.repeat(approval);
  platform.say("room-1", "ada", "/pair list");
  expect((await platform.message(3)).text).toContain("Nobody asks");
  expect(await client.call("pairing.list", {})).toMatchObject({ approved: [] });
});

test("at most three wait at once; the fourth is told nothing, and may ask when the hour is over", async () => {
  await start();
  for (const name of ["s1", "s2", "s3", "s4"]) platform.say(`room-${name}`, name, "hello");
  await platform.message(2);
  await handedIn();
  expect(platform.posted.map(({ room }) => room).toSorted()).toEqual(["room-s1", "room-s2", "room-s3"]);
  clock.jump(hour + 1);
  expect(await asks()).toEqual([]);
  platform.say("room-s4", "s4", "hello?");
  expect((await platform.message(3)).room).toBe("room-s4");
  const { code } = { code: codeIn(platform.posted[0]!.text) };
  await expect(client.call("pairing.approve", { code })).rejects.toMatchObject({ code: "PAIRING_CODE_UNKNOWN" });
});

test("a stranger who floods is answered once, and leaves one row, whatever they write", async () => {
  await start();
  for (let n = 0; n < 150; n++) platform.say("room-9", "bob", `message ${n}`);
  await platform.message(0);
  await handedIn();
  expect(platform.posted).toHaveLength(1);
  expect(await asks()).toHaveLength(1);
  expect(await sessionKeys()).toEqual([]);
});

test("strangers without end leave no more rows than an hour has codes", async () => {
  await start({ pairing: { openPerAccount: 100, codesPerHour: 5 } });
  for (let n = 0; n < 60; n++) platform.say(`room-${n}`, `stranger-${n}`, "hello");
  await platform.message(4);
  await handedIn();
  expect(platform.posted).toHaveLength(5);
  clock.jump(3 * hour);
  platform.say("room-new", "somebody", "hello");
  await platform.message(5);
  await gateway.stop();
  const { Database } = await import("bun:sqlite");
  const file = [...new Bun.Glob("**/*.{db,sqlite}").scanSync(gateway.home)][0]!;
  using db = new Database(join(gateway.home, file), { readonly: true });
  const rows = db.query("select count(*) as n from plugin_value where plugin = 'pairing' and key like 'sender/%'").get() as { n: number };
  expect(rows.n).toBe(1);
});

test("who is turned down is told nothing, and may ask again when the code would have run out", async () => {
  await start(ownedByAda);
  platform.say("room-9", "bob", "hello");
  const code = codeIn((await platform.message(0)).text);
  expect(await client.call("pairing.reject", { code })).toMatchObject({ id: "bob" });
  platform.say("room-9", "bob", "hello?");
  await handedIn();
  expect(platform.posted).toHaveLength(1);
  clock.jump(hour + 1);
  platform.say("room-9", "bob", "hello??");
  expect(codeIn((await platform.message(1)).text)).not.toBe(code);
});

test("who was let in may no longer write once it is taken back, and the owner only when that is said in so many words", async () => {
  await start(ownedByAda);
  platform.say("room-9", "bob", "hello");
  await client.call("pairing.approve", { code: codeIn((await platform.message(0)).text), owner: true });
  await platform.message(1);
  const bob = { channel: "scripted", accountId: "default", id: "bob" };
  await expect(client.call("pairing.revoke", bob)).rejects.toMatchObject({ code: "PAIRING_OWNERS" });
  expect(await client.call("pairing.revoke", { ...bob, owner: true })).toEqual({ revoked: ["sender"], unlinked: true });
  await expect(client.call("pairing.revoke", bob)).rejects.toMatchObject({ code: "PAIRING_NOBODY" });
  platform.say("room-9", "bob", "and now?");
  expect(codeIn((await platform.message(2)).text)).toHaveLength(8);
});

test("clients that may pair hear of requests and answers, answer them, and cannot say who the owner is", async () => {
  await start();
  const pairer = await gateway.connect({ scopes: ["operator.pairing"] });
  const reader = await gateway.connect({ scopes: ["operator.read", "operator.write"] });
  platform.say("room-9", "bob", "hello");
  const asked = await pairer.event("channels.pairing.requested");
  expect(asked).toMatchObject({ kind: "sender", channel: "scripted", accountId: "default", id: "bob" });
  const { requestId } = asked as { requestId: string };
  const one = { channel: "scripted", accountId: "default", requestId };
  await expect(reader.call("channels.pairing.list", {})).rejects.toMatchObject({ error: { code: "FORBIDDEN" } });
  await expect(pairer.call("channels.pairing.approve", { ...one, bootstrapCommandOwner: true })).rejects.toMatchObject({
    error: { code: "FORBIDDEN" },
  });
  await expect(pairer.call("channels.pairing.approve", { ...one, accountId: "other" })).rejects.toMatchObject({
    code: "PAIRING_CODE_UNKNOWN",
  });
  expect(await client.call("channels.pairing.approve", { ...one, bootstrapCommandOwner: true })).toEqual({
    ...{ requestId, senderId: "bob", notification: "sent", commandOwnerBootstrap: "configured" },
  });
  expect(await pairer.event("channels.pairing.resolved")).toMatchObject({ requestId, decision: "approved" });
  expect(reader.frames.filter((frame) => frame.type === "event" && String(frame.event).startsWith("channels.pairing"))).toEqual([]);
});

test("wrong codes run out: then not even a right one is looked at, until ten minutes are over", async () => {
  await start();
  platform.say("room-9", "bob", "hello");
  const code = codeIn((await platform.message(0)).text);
  for (let n = 0; n < 10; n++)
    await expect(client.call("pairing.approve", { code: `WRONG${n}` })).rejects.toMatchObject({ code: "PAIRING_CODE_UNKNOWN" });
  await expect(client.call("pairing.approve", { code })).rejects.toMatchObject({ code: "PAIRING_LOCKED" });
  clock.jump(600_000);
  expect(await client.call("pairing.approve", { code })).toMatchObject({ id: "bob" });
});
