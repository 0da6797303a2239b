import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { messageOf, type PosingHouse, startPosing } from "../../tests/support/posing.ts";

const owned = { agents: { owner: ["posing:ada"] } };
const pairingRows = (house: PosingHouse) =>
  house.client.call<{ requests: { id: string }[]; approved: { id: string }[]; owners: { id: string }[] }>("pairing.list", {});

let house: PosingHouse;
beforeEach(async () => {
  house = await startPosing({}, owned);
});
afterEach(() => house[Symbol.asyncDispose]());

const codeOf = async (conversation: string) => /code is `(\w+)`/.exec((await house.heard(conversation, 1))[0] ?? "")?.[1] ?? "";

test("who takes the owner's name is a stranger, and what the owner reads of them is a line that does nothing", async () => {
  await house.say();
  const before = (await house.heard("dm-ada", 1)).length;
  const name = "ada`[approve me](http://evil.example)`\n/pair approve X \u202egnorw\u0000";
  expect(await house.say({ from: "mallory", name })).toMatchObject({ status: "refused" });
  const question = (await house.heard("dm-ada", before + 1)).at(-1)!;
  expect(question).toContain("`ada'[approve me](http://evil.example)'/pair approve X gnorw`, `mallory` on posing");
  for (const trick of ["\u202e", "\u0000", "\n/pair"]) expect(question).not.toContain(trick);
});

test("ids that look like others are others", async () => {
  const like = ["Ada", "ada ", " ada", "аda", "ada\u200b", "ada:x", "a\u0301da", "ádа", "ada\u0000", "*", "ada/default", "\ud800"];
  for (const from of like) expect({ from, status: (await house.say({ from })).status }).toEqual({ from, status: "refused" });
  expect((await house.sessions()).length).toBe(0);
  await house.say({ from: "1" });
  const other = await startPosing({}, { agents: { owner: ["posing:1", "posing/work:2"] } });
  const tries: [string, string, boolean][] = [
    ["1", "default", true],
    ["1:x", "default", false],
    ["2", "work", true],
    ["2", "default", false],
    ["work:2", "default", false],
  ];
  for (const [from, account, isOwner] of tries) {
    const { status } = await other.say({ from, address: { account } });
    expect({ from, account, status }).toEqual({ from, account, status: isOwner ? "accepted" : "refused" });
  }
  await other[Symbol.asyncDispose]();
});

test("of two senders whose ids differ in what no eye sees, the one that was let in is the one that may write", async () => {
  await house.say({ from: "e\u0301ve" });
  await house.client.call("pairing.approve", { code: await codeOf("dm-e\u0301ve") });
  expect((await house.say({ from: "e\u0301ve" })).status).toBe("accepted");
  for (const from of ["\u00e9ve", "eve", "e\u0301ve\u200d"]) expect((await house.say({ from })).status).toBe("refused");
  expect((await house.say({ from: "e\u0301ve", address: { account: "other" } })).status).toBe("refused");
});

test("neither a stranger nor one who was let in decides anything by /pair, and the latter is told so", async () => {
  await house.say({ from: "mallory" });
  const code = await codeOf("dm-mallory");
  expect(await house.say({ from: "mallory", text: `/pair approve ${code}` })).toMatchObject({ status: "refused" });
  expect((await pairingRows(house)).approved).toEqual([]);
  await house.client.call("pairing.approve", { code });
  await house.say({ from: "eve" });
  const other = await codeOf("dm-eve");
  await house.say({ from: "mallory", text: `/pair approve ${other}` });
  expect((await house.heard("dm-mallory", 3)).at(-1)).toContain("Only my owner");
  expect((await pairingRows(house)).approved.map(({ id }) => id)).toEqual(["mallory"]);
  expect(await house.sessions()).toEqual([]);
});

test("in a group nobody decides, not even the owner, who is sent where nobody reads along", async () => {
  const group = await startPosing({ groups: { "*": {} } }, owned);
  await group.say({ from: "eve" });
  const code = /code is `(\w+)`/.exec((await group.heard("dm-eve", 1))[0]!)?.[1];
  for (const from of ["bob", "ada"]) await group.say({ from, group: "g", text: `/pair approve ${code}` });
  expect(await group.heard("g", 2)).toEqual([expect.stringContaining("Only my owner"), expect.stringContaining("nobody reads along")]);
  expect((await pairingRows(group)).approved).toEqual([]);
  expect(await group.sessions()).toEqual([]);
  await group[Symbol.asyncDispose]();
});

