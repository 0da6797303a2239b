/** What the assistant sends, and what Telegram says to it. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { says } from "@pincer/plugin-sdk/testing/script";
import { bad, forbidden, Refusal, tooMany } from "../../tests/channels/fakes/telegram/refusal.ts";
import { ada, group, startHouse } from "../../tests/channels/telegram-house.ts";

const to = (conversation: number, thread?: string) => ({
  channel: "telegram",
  account: "default",
  conversation: String(conversation),
  ...(thread !== undefined && { thread }),
});

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (error) => error.code,
  );

/** The plugin as delivery holds it, beside a chat that somebody has begun. */
async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse(options);
  house.telegram.chat({ id: ada.id, type: "private", first_name: "Ada" });
  const io = { signal: house.kit.signal };
  const telegram = house.kit.uses(channel);
  const send = (text: string, more: object = {}, address = to(ada.id)) =>
    telegram.send({ address, text, idempotencyKey: crypto.randomUUID(), ...more }, io);
  return {
    ...house,
    house,
    io,
    channel: telegram,
    actions: house.kit.uses(channelActions),
    send,
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  };
}

test("Markdown of the model's is shown as Telegram shows it", async () => {
  await using house = await startHouse();
  house.kit.model.answer(
    says("# Plan\n\n**bold** and `x < y` and [docs](https://example.com/?a=1&b=2)\n\n- one\n- two\n\n```ts\nif (a < b) c();\n```"),
  );
  house.telegram.write(ada, { text: "hi" });
  const { text, entities } = await house.telegram.message(0);
  await house.telegram.until(() => house.telegram.world.sent[0]!.text.includes("c();"));
  expect(text).not.toContain("**");
  const marked = house.telegram.world.sent[0]!;
  const shown = (type: string) =>
    marked.entities.filter((entity) => entity.type === type).map(({ offset, length }) => marked.text.slice(offset, offset + length));
  expect(entities.length).toBeGreaterThan(0);
  expect(shown("bold")).toContain("bold");
  expect(shown("code")).toContain("x < y");
  expect(shown("pre").join()).toContain("if (a < b) c();");
  expect(marked.entities).toContainEqual(expect.objectContaining({ type: "text_link", url: "https://example.com/?a=1&b=2" }));
});

test("marks that Telegram cannot read are sent without, once", async () => {
  await using it = await start();
  await it.send("<b>half", { plain: "half" });
  expect(it.telegram.world.sent).toMatchObject([{ text: "half", entities: [] }]);
  expect(it.kit.log.some(({ event }) => event === "telegram.markup-refused")).toBe(true);
});

test("a text may be as long as Telegram takes it once its marks are read, and no longer", async () => {
  await using it = await start();
  const text = "&amp;".repeat(4096);
  await it.send(text);
  expect(it.telegram.world.sent[0]?.text).toBe("&".repeat(4096));
  expect(await code(it.send(`${text}x`))).toBe("CHANNEL_REJECTED");
});

test("a long answer arrives whole, in as few messages as its limit allows, and each marked up", async () => {
  await using house = await startHouse({ config: { streaming: "off" } });
  const words = Array.from({ length: 1500 }, (_, n) => `**w${n}**`);
  house.kit.model.answer(says(words.join(" ")));
  house.telegram.write(ada, { text: "tell me" });
  await house.telegram.message(1);
  await house.until("connected");
  const read = house.telegram.world.sent
    .map(({ text }) => text)
    .join(" ")
    .split(/\s+/);
  expect(read).toEqual(words.map((word) => word.replaceAll("*", "")));
  expect(house.telegram.world.sent[0]?.entities.length).toBeGreaterThan(100);
});

test("each refusal has its code, and says when to come again", async () => {
  await using it = await start();
  const refused = async (refusal: Refusal) => {
    it.telegram.refuse("sendMessage", refusal);
    return it.send("x").catch(({ code: is, retryAfterMs }) => ({ is, retryAfterMs }));
  };
  expect(await refused(tooMany(7))).toEqual({ is: "CHANNEL_RATE_LIMITED", retryAfterMs: 7000 });
  for (const [refusal, is] of [
    [forbidden("bot was blocked by the user"), "CHANNEL_REJECTED"],
    [bad("chat not found"), "CHANNEL_REJECTED"],
    [new Refusal(401, "Unauthorized"), "CHANNEL_LOGIN_REQUIRED"],
    [new Refusal(500, "Internal Server Error: restart"), "CHANNEL_UNAVAILABLE"],
    [new Refusal(500, "Internal Server Error: Request aborted"), "CHANNEL_UNCERTAIN"],
    [new Refusal(502, "Bad Gateway"), "CHANNEL_UNCERTAIN"],
    [new Refusal(413, "Request Entity Too Large"), "CHANNEL_REJECTED"],
  ] as const) {
    expect(await refused(refusal)).toMatchObject({ is });
  }
  expect(it.telegram.world.sent).toEqual([]);
});

inEveryMode("a server that is not there", (mode, test) => {
  if (mode === "loopback") return;
  test("has been sent nothing", async () => {
    await using it = await start({ mode, config: { apiRoot: "http://127.0.0.1:9" } });
    const error = await it.send("x").catch((error) => error);
    expect(error).toMatchObject({ code: "CHANNEL_UNAVAILABLE", message: expect.stringContaining("127.0.0.1:9") });
  });
});

