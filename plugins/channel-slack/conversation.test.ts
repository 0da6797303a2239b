/** What people write, in the places where Slack lets them. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { ada, dm, engines, quick, startHouse } from "../../tests/channels/slack-house.ts";

const bot = "<@UBOT1>";

test("a direct message is answered there, and stands under its writer's name", async () => {
  await using house = await startHouse();
  house.slack.write(ada.id, dm, { text: "hello" });
  expect(await house.heard(0)).toContain("Ada on slack");
  expect(await house.heard(0)).toContain("hello");
  expect(await house.slack.message(0)).toMatchObject({ conversation: dm, text: "fine", thread: undefined });
});

test("in a channel it answers who mentions it, without the mention in the text, once although Slack tells it twice, and nobody else", async () => {
  await using house = await startHouse({ fake: { twice: true } });
  house.slack.write(ada.id, engines, { text: "not for you" });
  house.slack.write(ada.id, engines, { text: `${bot}, what is up?` });
  expect(await house.heard(0)).toMatch(/<untrusted-[^>]*>\nwhat is up\?\n</);
  expect(await house.slack.message(0)).toMatchObject({ conversation: engines, text: "fine" });
  house.slack.write(ada.id, engines, { text: `and you ${bot} say?` });
  expect(await house.heard(1)).toMatch(/<untrusted-[^>]*>\nand you say\?\n</);
  await house.slack.message(1);
  await house.slack.until(() => house.slack.deliveries.pending === 0);
  expect(house.kit.model.models).toHaveLength(2);
});

test("an app that is told of mentions alone hears them", async () => {
  await using house = await startHouse();
  house.slack.deliveries.event({ type: "app_mention", user: ada.id, text: `${bot} hi`, ts: house.slack.world.nextTs(), channel: engines });
  expect(await house.slack.message(0)).toMatchObject({ conversation: engines, text: "fine" });
});

test("what a thread says stays there, and a thread under its own message is meant for it", async () => {
  await using house = await startHouse();
  house.slack.write(ada.id, engines, { text: `${bot} hi` });
  const own = await house.slack.message(0);
  house.slack.write(ada.id, engines, { text: "and more?", thread_ts: own.ts });
  expect(await house.heard(1)).toContain("and more?");
  expect(await house.slack.message(1)).toMatchObject({ conversation: engines, thread: own.ts });
  const hers = house.slack.write(ada.id, engines, { text: "among us" }, true);
  house.slack.write(ada.id, engines, { text: "not for you", thread_ts: hers });
  house.slack.write(ada.id, engines, { text: `${bot} this`, thread_ts: hers });
  expect(await house.heard(2)).toMatch(/<untrusted-[^>]*>\nthis\n</);
  expect(await house.slack.message(2)).toMatchObject({ thread: hers });
  const { sessions } = await house.kit.call<{ sessions: { key: string }[] }>("sessions.list", {});
  expect(new Set(sessions.map(({ key }) => key.split(":thread:")[1]).filter(Boolean))).toEqual(new Set([own.ts, hers]));
});

test("while it answers in a thread, Slack shows that it is typing", async () => {
  await using house = await startHouse();
  const first = house.slack.write(ada.id, dm, { text: "how it began" }, true);
  house.slack.write(ada.id, dm, { text: "go on", thread_ts: first });
  await house.slack.message(0);
  expect(house.slack.world.statuses).toContainEqual({ conversation: dm, thread: first, status: "is typing…" });
});

test("who wishes it is answered under the message, which begins a conversation of its own", async () => {
  await using house = await startHouse({ config: { replyInThread: true } });
  const ts = house.slack.write(ada.id, engines, { text: `${bot} hi` });
  expect(await house.slack.message(0)).toMatchObject({ conversation: engines, thread: ts });
  house.slack.write(ada.id, engines, { text: `${bot} and now?`, thread_ts: ts });
  await house.slack.message(1);
  expect(house.kit.model.models[1]?.request.messages.length).toBe(3);
  house.slack.write(ada.id, dm, { text: "hi" });
  expect(await house.slack.message(2)).toMatchObject({ conversation: dm, thread: undefined });
});

test("edits, deletions, joins, its own messages and other bots are not answered", async () => {
  await using house = await startHouse({ config: { allowFrom: ["*"] } });
  const { deliveries, world } = house.slack;
  const edited = {
    type: "message",
    subtype: "message_changed",
    channel: dm,
    ts: world.nextTs(),
    message: { user: ada.id, text: "edited" },
  };
  deliveries.event(edited);
  deliveries.event({ ...edited, subtype: "message_deleted", deleted_ts: world.nextTs() });
  house.slack.write(ada.id, dm, { subtype: "channel_join", text: "has joined" });
  house.slack.write("UBOT1", dm, { text: "me", bot_id: "BBOT1" });
  house.slack.write("UOTHER", engines, { text: `${bot} beep`, bot_id: "BOTHER" });
  house.slack.write("UHELPER", engines, { subtype: "bot_message", user: null, bot_id: "BHOOK", username: "Hook", text: `${bot} boop` });
  house.slack.write(ada.id, dm, { text: "last" });
  expect(await house.heard(0)).toContain("last");
  await house.slack.message(0);
  expect(house.kit.model.models).toHaveLength(1);
});

test("marks, names and links reach the model as what they are; what nobody sees does not", async () => {
  await using house = await startHouse();
  house.slack.person({ id: "UGRACE", name: "Grace" });
  const text = "ask <@UGRACE> in <#C1|general>: *bold* `x &lt; y` <https://example.com/docs|docs> &amp; a\u{e0041}b";
  house.slack.write(ada.id, dm, { text });
  expect(await house.heard(0)).toContain("ask @Grace in #general: **bold** `x < y` [docs](https://example.com/docs) & ab");
});

test("a message that is handed on is marked as somebody else's, also where the owner says something to it", async () => {
  await using house = await startHouse({ settings: { ...quick, agents: { owner: [`slack:${ada.id}`] } } });
  const shared = { is_share: true, author_name: "Grace", text: "the *plan*", fallback: "the plan" };
  house.slack.write(ada.id, dm, { text: "", attachments: [shared] });
  expect(await house.heard(0)).toMatch(/<untrusted-[^>]* from="a message forwarded from Grace">\nthe \*\*plan\*\*\n<\//);
  await house.slack.message(0);
  house.slack.write(ada.id, dm, { text: "what of this?", attachments: [shared] });
  expect(await house.heard(1)).toMatch(/<untrusted-[^>]* from="a quotation from Grace">\nthe \*\*plan\*\*\n<\/[^>]*>\nwhat of this\?$/);
  await house.slack.message(1);
  house.slack.write(ada.id, dm, { text: "", attachments: [{ author_name: "news.example", text: "read me" }] });
  expect(await house.heard(2)).toContain('from="a message forwarded from news.example">\nread me');
});

test("behind the app's own slash command one writes to the assistant, another one is a command", async () => {
  await using house = await startHouse({ config: { groups: {} } });
  house.slack.command(ada.id, dm, "/pincer", "what is up?");
  expect(await house.heard(0)).toContain("what is up?");
  await house.slack.message(0);
  house.slack.command(ada.id, engines, "/pincer", "");
  expect((await house.slack.message(1)).text).toContain("/status");
  house.slack.command(ada.id, dm, "/help", "");
  expect((await house.slack.message(2)).text).toContain("/status");
  house.slack.command("UMALLORY", engines, "/pincer", "let me in");
  house.slack.write(ada.id, dm, { text: "last" });
  expect(await house.heard(1)).toContain("last");
});

test("where the bot is no member, who types a command is answered alone, as often as Slack takes it", async () => {
  await using house = await startHouse({ config: { groups: {} } });
  const elsewhere = "C0ELSEWHERE";
  house.slack.conversation(elsewhere, { name: "elsewhere", apps: [] });
  const asked = house.slack.command(ada.id, elsewhere, "/pincer", "what is up?");
  await house.slack.until(() => house.slack.world.asides.length === 1);
  expect(house.slack.world.asides).toEqual([{ trigger: asked, text: "fine" }]);
  const again = house.slack.command(ada.id, elsewhere, "/pincer", "and now?");
  await house.slack.until(() => house.slack.world.asides.length === 2);
  expect(house.slack.world.asides[1]).toEqual({ trigger: again, text: "fine" });
  const address = { channel: "slack", account: "default", conversation: elsewhere, thread: `only:${ada.id}` };
  const say = () =>
    house.kit.uses(channel).send({ address, text: "more", idempotencyKey: crypto.randomUUID() }, { signal: house.kit.signal });
  for (let left = 4; left > 0; left--) await say();
  await expect(say()).rejects.toMatchObject({ code: "CHANNEL_REJECTED", message: expect.stringContaining("/invite") });
  expect(house.slack.world.sent).toEqual([]);
  expect(house.slack.world.oddities).toEqual([]);
});

test("a button that is pressed is a message of whoever pressed it, in its thread", async () => {
  await using house = await startHouse({ config: { groups: {} } });
  const first = house.slack.write(ada.id, engines, { text: "how it began" }, true);
  const address = { channel: "slack", account: "default", conversation: engines, thread: first };
  const choices = [{ label: "Yes, please", text: "yes please" }];
  await house.kit.uses(channel).send({ address, text: "Tea?", choices, idempotencyKey: "k" }, { signal: house.kit.signal });
  const [asked] = house.slack.world.sent;
  house.slack.press("UMALLORY", asked!, "Yes, please");
  house.slack.press(ada.id, asked!, "Yes, please");
  expect(await house.heard(0)).toContain("yes please");
  expect(await house.slack.message(1)).toMatchObject({ conversation: engines, thread: first, text: "fine" });
});

test("without the scope for names people have none, and that is asked once", async () => {
  await using house = await startHouse();
  house.slack.app.scopes.delete("users:read");
  house.slack.write(ada.id, dm, { text: "one" });
  expect(await house.heard(0)).not.toContain("Ada on slack");
  await house.slack.message(0);
  house.slack.write(ada.id, dm, { text: "two" });
  await house.slack.message(1);
  expect(house.slack.calls.filter(({ method }) => method === "users.info")).toHaveLength(1);
});

test("what is nothing that Slack sends is told and taken, and does not hold up what is behind it", async () => {
  await using house = await startHouse({ fake: { retriesMs: [1, 1] } });
  const { deliveries } = house.slack;
  deliveries.event({ type: "message", channel: dm, user: ada.id, text: 7, ts: "never" });
  deliveries.deliver("interactive", { type: "block_actions", user: {}, actions: [] });
  deliveries.deliver("interactive", { type: "view_submission", view: {} });
  deliveries.deliver("slash_commands", { command: "none" });
  deliveries.deliver("events_api", { type: "event_callback" });
  deliveries.event({ type: "reaction_added", user: ada.id });
  house.slack.write(ada.id, dm, { text: "hello" });
  expect(await house.slack.message(0)).toMatchObject({ text: "fine" });
  await house.slack.until(() => deliveries.pending === 0);
  expect(house.kit.log.filter(({ event }) => event === "slack.event-unreadable")).toHaveLength(3);
});
