/** What is posted to the operator's address, and what becomes of what the receiver says to it. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { startPlugin } from "@pincer/plugin-sdk/testing/plugin";
import { SECRET, startProgram } from "../../tests/channels/fakes/webhook/program.ts";

const address = { channel: "webhook", account: "default", conversation: "ada" };

async function start(config: Readonly<Record<string, unknown>> = {}) {
  await using opened = new AsyncDisposableStack();
  const program = opened.use(startProgram());
  const kit = opened.use(
    await startPlugin(import.meta.dir, { config: { url: program.url, private: true, ...config }, secrets: { WEBHOOK_SECRET: SECRET } }),
  );
  const send = (more: object = {}) =>
    kit.uses(channel).send({ address, text: "out", idempotencyKey: crypto.randomUUID(), ...more }, { signal: kit.signal });
  const refused = (more?: object) =>
    send(more).then(
      () => ({ code: "sent", message: "", retryAfterMs: undefined }),
      ({ code, message, retryAfterMs }) => ({ code, message, retryAfterMs }),
    );
  const lifetime = opened.move();
  return { program, kit, send, refused, [Symbol.asyncDispose]: () => lifetime.disposeAsync() };
}

test("a message is signed, says where it belongs, and has the same key however often it is posted", async () => {
  await using house = await start();
  const message = { idempotencyKey: "k1", replyTo: "e1", address: { ...address, thread: "t" }, choices: [{ label: "Yes", text: "/yes" }] };
  expect(await house.send(message)).toEqual({ messageId: "k1" });
  expect(await house.send(message)).toEqual({ messageId: "k1" });
  const { type: _, ...shown } = house.program.answers[0] as unknown as Record<string, unknown>;
  expect(shown).toEqual({
    ...{ id: "k1", account: "default", conversation: "ada", thread: "t", replyTo: "e1", text: "out" },
    choices: message.choices,
  });
  expect(house.program.answers).toHaveLength(1);
  expect(house.program.received).toEqual([
    { key: "k1", status: 200 },
    { key: "k1", status: 200 },
  ]);
});

test("each answer of the receiver's has its code", async () => {
  await using house = await start();
  for (const [status, code] of [
    [400, "CHANNEL_REJECTED"],
    [404, "CHANNEL_REJECTED"],
    [410, "CHANNEL_REJECTED"],
    [408, "CHANNEL_UNAVAILABLE"],
    [425, "CHANNEL_UNAVAILABLE"],
    [500, "CHANNEL_UNAVAILABLE"],
    [503, "CHANNEL_UNAVAILABLE"],
  ] as const) {
    house.program.refuse(new Response("no, thank you", { status }));
    expect(await house.refused()).toMatchObject({ code, message: expect.stringContaining(`status ${status}: no, thank you`) });
  }
  house.program.refuse(new Response("slowly", { status: 429, headers: { "retry-after": "7" } }));
  expect(await house.refused()).toMatchObject({ code: "CHANNEL_RATE_LIMITED", retryAfterMs: 7000 });
  const inAMinute = new Date(Date.now() + 60_000).toUTCString();
  house.program.refuse(new Response("slowly", { status: 429, headers: { "retry-after": inAMinute } }));
  expect((await house.refused()).retryAfterMs).toBeGreaterThan(30_000);
  expect(house.program.answers).toHaveLength(0);
});

test("a receiver that does not know the secret is told as one", async () => {
  await using other = startProgram({ secret: "another-secret-of-somebody" });
  await using house = await start({ url: other.url });
  const { code, message } = await house.refused();
  expect([code, message]).toEqual(["CHANNEL_REJECTED", expect.stringContaining("does it have the secret")]);
  expect(message).not.toContain(SECRET);
});

test("a receiver does not choose where a message goes", async () => {
  await using elsewhere = startProgram();
  await using house = await start();
  house.program.refuse(new Response(null, { status: 307, headers: { location: elsewhere.url } }));
  expect(await house.refused()).toMatchObject({ code: "CHANNEL_REJECTED", message: expect.stringContaining("redirects are not followed") });
  expect(elsewhere.received).toEqual([]);
});

test("a private address is posted to only when the operator says so", async () => {
  await using house = await start({ private: false });
  const probe = () => house.kit.uses(channelActions).probe!({ account: "default" }, { signal: house.kit.signal });
  expect(await house.refused()).toMatchObject({
    code: "CHANNEL_REJECTED",
    message: expect.stringContaining("channels.webhook.private true"),
  });
  expect(await probe()).toMatchObject({ ok: false, detail: expect.stringContaining("is not on the internet") });
  expect(house.program.received).toEqual([]);
  const { hash } = await house.kit.call<{ hash: string }>("config.get");
  await house.kit.call("config.patch", { raw: JSON.stringify({ channels: { webhook: { private: true } } }), baseHash: hash });
  expect((await house.refused()).code).toBe("sent");
  expect(await probe()).toMatchObject({ ok: true, self: "/plugins/channel-webhook/default" });
});

test.each([
  "http://10.0.0.8/x",
  "http://[::1]/x",
  "http://169.254.169.254/latest",
  "http://printer.local/x",
  "http://0x7f.1/x",
  "http://user:pass@example.com/x",
])("%s is refused without a request", async (url) => {
  await using house = await start({ url, private: false });
  expect((await house.refused()).code).toBe("CHANNEL_REJECTED");
});
