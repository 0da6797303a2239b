/** What the assistant sends, and what Discord says to it. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { startFaults } from "@pincer/plugin-sdk/testing/faults";
import { says } from "@pincer/plugin-sdk/testing/script";
import { ada, direct, general, guild, startHouse } from "../../tests/channels/discord-house.ts";
import { missingPermissions, Refusal, tooMany, unauthorized, unknownChannel } from "../../tests/channels/fakes/discord/refusal.ts";
import { startFakeDiscord } from "../../tests/channels/fakes/discord/server.ts";

const to = (conversation: string, thread?: string) => ({
  channel: "discord",
  account: "default",
  conversation,
  ...(thread !== undefined && { thread }),
});

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (error) => error.code,
  );

const POST = "POST /channels/:id/messages";

/** The plugin as delivery holds it. */
async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse(options);
  const io = { signal: house.kit.signal };
  const discord = house.kit.uses(channel);
  const send = (text: string, more: object = {}, address = to(direct)) =>
    discord.send({ address, text, idempotencyKey: crypto.randomUUID(), ...more }, io);
  return {
    ...house,
    house,
    io,
    channel: discord,
    actions: house.kit.uses(channelActions),
    send,
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  };
}

test("Markdown of the model's goes out as Discord reads it", async () => {
  await using house = await startHouse({ config: { streaming: "off" } });
  house.kit.model.answer(
    says("# Plan\n\n**bold** and `x < y` and [docs](https://example.com/?a=1&b=2)\n\n- one\n- two\n\n```ts\nif (a < b) c();\n```"),
  );
  house.discord.write(ada, direct, { content: "hi" });
  const { content } = (await house.discord.message(0)).message;
  for (const part of ["# Plan", "**bold**", "`x < y`", "[docs](https://example.com/?a=1&b=2)", "- one", "```ts\nif (a < b) c();\n```"])
    expect(content).toContain(part);
});

test("a message calls nobody, whatever stands in it, unless the operator says so", async () => {
  await using it = await start();
  await it.send("@everyone <@100000000000000042>", { replyTo: it.discord.write(ada, direct, { content: "hi" }) });
  const sent = () => it.discord.world.sent.find(({ message }) => message.content.includes("@everyone"))!;
  await it.discord.until(() => sent() !== undefined);
  expect(sent().body["allowed_mentions"]).toEqual({ parse: [], replied_user: false });
  await using open = await start({ config: { mentions: ["users"] } });
  await open.send("<@100000000000000042>");
  expect(open.discord.world.sent[0]?.body["allowed_mentions"]).toEqual({ parse: ["users"], replied_user: true });
});

test("each refusal has its code and says what to do, and when to come again", async () => {
  await using it = await start();
  const refused = async (refusal: Refusal | Response) => {
    it.discord.refuse(POST, refusal);
    return it.send("x").catch(({ code: is, retryAfterMs, message }) => ({ is, retryAfterMs, message }));
  };
  expect(await refused(tooMany(0.35))).toMatchObject({ is: "CHANNEL_RATE_LIMITED", retryAfterMs: 350 });
  expect(await refused(missingPermissions())).toMatchObject({ is: "CHANNEL_REJECTED", message: expect.stringContaining("Send Messages") });
  // Cloudflare's, which stands in front.
  expect(await refused(new Response("error code: 1015", { status: 429, headers: { "retry-after": "7" } }))).toMatchObject({
    is: "CHANNEL_RATE_LIMITED",
    retryAfterMs: 7000,
  });
  for (const [refusal, is] of [
    [unknownChannel(), "CHANNEL_REJECTED"],
    [new Refusal(403, 50_007, "Cannot send messages to this user"), "CHANNEL_REJECTED"],
    [unauthorized(), "CHANNEL_LOGIN_REQUIRED"],
    [new Response("<html>", { status: 502 }), "CHANNEL_UNAVAILABLE"],
    [new Response("upstream connect error", { status: 503 }), "CHANNEL_UNAVAILABLE"],
    [new Response("<html>", { status: 200 }), "CHANNEL_UNAVAILABLE"],
    [new Response("<html>", { status: 403 }), "CHANNEL_REJECTED"],
  ] as const) {
    expect(await refused(refusal)).toMatchObject({ is });
  }
  expect(it.discord.world.sent).toEqual([]);
});

