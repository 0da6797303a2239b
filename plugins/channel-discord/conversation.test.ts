/** What people write, in the places where Discord lets them. */
import { expect, test } from "bun:test";
import { ada, direct, general, guild, startHouse } from "../../tests/channels/discord-house.ts";
import { unknownWebhook } from "../../tests/channels/fakes/discord/refusal.ts";
import { TOKEN } from "../../tests/channels/fakes/discord/server.ts";

const me = Buffer.from(TOKEN.split(".")[0]!, "base64").toString();
const mention = (text: string) => ({ content: text.replace("@bot", `<@${me}>`) });
const grace = { id: "100000000000000043", username: "grace", nick: "Rear Admiral" };

test("a message in private is answered there, as a reply, and stands under its writer's name", async () => {
  await using house = await startHouse();
  const id = house.discord.write(ada, direct, { content: "hello" });
  expect(await house.heard(0)).toContain("Ada Lovelace on discord");
  expect(await house.heard(0)).toContain("hello");
  const { message } = await house.discord.message(0);
  expect(message).toMatchObject({ channel_id: direct, content: "fine", message_reference: { message_id: id } });
  expect(house.discord.world.typing).toContain(direct);
});

test("in a server it answers who mentions it, without the mention in the text, and nobody else", async () => {
  await using house = await startHouse();
  house.discord.write(ada, general.id, { content: "not for you" });
  house.discord.write(ada, general.id, mention("@bot, what is up?"));
  expect(await house.heard(0)).toContain(">\nwhat is up?\n</");
  expect((await house.discord.message(0)).message.channel_id).toBe(general.id);
  house.discord.write(ada, general.id, { content: `and you <@!${me}> say?` });
  expect(await house.heard(1)).toContain(">\nand you say?\n</");
  await house.discord.message(1);
  house.discord.write(ada, general.id, { content: `\`<@${me}>\` is how it is written` });
  house.discord.write(ada, direct, { content: "last" });
  expect(await house.heard(2)).toContain("last");
});

test("the bot's own role mentions it too; other names are read as people see them", async () => {
  const roles = [
    { id: "500000000000000001", name: "Pincer", tags: { bot_id: me } },
    { id: "500000000000000002", name: "admins" },
  ];
  await using house = await startHouse();
  house.discord.guild({ ...guild, roles });
  for (const role of roles) house.discord.gateway.tell("GUILD_ROLE_CREATE", () => ({ guild_id: guild.id, role }));
  house.discord.write(ada, general.id, { content: `<@&${roles[1]!.id}> hm` });
  const content = `<@&${roles[0]!.id}> ask <@${grace.id}> or <@&${roles[1]!.id}> in <#${general.id}>`;
  house.discord.write(ada, general.id, { content, mentions: [{ ...grace, global_name: "Grace", member: { nick: grace.nick } }] });
  expect(await house.heard(0)).toContain(">\nask @Rear Admiral or @admins in #general\n</");
});

test("what nobody sees of a text or a name does not reach the model", async () => {
  await using house = await startHouse();
  const hidden = String.fromCodePoint(...[..."obey"].map((char) => 0xe0000 + char.charCodeAt(0)));
  house.discord.write({ ...ada, global_name: `Ada${hidden}` }, direct, { content: `hello${hidden} \u202ethere` });
  const heard = await house.heard(0);
  expect(heard).toContain("hello there");
  expect(heard).not.toContain(hidden);
});

test("a reply to its own message is meant for it, a reply to somebody else's is not", async () => {
  await using house = await startHouse();
  house.discord.write(ada, general.id, mention("@bot hi"));
  const own = await house.discord.message(0);
  const theirs = house.discord.write(grace, general.id, { content: "hm" });
  const replyTo = (id: string) => ({ message_reference: { message_id: id, type: 0 } });
  house.discord.write(ada, general.id, { content: "to Grace", ...replyTo(theirs) });
  house.discord.write(ada, general.id, { content: "to the bot", ...replyTo(own.message.id) });
  expect(await house.heard(1)).toContain("to the bot");
  await house.discord.message(1);
  expect(house.kit.model.models).toHaveLength(2);
});

test("each thread and each post of a forum is a conversation of its own, and is answered in its place", async () => {
  await using house = await startHouse();
  const forum = { id: "400000000000000009", type: 15, guild_id: guild.id, name: "questions" };
  const threads = [
    { id: "600000000000000001", type: 11, guild_id: guild.id, parent_id: general.id, name: "side" },
    { id: "600000000000000002", type: 11, guild_id: guild.id, parent_id: forum.id, name: "how?" },
  ];
  for (const channel of [forum, ...threads]) house.discord.channel(channel);
  for (const [index, { id }] of threads.entries()) {
    house.discord.write(ada, id, mention("@bot hi"));
    expect((await house.discord.message(index)).message.channel_id).toBe(id);
  }
  const { sessions } = await house.kit.call<{ sessions: { key: string }[] }>("sessions.list", {});
  const keys = sessions.map(({ key }) => key).filter((key) => key.includes(":thread:"));
  expect(keys.toSorted()).toEqual([
    expect.stringContaining(`${general.id}:thread:${threads[0]!.id}`),
    expect.stringContaining(`${forum.id}:thread:${threads[1]!.id}`),
  ]);
});

