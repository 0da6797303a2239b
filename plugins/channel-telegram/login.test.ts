/** The account's login: none, a wrong one, one that is taken back, several; and what a person is told to do. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { Refusal } from "../../tests/channels/fakes/telegram/refusal.ts";
import { ada, group, startHouse } from "../../tests/channels/telegram-house.ts";

const probe = (house: Awaited<ReturnType<typeof startHouse>>, account = "default") =>
  house.kit.uses(channelActions).probe!({ account }, { signal: house.kit.signal });

test("without a token it says where one comes from and what to type, and asks Telegram nothing", async () => {
  await using house = await startHouse({ secrets: {} });
  const { lastError, linked } = await house.until("login-required");
  expect(lastError).toContain("@BotFather");
  expect(lastError).toContain("pincer secrets set TELEGRAM_BOT_TOKEN");
  expect(linked).toBe(false);
  expect(house.telegram.calls).toEqual([]);
});

inEveryMode("a token", (mode, test) => {
  if (mode === "loopback") return;
  test("that is given later, is taken up by itself", async () => {
    await using house = await startHouse({ mode, secrets: {} });
    await house.until("login-required");
    await house.kit.call("secrets.store.set", { name: "TELEGRAM_BOT_TOKEN", value: house.telegram.token, kind: "secret" });
    await house.until("connected");
    house.telegram.write(ada, { text: "hello" });
    expect(await house.telegram.message(0)).toMatchObject({ text: "fine" });
  });
});

test("a wrong token is told as one, whatever is wrong about it, and the right one is taken up by itself", async () => {
  const clock = createManualClock();
  for (const wrong of ["700001:AAwrong-token-of-the-test_0123456789", "no token at all", ""]) {
    await using house = await startHouse({ clock, fake: { clock }, secrets: {}, config: { token: { secret: "MY_BOT" } } });
    await house.kit.call("secrets.store.set", { name: "MY_BOT", value: wrong || " ", kind: "secret" });
    const { lastError } = await house.until("login-required");
    expect(lastError).toContain("pincer secrets set MY_BOT");
    expect(lastError).not.toContain(wrong || "undefined");
    await house.kit.call("secrets.store.set", { name: "MY_BOT", value: house.telegram.token, kind: "secret" });
    await house.until("connected");
  }
});

test("a look at the account takes up at once a token that was set anew", async () => {
  await using house = await startHouse({ secrets: { TELEGRAM_BOT_TOKEN: "700001:AAwrong-token-of-the-test_0123456789" } });
  await house.until("login-required");
  await house.kit.call("secrets.store.set", { name: "TELEGRAM_BOT_TOKEN", value: house.telegram.token, kind: "secret" });
  const status = await house.kit.call<{ channelAccounts: Record<string, unknown[]> }>("channels.status", { probe: true });
  expect(status.channelAccounts["telegram"]).toMatchObject([{ connected: true, linked: true, probe: { ok: true, self: "@pincer_bot" } }]);
});

test("a token that is revoked ends the connection, and the new one goes on where it was", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, fake: { clock }, secrets: {} });
  const set = (value: string) => house.kit.call("secrets.store.set", { name: "TELEGRAM_BOT_TOKEN", value, kind: "secret" });
  await set(house.telegram.token);
  house.telegram.write(ada, { text: "one" });
  await house.telegram.message(0);
  house.telegram.revoke(house.telegram.token);
  await house.until("login-required");
  const fresh = "700001:AAfresh-token-of-the-test_0123456789";
  const account = house.telegram.bot(fresh, "pincer_bot");
  house.telegram.write(ada, { text: "two" }, ada.id, account);
  await set(fresh);
  await house.until("connected");
  expect(await house.telegram.message(1)).toMatchObject({ bot: fresh, text: "fine" });
});

test("two accounts are two bots, each with its own token, people and conversations", async () => {
  const token = "700002:AAother-token-of-the-test_0123456789";
  await using house = await startHouse({
    secrets: { TELEGRAM_BOT_TOKEN_HOME: "700001:AAfake-token-of-the-test_0123456789", OFFICE_BOT: token },
    config: { direct: "allowlist", accounts: { home: {}, office: { token: { secret: "OFFICE_BOT" }, allowFrom: ["7"] } } },
  });
  const office = house.telegram.bot(token, "office_bot");
  await house.until("connected", "home");
  await house.until("connected", "office");
  house.telegram.write({ id: 7 }, { text: "hi" }, 7, office);
  expect(await house.telegram.message(0)).toMatchObject({ bot: token, chat: 7 });
  house.telegram.write({ id: 7 }, { text: "hi" }, 7);
  house.telegram.write(ada, { text: "hi" });
  expect(await house.telegram.message(1)).toMatchObject({ bot: house.telegram.token, chat: ada.id });
  expect(house.kit.model.models).toHaveLength(2);
});

test("nothing of a token is in a log, an error or a status", async () => {
  await using house = await startHouse({ config: { apiRoot: "http://127.0.0.1:9" } });
  await house.kit.logged("channel.disconnected");
  const address = { channel: "telegram", account: "default", conversation: "42" };
  const refused = await house.kit
    .uses(channel)
    .send({ address, text: "x", idempotencyKey: "x" }, { signal: house.kit.signal })
    .catch((error: unknown) => Bun.inspect(error));
  const said = [await house.status(), await probe(house), house.kit.log, refused];
  expect(refused).toContain("CHANNEL_UNAVAILABLE");
  expect(JSON.stringify(said)).not.toContain("AAfake");
});

test("an account that is not logged in is not well, and what is wrong with it stands apart from what to do", async () => {
  await using house = await startHouse({ secrets: {} });
  const { hint } = await house.until("login-required");
  expect(hint).toEndWith("pincer secrets set TELEGRAM_BOT_TOKEN");
  const { channels } = await house.kit.call<{ channels: { telegram: object } }>("channels.status", {});
  expect(channels.telegram).toMatchObject({ ok: false, connected: false });
  expect(await probe(house)).toEqual({ ok: false, detail: 'there is no bot token for the account "default"', hint: String(hint) });
});

test("a look at the account says what is wrong with it, and what to do", async () => {
  await using house = await startHouse({ config: { groups: { [group.id]: { policy: "allow" } } } });
  expect(await probe(house)).toMatchObject({ ok: true, self: "@pincer_bot", hint: expect.stringContaining("/setprivacy") });
  house.telegram.refuse("getMe", new Refusal(401, "Unauthorized"));
  expect(await probe(house)).toMatchObject({ ok: false, hint: expect.stringContaining("pincer secrets set") });
  house.telegram.account.updates.setWebhook("https://other.example.com/hook?key=very-secret", undefined, undefined, false);
  const foreign = await probe(house);
  expect(foreign).toMatchObject({ ok: false, self: "@pincer_bot", hint: expect.stringContaining("other.example.com") });
  expect(JSON.stringify(foreign)).not.toContain("very-secret");
});