test("Telegram's limits are waited for, and everything arrives once and in order", async () => {
  const clock = createManualClock();
  await using it = await start({ clock, fake: { clock, limited: true }, config: { streaming: "off" } });
  const texts = Array.from({ length: 25 }, (_, n) => `m${n}`);
  const sent = texts.map((message) => it.kit.call("send", { channel: "telegram", to: String(group.id), message, idempotencyKey: message }));
  const all = Promise.all(sent).then(() => true);
  for (let isDone = false; !isDone; ) {
    await clock.advance(250);
    isDone = await Promise.race([all, it.kit.call("health").then(() => false)]);
  }
  expect(it.telegram.world.sent.map(({ text }) => text)).toEqual(texts);
  // Twenty a minute: it took more than one.
  expect(clock.monotonic()).toBeGreaterThan(60_000);
}, 120_000);

test("an edit replaces text and buttons, and one that changes nothing is none", async () => {
  await using it = await start();
  const choices = [{ label: "Yes", text: "/yes" }];
  const { messageId } = await it.send("<b>ask</b>", { choices });
  expect(it.telegram.world.sent[0]?.buttons).toEqual([{ text: "Yes", callback_data: "/yes" }]);
  const edit = (text: string) => it.channel.edit?.({ address: to(ada.id), messageId, text }, it.io);
  await edit("<i>asked</i>");
  await edit("<i>asked</i>");
  expect(it.telegram.world.sent[0]).toMatchObject({ text: "asked", buttons: [], entities: [{ type: "italic" }], earlier: ["ask"] });
  expect(await code(it.channel.edit!({ address: to(ada.id), messageId: "999", text: "x" }, it.io))).toBe("CHANNEL_REJECTED");
});

test("a button that is pressed is a message of whoever pressed it, and stops waiting", async () => {
  await using it = await start();
  await it.send("Tea?", { choices: [{ label: "Yes, please", text: "yes please" }] }, to(group.id));
  const [asked] = it.telegram.world.sent;
  const press = it.telegram.press(ada, asked!, "yes please");
  expect(await it.house.heard(0)).toContain("yes please");
  await it.telegram.until(() => it.telegram.world.answeredPresses.includes(press));
  expect(await it.telegram.message(1)).toMatchObject({ chat: group.id, text: "fine" });
  const stranger = it.telegram.press({ id: 666 }, asked!, "yes please");
  await it.telegram.until(() => it.telegram.world.answeredPresses.includes(stranger));
});

test("a reaction takes the place of the one before; one that Telegram lacks has its nearest; an empty one takes it away", async () => {
  await using it = await start();
  const id = it.telegram.write(ada, { text: "hi" });
  const react = (emoji: string) => it.channel.react!({ address: to(ada.id), messageId: String(id), emoji }, it.io);
  const shown = () => it.telegram.world.reactions.get(`${ada.id}/${id}`);
  await react("👀");
  expect(shown()).toEqual(["👀"]);
  await react("✅");
  expect(shown()).toEqual(["👍"]);
  await react("❤️");
  expect(shown()).toEqual(["❤"]);
  await react("");
  expect(shown()).toEqual([]);
  expect(await code(react("🧀"))).toBe("CHANNEL_REJECTED");
});

test("the menu shows what Telegram can, a poll asks, a message is deleted once", async () => {
  await using it = await start();
  const commands = [
    { name: "help", description: "Lists the commands." },
    { name: "odd-name", description: "Telegram takes no dash" },
    { name: "long", description: "x".repeat(400) },
  ];
  // The gateway shows its own once it has connected.
  await it.telegram.until(() => it.telegram.world.commands.length > 0);
  await it.actions.menu!({ account: "default", commands }, it.io);
  expect(it.telegram.world.commands.map(({ command }) => command)).toEqual(["help", "long"]);
  await it.actions.menu!({ account: "default", commands: [] }, it.io);
  expect(it.telegram.world.commands).toEqual([]);

  const poll = { address: to(group.id), question: "Tea?", options: ["yes", "no"], most: 2, durationMs: 60_000, idempotencyKey: "p" };
  const { messageId } = await it.actions.poll!(poll, it.io);
  expect(it.telegram.world.sent[0]?.poll).toEqual({ question: "Tea?", options: ["yes", "no"], multiple: true });
  expect(await code(it.actions.poll!({ ...poll, options: ["yes"] }, it.io))).toBe("CHANNEL_REJECTED");

  const remove = () => it.actions.remove!({ address: to(group.id), messageId }, it.io);
  await remove();
  await remove();
  expect(it.telegram.world.sent[0]?.isDeleted).toBe(true);
});

test("a topic that is gone, and an id that is none of Telegram's, are refused with the reason", async () => {
  await using it = await start();
  expect(await it.send("x", {}, to(group.id, "77")).catch(({ message }) => message)).toContain("message thread not found");
  expect(await it.send("x", { replyTo: "m1" }).catch(({ message }) => message)).toContain('came "m1"');
});

test("nothing is sent that Telegram has no field for", async () => {
  await using it = await start();
  await it.send("x", { choices: [{ label: "a", text: "a" }], replyTo: "12345" });
  it.telegram.write(ada, { text: "hi" });
  await it.telegram.message(1);
  expect(it.telegram.world.oddities).toEqual([]);
});
