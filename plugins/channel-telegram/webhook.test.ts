/** Telegram calls the gateway, in place of the gateway asking Telegram. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { startFakeTelegram } from "../../tests/channels/fakes/telegram/server.ts";
import { ada, startHouse } from "../../tests/channels/telegram-house.ts";

const path = "/plugins/channel-telegram/default";

/** Telegram learns the gateway's address only once there is one. */
async function startCalled(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse({ ...options, fake: { local: true, ...options.fake } });
  await house.until("connected");
  await patch(house, { webhook: { url: house.kit.url } });
  await house.telegram.until(() => house.telegram.account.updates.webhook !== undefined);
  await house.until("connected");
  return house;
}

async function patch(house: Awaited<ReturnType<typeof startHouse>>, telegram: object): Promise<void> {
  const { hash } = await house.kit.call<{ hash: string }>("config.get");
  await house.kit.call("config.patch", { raw: JSON.stringify({ channels: { telegram } }), baseHash: hash });
}

inEveryMode("a webhook", (mode, test) => {
  if (mode === "loopback") return;
  test("is set, and what Telegram brings is answered", async () => {
    await using house = await startCalled({ mode });
    expect(house.telegram.account.updates.webhook).toBe(`${house.kit.url}${path}`);
    house.telegram.write(ada, { text: "hello" });
    expect(await house.telegram.message(0)).toMatchObject({ chat: ada.id, text: "fine" });
    expect(house.telegram.account.updates.delivered.map(({ status }) => status)).toEqual([200]);
  });
});

test("who does not know the secret is not heard", async () => {
  await using house = await startCalled();
  const update = JSON.stringify({
    update_id: 1,
    message: { message_id: 1, from: ada, chat: { id: 42, type: "private" }, date: 1, text: "let me in" },
  });
  const call = (headers: Record<string, string>, where = path) => house.kit.request(where, { method: "POST", headers, body: update });
  expect((await call({})).status).toBe(401);
  expect((await call({ "x-telegram-bot-api-secret-token": "guess" })).status).toBe(401);
  expect((await call({}, "/plugins/channel-telegram/nobody")).status).toBe(503);
  expect((await house.kit.request(path)).status).toBe(405);
  expect(house.kit.model.models).toHaveLength(0);
});

test("what comes while nobody receives is brought again, and answered once", async () => {
  await using house = await startCalled();
  await house.kit.call("channels.stop", { channel: "telegram" });
  house.telegram.write(ada, { text: "anybody?" });
  const { updates } = house.telegram.account;
  // Each look is a call of Telegram's, which is refused.
  while (!updates.delivered.some(({ status }) => status === 503)) await house.kit.call("health");
  await house.kit.call("channels.start", { channel: "telegram" });
  expect(await house.telegram.message(0)).toMatchObject({ text: "fine" });
  while (updates.pending > 0) await house.kit.call("health");
  expect(house.telegram.world.sent).toHaveLength(1);
});

test("from polling to a webhook and back, no message is lost and none is answered twice", async () => {
  await using house = await startHouse({ fake: { local: true } });
  house.telegram.write(ada, { text: "polled" });
  await house.telegram.message(0);
  await patch(house, { webhook: { url: house.kit.url } });
  house.telegram.write(ada, { text: "called" });
  await house.telegram.message(1);
  await house.kit.call("channels.stop", { channel: "telegram" });
  house.telegram.write(ada, { text: "while away" });
  await patch(house, { webhook: null });
  await house.kit.call("channels.start", { channel: "telegram" });
  await house.telegram.message(2);
  expect(house.telegram.account.updates.webhook).toBeUndefined();
  expect(await house.heard(2)).toContain("while away");
  expect(house.telegram.world.sent).toHaveLength(3);
});

test("an address that Telegram does not take is told with what it says", async () => {
  await using telegram = startFakeTelegram();
  await using house = await startHouse({ telegram, config: { webhook: { url: "http://plain.example.com" } } });
  await house.kit.logged("channel.disconnected");
  expect((await house.status())["lastError"]).toContain("An HTTPS URL must be provided");
});

test("what is no update is taken and told, since it would be none the next time either", async () => {
  const clock = createManualClock();
  await using house = await startCalled({ clock, fake: { clock, local: true } });
  const secret = new Bun.CryptoHasher("sha256", house.telegram.token).update("pincer webhook default").digest("base64url");
  const call = (body: string) => house.kit.request(path, { method: "POST", headers: { "x-telegram-bot-api-secret-token": secret }, body });
  expect((await call("{")).status).toBe(200);
  expect((await call("null")).status).toBe(200);
  expect(house.kit.log.filter(({ event }) => event === "telegram.update-unreadable")).toHaveLength(2);
});