test("the rules of a channel hold in its threads", async () => {
  const thread = { id: "600000000000000001", type: 11, guild_id: guild.id, parent_id: general.id, name: "side" };
  await using house = await startHouse({ config: { groups: { "*": { policy: "deny" }, [general.id]: { policy: "allow" } } } });
  const other = { ...general, id: "400000000000000002", name: "other" };
  for (const channel of [thread, other]) house.discord.channel(channel);
  house.discord.write(ada, other.id, mention("@bot not here"));
  house.discord.write(ada, thread.id, { content: "here" });
  expect(await house.heard(0)).toContain("here");
  expect((await house.discord.message(0)).message.channel_id).toBe(thread.id);
});

test("what is forwarded is marked; stickers and polls are told in words", async () => {
  await using house = await startHouse();
  const snapshot = { message: { content: "the secret plan", attachments: [], embeds: [], type: 0 } };
  house.discord.write(ada, direct, { message_reference: { type: 1, message_id: "700000000000000001" }, message_snapshots: [snapshot] });
  expect(await house.heard(0)).toMatch(/forwarded[\s\S]*the secret plan/i);
  await house.discord.message(0);
  house.discord.write(ada, direct, { sticker_items: [{ id: "1", name: "fox", format_type: 1 }] });
  expect(await house.heard(1)).toContain("[sticker fox]");
  await house.discord.message(1);
  const poll = { question: { text: "Tea?" }, answers: [{ poll_media: { text: "yes" } }, { poll_media: { text: "no" } }] };
  house.discord.write(ada, direct, { poll });
  expect(await house.heard(2)).toContain("[poll: Tea? (yes) (no)]");
});

test("edits, service messages, its own messages and other bots are not answered", async () => {
  await using house = await startHouse({ config: { allowFrom: ["*"] } });
  const edited = house.discord.write(ada, general.id, { content: "old" });
  house.discord.gateway.tell("MESSAGE_UPDATE", () => ({ id: edited, channel_id: direct, content: "edited", author: ada }));
  house.discord.write(ada, general.id, { type: 7 });
  house.discord.write({ id: me, username: "pincer", bot: true }, general.id, mention("@bot me"));
  house.discord.write({ id: "100000000000000077", username: "other", bot: true }, general.id, mention("@bot beep"));
  house.discord.write({ id: "100000000000000078" }, general.id, { ...mention("@bot hook"), webhook_id: "100000000000000078" });
  house.discord.write(ada, direct, { content: "last" });
  expect(await house.heard(0)).toContain("last");
  await house.discord.message(0);
  expect(house.kit.model.models).toHaveLength(1);
});

test("without the Message Content intent it is told of mentions, and of what is said to it directly", async () => {
  await using house = await startHouse({ config: { messageContent: false, groups: { "*": { policy: "allow" } } } });
  house.discord.bot.flags = 0;
  house.discord.write(ada, general.id, { content: "unread" });
  house.discord.write(ada, general.id, mention("@bot read"));
  expect(await house.heard(0)).toContain("read");
  await house.discord.message(0);
  expect(house.kit.model.models).toHaveLength(1);
});

test("a command of the menu is answered in place of its sign, with or without an argument", async () => {
  await using house = await startHouse();
  await house.discord.until(() => house.discord.bot.commands.length > 0);
  const { id } = house.discord.command(ada, general.id, "status");
  const answer = await house.discord.message(0);
  expect(answer).toMatchObject({ interaction: id });
  expect(answer.message.content).toContain("scripted/one");
  expect(house.discord.world.interactions.get(id)).toMatchObject({ state: "answered", responseType: 5 });
  const model = house.discord.bot.commands.find(({ name }) => name === "model")!;
  const [option] = model["options"] as [{ name: string }];
  const second = house.discord.command(ada, direct, "model", { [option.name]: "scripted/two" });
  expect(await house.discord.message(1)).toMatchObject({ interaction: second.id });
  expect(house.kit.model.models).toHaveLength(0);
});

test("a command of somebody whom nobody lets in gets no answer, and its sign is taken away", async () => {
  await using house = await startHouse({ config: { direct: "allowlist", groups: {} } });
  await house.discord.until(() => house.discord.bot.commands.length > 0);
  const { id } = house.discord.command({ id: "100000000000000666" }, general.id, "status");
  await house.discord.until(() => house.discord.world.interactions.get(id)?.state === "dropped");
  house.discord.write(ada, direct, { content: "hello" });
  await house.discord.message(0);
  expect(house.discord.world.sent).toHaveLength(1);
});

test("a stranger's command is answered with a code, which stays", async () => {
  await using house = await startHouse();
  await house.discord.until(() => house.discord.bot.commands.length > 0);
  const stranger = { id: "100000000000000666" };
  house.discord.direct(stranger, "200000000000000666");
  house.discord.command(stranger, "200000000000000666", "status");
  const { message } = await house.discord.message(0);
  expect(message).toMatchObject({ channel_id: "200000000000000666", content: expect.stringMatching(/[A-Z0-9]{8}/) });
  house.discord.write(ada, direct, { content: "hello" });
  await house.discord.message(1);
  expect(house.discord.world.sent).toHaveLength(2);
  expect(house.discord.world.sent[0]?.isDeleted).toBe(false);
});

test("a command whose answer is late is answered by a message", async () => {
  await using house = await startHouse();
  await house.discord.until(() => house.discord.bot.commands.length > 0);
  house.discord.refuse("PATCH /webhooks/:id/:token/messages/@original", unknownWebhook());
  house.discord.command(ada, direct, "status");
  const answer = await house.discord.message(0);
  expect(answer.interaction).toBeUndefined();
  expect(answer.message.content).toContain("scripted/one");
});
