/** What people write, and what of it reaches the assistant. */
import { expect, test } from "bun:test";
import { forbidden } from "../../tests/channels/fakes/matrix/refusal.ts";
import { BOT, startFakeMatrix } from "../../tests/channels/fakes/matrix/server.ts";
import { ada, club, direct, startHouse } from "../../tests/channels/matrix-house.ts";

test("what was written before the account was connected is no question, and what is written then is", async () => {
  await using matrix = startFakeMatrix();
  matrix.room(direct, ada);
  matrix.say(ada, direct, "years ago");
  await using house = await startHouse({ matrix });
  matrix.say(ada, direct, "now");
  expect(await house.heard(0)).toContain("now");
  await matrix.message(0);
  expect(house.kit.model.models).toHaveLength(1);
});

test("in a group it is spoken to by a mention, by a link or by its name, which are not part of what is said", async () => {
  await using house = await startHouse();
  const { matrix } = house;
  const spoken = [
    { body: "Pincer: with a mention", "m.mentions": { user_ids: [BOT.user] } },
    {
      body: "Pincer: with a link",
      format: "org.matrix.custom.html",
      formatted_body: `<a href="https://matrix.to/#/${encodeURIComponent(BOT.user)}">Pincer</a>: with a <strong>link</strong>`,
    },
    { body: "pincer, by name" },
  ];
  matrix.say(ada, club, "to nobody");
  matrix.write(ada, club, { msgtype: "m.text", body: "Pincer is named, and not meant", "m.mentions": {} });
  for (const [index, content] of spoken.entries()) {
    matrix.write(ada, club, { msgtype: "m.text", ...content });
    await matrix.message(index);
  }
  expect(house.kit.model.models).toHaveLength(3);
  const heard = await Promise.all([0, 1, 2].map((call) => house.heard(call)));
  expect(heard.map((text) => /(with a mention|with a \*\*link\*\*|by name)\s*(?:\n|<|$)/.exec(text)?.[1])).toEqual([
    "with a mention",
    "with a **link**",
    "by name",
  ]);
});

test("a reply shows what it answers, and one to the bot's own is spoken to it", async () => {
  await using house = await startHouse();
  const { matrix } = house;
  const question = matrix.say("@grace:hs.test", club, "Tea or coffee?");
  matrix.write(ada, club, {
    msgtype: "m.text",
    body: "> <@grace:hs.test> Tea or coffee?\n\nwhat do you say?",
    format: "org.matrix.custom.html",
    formatted_body: "<mx-reply><blockquote>Tea or coffee?</blockquote></mx-reply>what do you say?",
    "m.mentions": { user_ids: [BOT.user] },
    "m.relates_to": { "m.in_reply_to": { event_id: question } },
  });
  const answer = await matrix.message(0);
  const heard = await house.heard(0);
  expect(heard.split("Tea or coffee?")).toHaveLength(2);
  expect(heard).toContain("what do you say?");
  matrix.write(ada, club, { msgtype: "m.text", body: "and why?", "m.relates_to": { "m.in_reply_to": { event_id: answer.event_id } } });
  await matrix.message(1);
});

test("changes, reactions, notices of other bots, and what nobody can read, are not answered", async () => {
  await using house = await startHouse();
  const { matrix } = house;
  const id = matrix.say(ada, direct, "one");
  await matrix.message(0);
  matrix.write(ada, direct, {
    msgtype: "m.text",
    body: "* two",
    "m.new_content": { msgtype: "m.text", body: "two" },
    "m.relates_to": { rel_type: "m.replace", event_id: id },
  });
  matrix.write(ada, direct, { "m.relates_to": { rel_type: "m.annotation", event_id: id, key: "👍" } }, { type: "m.reaction" });
  matrix.write("@grace:hs.test", club, { msgtype: "m.notice", body: "beep", "m.mentions": { user_ids: [BOT.user] } });
  matrix.write(ada, direct, { msgtype: "m.text", body: { not: "a text" } });
  matrix.write(ada, direct, { msgtype: 7 });
  matrix.say(ada, direct, "three");
  await matrix.message(1);
  expect(house.kit.model.models).toHaveLength(2);
  expect(await house.heard(1)).toContain("three");
});