test("what a global limit shuts, is not asked again before its time", async () => {
  const clock = createManualClock();
  await using it = await start({ clock, fake: { clock } });
  it.discord.refuse(POST, tooMany(5, true));
  expect(await code(it.send("x"))).toBe("CHANNEL_RATE_LIMITED");
  const asked = it.discord.calls.length;
  expect(await it.send("x", {}, to(general.id)).catch(({ retryAfterMs }) => retryAfterMs)).toBe(5000);
  expect(it.discord.calls).toHaveLength(asked);
  await clock.advance(5000);
  await it.send("x", {}, to(general.id));
});

test("a message whose answer was lost is sent again, and stands there once; long after, nobody sends it again", async () => {
  const clock = createManualClock();
  await using discord = startFakeDiscord({ clock });
  discord.guild(guild);
  discord.channel(general);
  discord.direct(ada, direct);
  await using faults = startFaults(discord.origin);
  await using it = await start({ clock, discord, origin: faults.url });
  const posts = { method: "POST", path: "/messages" };
  const send = (idempotencyKey: string) => code(it.send("once", { idempotencyKey }));
  faults.next(posts, "lost", "cut");
  expect([await send("a"), await send("a"), await send("a")]).toEqual(["CHANNEL_UNAVAILABLE", "CHANNEL_UNAVAILABLE", "done"]);
  expect(discord.world.sent).toHaveLength(1);
  faults.next(posts, "lost");
  expect(await send("b")).toBe("CHANNEL_UNAVAILABLE");
  await clock.advance(10 * 60_000);
  expect(await send("b")).toBe("CHANNEL_UNCERTAIN");
  expect(discord.world.sent).toHaveLength(2);
  // What certainly was not sent is sent whenever.
  faults.next(posts, "unavailable");
  expect(await send("c")).toBe("CHANNEL_UNAVAILABLE");
  await clock.advance(10 * 60_000);
  expect(await send("c")).toBe("done");
  expect(discord.world.sent).toHaveLength(3);
});

inEveryMode("a server that is not there", (mode, test) => {
  if (mode === "loopback") return;
  test("has been sent nothing", async () => {
    await using it = await start({ mode, origin: "http://127.0.0.1:9", isEarly: true });
    const error = await it.send("x").catch((error) => error);
    expect(error).toMatchObject({ code: "CHANNEL_UNAVAILABLE", message: expect.stringContaining("127.0.0.1:9") });
  });
});

test("Discord's limits are waited for, and everything arrives once and in order", async () => {
  const clock = createManualClock();
  await using it = await start({ clock, fake: { clock, limited: true }, config: { streaming: "off" } });
  const texts = Array.from({ length: 23 }, (_, n) => `m${n}`);
  const sent = texts.map((message) => it.kit.call("send", { channel: "discord", to: general.id, message, idempotencyKey: message }));
  const all = Promise.all(sent).then(() => true);
  for (let isDone = false; !isDone; ) {
    await clock.advance(250);
    isDone = await Promise.race([all, it.kit.call("health").then(() => false)]);
  }
  expect(it.discord.world.sent.map(({ message }) => message.content)).toEqual(texts);
  expect(clock.monotonic()).toBeGreaterThan(20_000);
  // It does not ask only to be refused.
  expect(it.discord.calls.filter(({ route }) => route === POST)).toHaveLength(texts.length);
}, 120_000);

test("an edit replaces text and buttons", async () => {
  await using it = await start();
  const choices = Array.from({ length: 7 }, (_, n) => ({ label: `Answer ${n}`, text: "/same" }));
  const { messageId } = await it.send("**ask**", { choices });
  const rows = () => it.discord.world.sent[0]!.message.components as { components: unknown[] }[];
  expect(rows().map(({ components }) => components.length)).toEqual([5, 2]);
  await it.channel.edit?.({ address: to(direct), messageId, text: "_asked_" }, it.io);
  expect(it.discord.world.sent[0]).toMatchObject({ message: { content: "_asked_" }, earlier: ["**ask**"] });
  expect(rows()).toEqual([]);
  expect(await code(it.channel.edit!({ address: to(direct), messageId: "100000000000000999", text: "x" }, it.io))).toBe("CHANNEL_REJECTED");
});

