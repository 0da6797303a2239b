/** What the assistant sends, and what the homeserver says to it. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { startFaults } from "@pincer/plugin-sdk/testing/faults";
import { says } from "@pincer/plugin-sdk/testing/script";
import { forbidden, limited, Refusal, unknownToken } from "../../tests/channels/fakes/matrix/refusal.ts";
import { BOT, startFakeMatrix } from "../../tests/channels/fakes/matrix/server.ts";
import { ada, club, direct, startHouse } from "../../tests/channels/matrix-house.ts";

const to = (conversation: string, thread?: string) => ({
  channel: "matrix",
  account: "default",
  conversation,
  ...(thread !== undefined && { thread }),
});

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    (error) => error.code,
  );

const SEND = "PUT /v3/rooms/:id/send/:id/:id";

/** The plugin as delivery holds it. */
async function start(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse({ ...options, config: { encryption: false, ...options.config } });
  const io = { signal: house.kit.signal };
  const matrix = house.kit.uses(channel);
  const send = (text: string, more: object = {}, address = to(direct)) =>
    matrix.send({ address, text, idempotencyKey: crypto.randomUUID(), ...more }, io);
  return {
    ...house,
    io,
    channel: matrix,
    actions: house.kit.uses(channelActions),
    send,
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  };
}

test("Markdown of the model's goes out as HTML, and beside it without marks", async () => {
  await using it = await start({ config: { streaming: "off" } });
  it.kit.model.answer(says("# Plan\n\n**bold** and `x < y`\n\n- one\n\n| a | b |\n|---|---|\n| 1 | 2 |"));
  it.matrix.say(ada, direct, "hi");
  const { content } = await it.matrix.message(0);
  expect(content).toMatchObject({ msgtype: "m.text", format: "org.matrix.custom.html", "m.mentions": {} });
  for (const part of ["<h1>Plan</h1>", "<b>bold</b>", "<code>x &lt; y</code>", "<li>", "<table>"])
    expect(content["formatted_body"]).toContain(part);
  expect(content["body"]).toContain("x < y");
  expect(content["body"]).not.toContain("<b>");
});

test("each refusal has its code, and says when to come again", async () => {
  await using it = await start();
  const refused = async (refusal: Refusal | Response) => {
    it.matrix.refuse(SEND, refusal);
    return it.send("x").catch(({ code: is, retryAfterMs, message }) => ({ is, retryAfterMs, message }));
  };
  expect(await refused(limited(1500))).toMatchObject({ is: "CHANNEL_RATE_LIMITED", retryAfterMs: 2000 });
  // From before version 1.10, without the header.
  const older = new Refusal(429, "M_LIMIT_EXCEEDED", "Too Many Requests", { retry_after_ms: 350 });
  expect(await refused(older)).toMatchObject({ is: "CHANNEL_RATE_LIMITED", retryAfterMs: 350 });
  expect(await refused(forbidden())).toMatchObject({ is: "CHANNEL_REJECTED", message: expect.stringContaining("may it write there") });
  for (const [refusal, is] of [
    [new Refusal(413, "M_TOO_LARGE", "event too large"), "CHANNEL_REJECTED"],
    [unknownToken(), "CHANNEL_LOGIN_REQUIRED"],
    [new Response("<html>", { status: 502 }), "CHANNEL_UNAVAILABLE"],
    [new Response("<html>", { status: 200 }), "CHANNEL_UNAVAILABLE"],
    [new Response("<html>", { status: 403 }), "CHANNEL_REJECTED"],
  ] as const) {
    expect(await refused(refusal)).toMatchObject({ is });
  }
  expect(it.matrix.sent).toEqual([]);
});

test("a send whose answer was lost is sent again, and is there once", async () => {
  await using matrix = startFakeMatrix();
  matrix.room(direct, ada);
  await using road = startFaults(matrix.url);
  await using it = await start({ matrix, origin: road.url });
  const again = { idempotencyKey: "the same" };
  road.next({ path: "/send/" }, "lost");
  expect(await code(it.send("once", again))).toBe("CHANNEL_UNAVAILABLE");
  expect((await it.send("once", again)).messageId).toBe(matrix.sent[0]!.event_id);
  expect(matrix.sent).toHaveLength(1);
});

test("a thread is answered in it, a change replaces what was said, and what was said is taken back once", async () => {
  await using it = await start();
  const root = it.matrix.say("@grace:hs.test", club, "a thread begins");
  const { messageId } = await it.send("in the <b>thread</b>", { plain: "in the thread" }, to(club, root));
  expect(it.matrix.sent[0]?.content["m.relates_to"]).toEqual({
    rel_type: "m.thread",
    event_id: root,
    is_falling_back: true,
    "m.in_reply_to": { event_id: root },
  });
  await it.channel.edit!({ address: to(club, root), messageId, text: "changed" }, it.io);
  expect(it.matrix.textOf(it.matrix.sent[0]!)).toMatchObject({ body: "changed" });
  const remove = () => it.actions.remove!({ address: to(club), messageId }, it.io);
  await remove();
  await remove();
  expect(it.matrix.sent).toEqual([]);
});

test("a reaction takes the place of the one before, and an empty one takes it away", async () => {
  await using it = await start();
  const id = it.matrix.say(ada, direct, "hi");
  const react = (emoji: string) => it.channel.react!({ address: to(direct), messageId: id, emoji }, it.io);
  const shown = () =>
    it.matrix.world.rooms
      .get(direct)!
      .events.flatMap(({ type, content }) =>
        type === "m.reaction" && content["m.relates_to"] ? [(content["m.relates_to"] as { key: string }).key] : [],
      );
  await react("👀");
  await react("👀");
  expect(shown()).toEqual(["👀"]);
  await react("✅");
  expect(shown()).toEqual(["✅"]);
  await react("");
  expect(shown()).toEqual([]);
});

test("typing is shown where it is typed, and an id that is none of Matrix's is refused with the reason", async () => {
  await using it = await start();
  await it.channel.typing!({ address: to(direct) }, it.io);
  expect(it.matrix.typing).toEqual([{ room: direct, user: BOT.user }]);
  expect(await it.send("x", {}, to("general")).catch(({ message }) => message)).toContain('came "general"');
  expect(await it.send("x", { replyTo: "m1" }).catch(({ message }) => message)).toContain('came "m1"');
  expect(it.matrix.world.oddities).toEqual([]);
});