test("more than a sync tells is asked for, in order, and answered once", async () => {
  await using matrix = startFakeMatrix();
  matrix.room(direct, ada);
  const config = { direct: "allowlist" };
  const first = await startHouse({ matrix, config });
  matrix.say(ada, direct, "before");
  await matrix.message(0);
  const { home } = first.kit;
  await first.kit.stop();
  for (let index = 0; index < 130; index++) matrix.say("@grace:hs.test", direct, `nobody asked ${index}`);
  const oldest = matrix.say(ada, direct, "the first that was missed");
  for (let index = 0; index < 130; index++) matrix.say("@grace:hs.test", direct, `nobody asked ${index}`);
  await using second = await startHouse({ matrix, home, config, isEarly: true });
  expect(await second.heard(0)).toContain("the first that was missed");
  expect((await matrix.message(1)).content["m.relates_to"]).toEqual({ "m.in_reply_to": { event_id: oldest } });
  await first[Symbol.asyncDispose]();
});

test("an invitation of somebody who may write is followed, and what was said with it is answered", async () => {
  await using house = await startHouse();
  const { matrix } = house;
  matrix.invite("!new:hs.test", ada, { isDirect: true });
  matrix.say(ada, "!new:hs.test", "are you there?");
  const answer = await matrix.message(0);
  expect(answer.room_id).toBe("!new:hs.test");
  expect(await house.heard(0)).toContain("are you there?");
});

test("an invitation of a stranger waits, and is followed once the owner lets them in", async () => {
  await using house = await startHouse({ config: { groups: {}, pollSeconds: 1 } });
  const { matrix, kit } = house;
  matrix.invite("!stranger:hs.test", "@mallory:hs.test", { isDirect: true });
  const requests = async () => (await kit.call<{ requests: { requestId: string; id: string }[] }>("pairing.list", {})).requests;
  let waiting = await requests();
  while (waiting.length === 0) waiting = await requests();
  expect(waiting).toMatchObject([{ id: "@mallory:hs.test" }]);
  const joins = () => matrix.calls.filter(({ route }) => route.endsWith("/join")).length;
  expect(joins()).toBe(0);
  await kit.call("pairing.approve", { code: waiting[0]!.requestId });
  await matrix.until(() => joins() === 1);
  matrix.say("@mallory:hs.test", "!stranger:hs.test", "thank you");
  await matrix.until(() => matrix.sent.some(({ room_id, content }) => room_id === "!stranger:hs.test" && content["body"] === "fine"));
});

test("a room that the account was put out of keeps nothing else from being answered", async () => {
  await using house = await startHouse();
  const { matrix } = house;
  matrix.refuse("GET /v3/rooms/:id/state", forbidden());
  matrix.say(ada, club, "Pincer: from a room that is closed");
  await house.kit.logged("matrix.event-unreadable");
  matrix.say(ada, direct, "still there?");
  const answer = await matrix.message(0);
  expect(answer.room_id).toBe(direct);
});

test("what was read is shown as read, and what a stranger wrote is not", async () => {
  await using house = await startHouse({ config: { direct: "allowlist" } });
  const { matrix } = house;
  matrix.say("@mallory:hs.test", direct, "let me in");
  const id = matrix.say(ada, direct, "hello");
  await matrix.message(0);
  expect(matrix.receipts).toEqual([{ room: direct, user: BOT.user, event: id, thread: "main" }]);
});

test("a file of a stranger's is not fetched, one that is too large is named, and one from elsewhere is not asked for", async () => {
  await using house = await startHouse({ config: { direct: "allowlist", mediaBytes: 10 } });
  const { matrix } = house;
  const file = (from: string, url: string, size?: number) =>
    matrix.write(from, direct, { msgtype: "m.file", body: "list.txt", url, info: { mimetype: "text/plain", ...(size && { size }) } });
  const small = matrix.file(new TextEncoder().encode("milk"), "text/plain");
  const large = matrix.file(new TextEncoder().encode("x".repeat(100)), "text/plain");
  file("@mallory:hs.test", small);
  file(ada, small);
  expect(await house.heard(0)).toContain("milk");
  await matrix.message(0);
  file(ada, large);
  expect(await house.heard(1)).toMatch(/list\.txt.*larger than/);
  await matrix.message(1);
  file(ada, "https://example.org/list.txt");
  expect(await house.heard(2)).toContain("its address is none of Matrix");
  expect(matrix.calls.filter(({ route }) => route.includes("download"))).toHaveLength(2);
});