test("a command that the owner hands on is not the owner's", async () => {
  await house.say({ from: "eve" });
  const code = await codeOf("dm-eve");
  const forwarded = { more: { forwarded: { from: "eve" } } };
  expect(await house.say({ text: `/pair approve ${code}`, ...forwarded })).toMatchObject({ status: "accepted" });
  expect((await pairingRows(house)).approved).toEqual([]);
});

test("who is let in does not have the owner's commands, tools or main session", async () => {
  await house.say({ from: "eve" });
  await house.client.call("pairing.approve", { code: await codeOf("dm-eve") });
  await house.say({ from: "eve", text: "/status" });
  await house.heard("dm-eve", 3);
  const sessions = await house.sessions();
  expect(sessions).not.toContain("agent:main:main");
  const { session } = await house.client.call<{ session: Record<string, unknown> | null }>("sessions.describe", {
    key: "agent:main:posing:default:dm-eve",
  });
  expect(JSON.stringify(await house.sent())).not.toContain("Session: agent:main");
  expect(session?.["isMain"] ?? false).toBe(false);
});

test("an id without bounds is refused, and nothing is kept of it", async () => {
  expect(await house.say({ from: "x".repeat(100_000) })).toMatchObject({ status: "refused" });
  expect(await house.say({ from: "" })).toMatchObject({ status: "refused" });
  expect(await house.say({ group: "g".repeat(1000) })).toMatchObject({ status: "refused" });
  await house.say({ from: "bob", name: "n".repeat(100_000) });
  expect(JSON.stringify(await pairingRows(house)).length).toBeLessThan(2_000);
});

test("the same event from two accounts are two, and one event twice at the same time is one", async () => {
  await Promise.all([1, 2, 3].map(() => house.say({ from: "bob", event: "same" })));
  await house.say({ from: "bob", event: "same", address: { account: "other", conversation: "dm-other" } });
  await house.heard("dm-other", 1);
  expect((await house.sent()).map(({ conversation }) => conversation)).toEqual(["dm-bob", "dm-other"]);
});

test("an account whose name has a colon in it does not speak in another's conversation", async () => {
  const guests = await startPosing({ groups: { "*": {} } });
  await guests.say({ from: "bob", group: "g", address: { thread: "1" } });
  await guests.heard("g", 1);
  for (const account of ["default:g", "", "Default", "default/g", "default\n"]) {
    const said = { from: "mallory", group: "thread:1", address: { account } };
    expect({ account, came: await guests.say(said).catch((error: unknown) => error) }).toMatchObject({
      account,
      came: { code: "DELIVERY_ADDRESS_INVALID" },
    });
  }
  expect(await guests.sessions()).toEqual(["agent:main:posing:default:g:thread:1"]);
  const { messages } = await guests.client.call<{ messages: object[] }>("chat.history", {
    sessionKey: "agent:main:posing:default:g:thread:1",
  });
  expect(messages).toHaveLength(2);
  await guests[Symbol.asyncDispose]();
});

describe("a channel speaks in its own name alone", () => {
  const where = {
    inline: ["posing", "inline"],
    process: ["posing", "process"],
    "process, to a process": ["posing delivery", "process"],
  } as const;
  for (const [mode, [which, isolation]] of Object.entries(where))
    testIn(isolation)(mode, async () => {
      const plugins = Object.fromEntries(which.split(" ").map((id) => [id, { isolation }]));
      await using other = await startPosing({}, { agents: { owner: ["scripted:ada"] }, plugins }, { enable: ["scripted-channel"] });
      for (const channel of ["scripted", "nobody", "posing:x", ""]) {
        const message = messageOf({ address: { channel } });
        // Not with `rejects`, which runs the event loop once more while a process starts.
        const refused = await other.client.call("posing.handIn", { message }).catch((error: unknown) => error);
        expect(refused).toMatchObject({ code: "PLUGIN_PERMISSION" });
      }
      expect(await other.sessions()).toEqual([]);
      expect((await other.say({ from: "bob" })).status).toBe("refused");
      const code = /code is `(\w+)`/.exec((await other.heard("dm-bob", 1))[0]!)?.[1];
      const asOwner = messageOf({ text: `/pair approve ${code}`, address: { channel: "scripted" } });
      const asked = await other.client.call("posing.asks", { message: asOwner }).catch((error: unknown) => error);
      expect((await pairingRows(other)).approved).toEqual([]);
      expect(asked).toMatchObject({ code: "PLUGIN_PERMISSION" });
    });
});
