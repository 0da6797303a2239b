import { expect, test } from "bun:test";
import { type PosingHouse, type Said, startPosing } from "../../tests/support/posing.ts";

const owned = { agents: { owner: ["posing:ada"] } };
const reply = { more: { mentioned: false, replyTo: { messageId: "m", own: true } } };
const silent = { more: { mentioned: false } };

type Case = readonly [what: string, channel: Readonly<Record<string, unknown>>, said: Said, answered: boolean];

const cases: readonly Case[] = [
  ["a stranger, by default", {}, { from: "bob" }, false],
  ["whom allowFrom names", { allowFrom: ["bob"] }, { from: "bob" }, true],
  ["everyone, when allowFrom says so", { allowFrom: ["*"] }, { from: "bob" }, true],
  ["the owner, whom nothing names", {}, { from: "ada" }, true],
  ["the owner, where there is a list", { direct: "allowlist" }, { from: "ada" }, true],
  ["a stranger, where there is a list", { direct: "allowlist" }, { from: "bob" }, false],
  ["whom the list names", { direct: "allowlist", allowFrom: ["bob"] }, { from: "bob" }, true],
  ["nobody directly, where that is denied", { direct: "deny", allowFrom: ["ada"] }, { from: "ada" }, false],
  [
    "an account's own list, in place of its channel's",
    { allowFrom: ["bob"], accounts: { default: { allowFrom: ["eve"] } } },
    { from: "bob" },
    false,
  ],
  [
    "an account's own way, in place of its channel's",
    { direct: "deny", accounts: { default: { direct: "allowlist" } } },
    { from: "ada" },
    true,
  ],
  ["a program that nobody names", { allowFrom: ["*"] }, { more: { sender: { id: "robot", bot: true } } }, false],
  ["a program that is named", { allowFrom: ["robot"] }, { from: "robot", more: { sender: { id: "robot", bot: true } } }, true],
  ["a program that has the owner's id", {}, { more: { sender: { id: "ada", bot: true } } }, false],

  ["a group without a rule: who is on the list, when the bot is named", { allowFrom: ["bob"] }, { from: "bob", group: "g" }, true],
  ["a group without a rule: who is on the list, unasked", { allowFrom: ["bob"] }, { from: "bob", group: "g", ...silent }, false],
  ["a group without a rule: anybody else", { allowFrom: ["bob"] }, { from: "eve", group: "g" }, false],
  ["a group without a rule: the owner", {}, { from: "ada", group: "g" }, true],
  ["a group with a rule: any member, when the bot is named", { groups: { g: {} } }, { from: "bob", group: "g" }, true],
  ["a group with a rule: a reply to the bot", { groups: { g: {} } }, { from: "bob", group: "g", ...reply }, true],
  ["a group with a rule: what is not to the bot", { groups: { g: {} } }, { from: "bob", group: "g", ...silent }, false],
  ["another group than the one with a rule", { groups: { g: {} } }, { from: "bob", group: "h" }, false],
  ["a group that * stands for", { groups: { "*": {} } }, { from: "bob", group: "h" }, true],
  ["its own rule before *", { groups: { "*": {}, h: { policy: "deny" } } }, { from: "bob", group: "h" }, false],
  ["reply: a mention", { groups: { g: { policy: "reply" } } }, { from: "bob", group: "g" }, false],
  ["reply: a reply", { groups: { g: { policy: "reply" } } }, { from: "bob", group: "g", ...reply }, true],
  ["allow: what is not to the bot", { groups: { g: { policy: "allow" } } }, { from: "bob", group: "g", ...silent }, true],
  ["deny: the owner", { groups: { g: { policy: "deny" } } }, { from: "ada", group: "g" }, false],
  ["members: one who is not", { groups: { g: { allowFrom: ["eve"] } } }, { from: "bob", group: "g" }, false],
  ["members: one who is", { groups: { g: { allowFrom: ["eve"] } } }, { from: "eve", group: "g" }, true],
  ["members: the owner", { groups: { g: { allowFrom: ["eve"] } } }, { from: "ada", group: "g" }, true],
  ["allow: a program", { groups: { g: { policy: "allow" } } }, { group: "g", more: { sender: { id: "robot", bot: true } } }, false],
  [
    "allow: a program that the group names",
    { groups: { g: { policy: "allow", allowFrom: ["robot"] } } },
    { group: "g", more: { sender: { id: "robot", bot: true } } },
    true,
  ],
  ["a group called like a property of every object", { groups: {} }, { from: "bob", group: "constructor" }, false],
  ["require-approval, before it is given", { groups: { g: { policy: "require-approval" } } }, { from: "ada", group: "g" }, false],
];