test("a button that is pressed has its sign at once, and is a message of whoever pressed it", async () => {
  await using it = await start();
  await it.send("Tea?", { choices: [{ label: "Yes, please", text: "yes please" }] }, to(general.id));
  const [asked] = it.discord.world.sent;
  const press = it.discord.press(ada, asked!, "Yes, please");
  expect(await it.house.heard(0)).toContain("yes please");
  expect((await it.discord.message(1)).message).toMatchObject({ channel_id: general.id, content: "fine" });
  expect(press).toMatchObject({ state: "signed", responseType: 6 });
  const stranger = it.discord.press({ id: "100000000000000666" }, asked!, "Yes, please");
  await it.discord.until(() => stranger.state === "signed");
});

test("a reaction takes the place of the one before, and an empty one takes it away", async () => {
  await using it = await start();
  const id = it.discord.write(ada, direct, { content: "hi" });
  const react = (emoji: string) => it.channel.react!({ address: to(direct), messageId: id, emoji }, it.io);
  const shown = () => [...(it.discord.world.reactions.get(`${direct}/${id}`)?.keys() ?? [])];
  await react("👀");
  expect(shown()).toEqual(["👀"]);
  await react("✅");
  expect(shown()).toEqual(["✅"]);
  await react("❤");
  expect(shown()).toEqual(["❤️"]);
  await react("<:party:100000000000000009>");
  expect(shown()).toEqual(["party:100000000000000009"]);
  await react("");
  expect(shown()).toEqual([]);
  expect(await code(react("cheese"))).toBe("CHANNEL_REJECTED");
});

test("the menu shows what Discord can, a poll asks, a message is deleted once", async () => {
  await using it = await start();
  const commands = [
    { name: "help", description: "Lists the commands." },
    { name: "Odd Name", description: "Discord takes none" },
    { name: "long", description: "x".repeat(400), argument: { name: "What it is", description: "" } },
  ];
  // The gateway shows its own once it has connected.
  await it.discord.until(() => it.discord.bot.commands.length > 0);
  await it.actions.menu!({ account: "default", commands }, it.io);
  expect(it.discord.bot.commands.map(({ name }) => name)).toEqual(["help", "long"]);
  await it.actions.menu!({ account: "default", commands: [] }, it.io);
  expect(it.discord.bot.commands).toEqual([]);

  const poll = { address: to(general.id), question: "Tea?", options: ["yes", "no"], most: 2, durationMs: 60_000, idempotencyKey: "p" };
  const { messageId } = await it.actions.poll!(poll, it.io);
  expect(it.discord.world.sent[0]?.message["poll"]).toMatchObject({ question: { text: "Tea?" }, allow_multiselect: true, duration: 1 });
  expect(await code(it.actions.poll!({ ...poll, options: ["x".repeat(56)] }, it.io))).toBe("CHANNEL_REJECTED");

  const remove = () => it.actions.remove!({ address: to(general.id), messageId }, it.io);
  await remove();
  await remove();
  expect(it.discord.world.sent[0]?.isDeleted).toBe(true);
});

test("somebody whom nobody has talked with is reached by their number; an id that is none of Discord's is refused with the reason", async () => {
  await using it = await start();
  await it.send("hello", {}, to(`user:${ada.id}`));
  expect(it.discord.world.sent[0]?.message.channel_id).toBe(direct);
  expect(await it.send("x", {}, to("#general")).catch(({ message }) => message)).toContain('came "#general"');
  expect(await it.send("x", { replyTo: "m1" }).catch(({ message }) => message)).toContain('came "m1"');
  const forum = { id: "400000000000000009", type: 15, guild_id: guild.id, name: "questions" };
  it.discord.channel(forum);
  expect(await it.send("x", {}, to(forum.id)).catch(({ message }) => message)).toContain("name the post");
});

test("nothing is sent that Discord has no field for", async () => {
  await using it = await start();
  await it.send("x", { choices: [{ label: "a", text: "a" }], replyTo: "100000000000000123" });
  it.discord.write(ada, direct, { content: "hi" });
  await it.discord.message(1);
  expect(it.discord.world.oddities).toEqual([]);
});
