/** What the assistant sends, and what Slack says to it. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { says } from "@pincer/plugin-sdk/testing/script";
import { Broken, Refusal, TooMany } from "../../tests/channels/fakes/slack/refusal.ts";
import { ada, dm, engines, startHouse } from "../../tests/channels/slack-house.ts";

const to = (conversation: string, thread?: string) => ({
  channel: "slack",
  account: "default",
  conversation,
  ...(thread !== undefined && { thread }),
});

const code = (promise: Promise<unknown> | undefined) =>
  (promise ?? Promise.resolve()).then(
    () => "done",
    (error) => error.code,
  );

/** The plugin as delivery holds it. */
async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse(options);
  const io = { signal: house.kit.signal };
  const slack = house.kit.uses(channel);
  const send = (text: string, more: object = {}, address = to(dm)) =>
    slack.send({ address, text, idempotencyKey: crypto.randomUUID(), ...more }, io);
  const [channelHandle, actions] = [slack, house.kit.uses(channelActions)];
  return { ...house, house, io, channel: channelHandle, actions, send, [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
}

test("Markdown of the model's is shown as Slack shows it, and its links have no preview", async () => {
  await using house = await startHouse();
  house.kit.model.answer(says("# Plan\n\n**bold** and `x < y` and [docs](https://example.com/?a=1&b=2) for <!channel>\n\n- one\n- two"));
  house.slack.write(ada.id, dm, { text: "hi" });
  const { text, shown } = await house.slack.message(0);
  expect(text).toContain("*bold* and `x &lt; y` and <https://example.com/?a=1&amp;b=2|docs>");
  expect(text).not.toContain("<!channel>");
  expect(shown).toContain("bold and x < y and docs for <");
  expect(house.slack.world.oddities).toEqual([]);
});

test("each refusal has its code, and says when to come again", async () => {
  await using it = await start();
  const refused = async (refusal: Refusal) => {
    it.slack.refuse("chat.postMessage", refusal);
    return it.send("x").catch(({ code: is, retryAfterMs, message }) => ({ is, retryAfterMs, message }));
  };
  expect(await refused(new TooMany(7))).toMatchObject({ is: "CHANNEL_RATE_LIMITED", retryAfterMs: 7000 });
  for (const [refusal, is, told] of [
    [new Refusal("ratelimited"), "CHANNEL_RATE_LIMITED", ""],
    [new Refusal("channel_not_found"), "CHANNEL_REJECTED", "/invite"],
    [new Refusal("msg_too_long"), "CHANNEL_REJECTED", "longer"],
    [new Refusal("something_new", { response_metadata: { messages: ["[ERROR] because"] } }), "CHANNEL_REJECTED", "because"],
    [new Refusal("missing_scope", { needed: "chat:write.public" }), "CHANNEL_REJECTED", "chat:write.public"],
    [new Refusal("invalid_auth"), "CHANNEL_LOGIN_REQUIRED", "pincer secrets set SLACK_BOT_TOKEN"],
    [new Refusal("account_inactive"), "CHANNEL_LOGIN_REQUIRED", ""],
    [new Refusal("token_revoked"), "CHANNEL_LOGIN_REQUIRED", ""],
    [new Refusal("service_unavailable"), "CHANNEL_UNAVAILABLE", ""],
    [new Refusal("fatal_error"), "CHANNEL_UNCERTAIN", ""],
    [new Refusal("internal_error"), "CHANNEL_UNCERTAIN", ""],
    [new Broken(502), "CHANNEL_UNCERTAIN", "502"],
    [new Broken(503), "CHANNEL_UNAVAILABLE", "503"],
    [new Broken(413), "CHANNEL_REJECTED", "413"],
    [new Broken(200), "CHANNEL_UNCERTAIN", ""],
  ] as const) {
    expect(await refused(refusal)).toMatchObject({ is, message: expect.stringContaining(told) });
  }
  expect(it.slack.world.sent).toEqual([]);
});

inEveryMode("a server that is not there", (mode, test) => {
  if (mode === "loopback") return;
  test("has been sent nothing", async () => {
    await using it = await start({ mode, config: { slackApiUrl: "http://127.0.0.1:9/api" } });
    const error = await it.send("x").catch((error) => error);
    expect(error).toMatchObject({ code: "CHANNEL_UNAVAILABLE", message: expect.stringContaining("127.0.0.1:9") });
  });
});

test("Slack's limit is waited for, and everything arrives once and in order", async () => {
  const clock = createManualClock();
  await using it = await start({ clock, fake: { clock, limited: true } });
  const texts = Array.from({ length: 8 }, (_, n) => `m${n}`);
  const sent = texts.map((message) => it.kit.call("send", { channel: "slack", to: engines, message, idempotencyKey: message }));
  const all = Promise.all(sent).then(() => true);
  for (let isDone = false; !isDone; ) {
    await clock.advance(250);
    isDone = await Promise.race([all, it.kit.call("health").then(() => false)]);
  }
  expect(it.slack.world.sent.map(({ text }) => text)).toEqual(texts);
  expect(clock.monotonic()).toBeGreaterThanOrEqual(7_000);
}, 120_000);

test("an edit replaces text and buttons; what is not the bot's own is not edited", async () => {
  await using it = await start();
  const choices = [{ label: "Yes", text: "/yes" }];
  const { messageId } = await it.send("*ask*", { choices });
  expect(it.slack.world.sent[0]?.buttons).toMatchObject([{ text: "Yes", value: "/yes" }]);
  const edit = (id: string, text: string, more = {}) => it.channel.edit?.({ address: to(dm), messageId: id, text, ...more }, it.io);
  await edit(messageId, "_asked_");
  await edit(messageId, "_asked_");
  expect(it.slack.world.sent[0]).toMatchObject({ shown: "asked", buttons: [], earlier: ["ask", "asked"] });
  await edit(messageId, "again", { choices });
  expect(it.slack.world.sent[0]?.buttons).toHaveLength(1);
  const hers = it.slack.write(ada.id, dm, { text: "hers" }, true);
  expect(await code(edit(hers, "x"))).toBe("CHANNEL_REJECTED");
  expect(await code(edit("999", "x"))).toBe("CHANNEL_REJECTED");
});

test("a long text beside buttons stands in as many sections as it needs, and none is lost", async () => {
  await using it = await start();
  const text = Array.from({ length: 500 }, (_, n) => `word${n}`)
    .join(" ")
    .slice(0, 3990);
  const choices = Array.from({ length: 30 }, (_, n) => ({ label: `${n} ${"x".repeat(90)}`, text: String(n) }));
  await it.send(text, { choices });
  const [sent] = it.slack.world.sent;
  expect(sent?.shown.replaceAll("\n", " ")).toBe(text);
  expect(sent?.buttons).toHaveLength(30);
  await it.send("🦊".repeat(1990), { choices: choices.slice(0, 1) });
  expect(it.slack.world.sent[1]?.shown.replaceAll("\n", "")).toBe("🦊".repeat(1990));
});

test("a reaction takes the place of the one before; an empty one takes it away; others' stay", async () => {
  await using it = await start();
  const ts = it.slack.write(ada.id, dm, { text: "hi" }, true);
  const message = it.slack.conversation(dm).messages.at(-1)!;
  message.reactions.set("tada", new Set(["UGRACE"]));
  const react = (emoji: string) => it.channel.react!({ address: to(dm), messageId: ts, emoji }, it.io);
  const own = () => [...message.reactions].filter(([, users]) => users.has("UBOT1")).map(([name]) => name);
  await react("👀");
  expect(own()).toEqual(["eyes"]);
  await react("👀");
  await react("✍️");
  expect(own()).toEqual(["writing_hand"]);
  await react(":rocket:");
  expect(own()).toEqual(["rocket"]);
  await react("");
  expect(own()).toEqual([]);
  expect(message.reactions.get("tada")).toEqual(new Set(["UGRACE"]));
  expect(await code(react("🧀"))).toBe("CHANNEL_REJECTED");
  expect(await code(react(":no_such_thing:"))).toBe("CHANNEL_REJECTED");
});

test("a message is deleted once; the end of a login is Slack's too", async () => {
  await using it = await start();
  const { messageId } = await it.send("x");
  const remove = () => it.actions.remove!({ address: to(dm), messageId }, it.io);
  await remove();
  await remove();
  expect(it.slack.world.sent[0]?.isDeleted).toBe(true);
  await it.actions.logout!({ account: "default" }, it.io);
  expect(it.slack.app.ended).toBe("token_revoked");
  expect(await code(it.send("y"))).toBe("CHANNEL_LOGIN_REQUIRED");
});

test("a thread that is none, and a channel that it is not in, are refused with the reason", async () => {
  await using it = await start();
  expect(await it.send("x", {}, to(dm, "7")).catch(({ message }) => message)).toContain('came "7"');
  it.slack.conversation("CALONE", { apps: [] });
  expect(await it.send("x", {}, to("CALONE")).catch(({ message }) => message)).toContain("/invite");
  await it.channel.typing!({ address: to(dm, "1700000000.000999") }, it.io);
  expect(it.slack.world.statuses).toEqual([]);
});

test("nothing is sent that Slack has no argument for", async () => {
  await using it = await start();
  await it.send("x", { choices: [{ label: "a", text: "a" }] });
  it.slack.write(ada.id, dm, { text: "hi" });
  await it.slack.message(1);
  expect(it.slack.world.oddities).toEqual([]);
});