for (const [what, channel, said, answered] of cases)
  test(`${answered ? "answered" : "not answered"}: ${what}`, async () => {
    await using house = await startPosing(channel, owned);
    expect((await house.say(said)).status).toBe(answered ? "accepted" : "refused");
    const where = said.group ?? `dm-${said.from ?? said.more?.sender?.id ?? "ada"}`;
    if (answered) expect((await house.heard(where, 1)).length).toBeGreaterThan(0);
    else expect(await house.sessions()).toEqual([]);
  });

test("a group that needs approval asks the owner once, says nothing itself, and is answered when it is spoken to from then on", async () => {
  await using house = await startPosing({ groups: { "*": { policy: "require-approval" } } }, owned);
  await house.say({ text: "good morning" });
  const before = (await house.heard("dm-ada", 1)).length;
  const first = await house.say({ from: "bob", group: "g", event: "first", more: { group: { id: "g", name: "Garden" } } });
  expect(first.status).toBe("refused");
  await house.say({ from: "bob", group: "g" });
  await house.say({ from: "eve", group: "g", ...silent });
  const asked = (await house.heard("dm-ada", before + 1)).filter((text) => text.includes("wants me to answer there"));
  expect(asked).toHaveLength(1);
  expect(asked[0]).toContain("`Garden`, `g` on posing");
  const [, code = ""] = /code is `(\w+)`/.exec(asked[0]!) ?? [];
  expect(await house.client.call("pairing.list", {})).toMatchObject({ requests: [{ kind: "group", id: "g", expiresAtMs: null }] });
  expect(await house.client.call("channels.pairing.list", {})).toMatchObject({ requests: [] });
  await expect(house.client.call("pairing.approve", { code, owner: true })).rejects.toMatchObject({ code: "PAIRING_NOT_SENDER" });
  await house.say({ text: `/pair approve ${code}` });
  expect(await house.heard("g", 1)).toEqual([expect.stringContaining("answer here")]);
  expect(await house.say({ from: "bob", group: "g", event: "first" })).toMatchObject({ status: "refused" });
  expect(await house.say({ from: "bob", group: "g", ...silent })).toMatchObject({ status: "refused" });
  expect(await house.say({ from: "bob", group: "g" })).toMatchObject({ status: "accepted" });
});

test("whoever puts the bot into any number of groups has the owner asked no more than an hour's worth of times", async () => {
  await using house = await startPosing({ groups: { "*": { policy: "require-approval" } } }, owned);
  await house.say({ text: "good morning" });
  const before = (await house.heard("dm-ada", 1)).length;
  for (let round = 0; round < 2; round++) for (let group = 0; group < 25; group++) await house.say({ from: "mallory", group: `g${group}` });
  expect((await house.client.call<{ requests: unknown[] }>("pairing.list", {})).requests.length).toBeLessThanOrEqual(20);
  const told = await house.client.call<{ text: string }>("posing.sent", {});
  expect(JSON.stringify(told).split("wants me to answer there").length - 1).toBeLessThanOrEqual(10);
  expect((await house.heard("dm-ada", before + 10)).length).toBe(before + 10);
});

test("a group that the owner turned down asks no more", async () => {
  await using house = await startPosing({ groups: { "*": { policy: "require-approval" } } }, owned);
  await house.say({ from: "bob", group: "g" });
  const { requests } = await house.client.call<{ requests: { requestId: string }[] }>("pairing.list", {});
  await house.client.call("pairing.reject", { code: requests[0]!.requestId });
  expect(await house.say({ from: "bob", group: "g" })).toMatchObject({ status: "refused" });
  expect(await house.client.call("pairing.list", {})).toMatchObject({ requests: [] });
  await house.client.call("pairing.revoke", { channel: "posing", accountId: "default", id: "g" });
  await house.say({ from: "bob", group: "g" });
  expect(await house.client.call("pairing.list", {})).toMatchObject({ requests: [{ id: "g" }] });
});

test("a group has its own agent", async () => {
  const agents = { owner: ["posing:ada"], list: [{ id: "main" }, { id: "work" }] };
  await using house = await startPosing({ groups: { g: { agent: "work" }, "*": {} } }, { agents });
  await house.say({ group: "g" });
  await house.say({ group: "h" });
  await Promise.all([house.heard("g", 1), house.heard("h", 1)]);
  expect(await house.sessions()).toEqual(["agent:main:posing:default:h", "agent:work:posing:default:g"]);
});

test("a change of the rules holds for the next message", async () => {
  await using house: PosingHouse = await startPosing({ direct: "allowlist" }, owned);
  expect(await house.say({ from: "bob" })).toMatchObject({ status: "refused" });
  const { hash } = await house.client.call<{ hash: string }>("config.get", {});
  await house.client.call("config.patch", { raw: JSON.stringify({ channels: { posing: { allowFrom: ["bob"] } } }), baseHash: hash });
  expect(await house.say({ from: "bob" })).toMatchObject({ status: "accepted" });
});
