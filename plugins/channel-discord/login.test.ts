/** The account's login: none, a wrong one, one that is taken back, intents that are off, several; and what a person is told to do. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { ada, direct, startHouse } from "../../tests/channels/discord-house.ts";
import { unauthorized } from "../../tests/channels/fakes/discord/refusal.ts";
import { CONTENT_FLAG, startFakeDiscord, TOKEN } from "../../tests/channels/fakes/discord/server.ts";

type House = Awaited<ReturnType<typeof startHouse>>;
const probe = (house: House, account = "default") => house.kit.uses(channelActions).probe!({ account }, { signal: house.kit.signal });
const set = (house: House, name: string, value: string) => house.kit.call("secrets.store.set", { name, value, kind: "secret" });

test("without a token it says where one comes from and what to type, and asks Discord nothing", async () => {
  await using house = await startHouse({ secrets: {}, isEarly: true });
  const { lastError, linked } = await house.until("login-required");
  expect(lastError).toContain("discord.com/developers");
  expect(lastError).toContain("pincer secrets set DISCORD_BOT_TOKEN");
  expect(linked).toBe(false);
  expect(house.discord.calls).toEqual([]);
});

inEveryMode("a token", (mode, test) => {
  if (mode === "loopback") return;
  test("that is given later, is taken up by itself", async () => {
    await using house = await startHouse({ mode, secrets: {}, isEarly: true, fake: { keepsEarly: true } });
    await house.until("login-required");
    // As guides show it.
    await set(house, "DISCORD_BOT_TOKEN", `Bot ${TOKEN}`);
    await house.until("connected");
    house.discord.write(ada, direct, { content: "hello" });
    expect((await house.discord.message(0)).message.content).toBe("fine");
  });
});

test("a wrong token is told as one, whatever is wrong about it, and the right one is taken up by itself", async () => {
  const clock = createManualClock();
  for (const wrong of ["MTAwMDAwMDAwMDAwMDAwMDAx.wrong.token-of-the-test", "no token\nat all", ""]) {
    await using house = await startHouse({ clock, fake: { clock }, secrets: {}, config: { token: { secret: "MY_BOT" } }, isEarly: true });
    await set(house, "MY_BOT", wrong || " ");
    const { lastError } = await house.until("login-required");
    expect(lastError).toContain("pincer secrets set MY_BOT");
    expect(lastError).not.toContain(wrong || "undefined");
    await set(house, "MY_BOT", TOKEN);
    await clock.advance(10_000);
    await house.until("connected");
  }
});

test("a token that is revoked in the middle ends the connection, and the new one goes on where it was", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, fake: { clock }, secrets: { DISCORD_BOT_TOKEN: TOKEN } });
  house.discord.write(ada, direct, { content: "one" });
  await house.discord.message(0);
  house.discord.revoke(TOKEN);
  const { lastError } = await house.until("login-required");
  expect(lastError).toContain("does not accept the bot token");
  house.discord.write(ada, direct, { content: "two" });
  const fresh = `${TOKEN.split(".")[0]}.fresh.token-of-the-test`;
  house.discord.addBot(fresh, "pincer");
  await set(house, "DISCORD_BOT_TOKEN", fresh);
  await clock.advance(10_000);
  await house.until("connected");
  expect(await house.discord.message(1)).toMatchObject({ bot: fresh, message: { content: "fine" } });
  expect(await house.heard(1)).toContain("two");
});

test("an intent that is off is named, with where to turn it on; once it is on, everything goes on by itself", async () => {
  const clock = createManualClock();
  await using discord = startFakeDiscord({ clock });
  discord.direct(ada, direct);
  discord.bot.flags = 0;
  await using house = await startHouse({ clock, discord, isEarly: true });
  const { lastError } = await house.until("login-required");
  expect(lastError).toContain("Message Content intent");
  expect(lastError).toContain("https://discord.com/developers/applications");
  expect(await probe(house)).toMatchObject({ ok: false, self: "@pincer", hint: expect.stringContaining("Message Content intent") });
  const identified = () => discord.gateway.ledger.filter(({ op }) => op === 2).length;
  for (const until = clock.monotonic() + 120_000; clock.monotonic() < until; ) {
    await clock.advance(250);
    await house.status();
  }
  expect(identified()).toBe(1);
  discord.bot.flags = CONTENT_FLAG;
  while (identified() < 2) {
    await clock.advance(1_000);
    await house.status();
  }
  await house.until("connected");
});

test("two accounts are two bots, each with its own token, people and conversations", async () => {
  const token = `${Buffer.from("100000000000000002").toString("base64")}.other.token-of-the-test`;
  await using discord = startFakeDiscord();
  discord.direct(ada, direct);
  discord.direct({ id: "100000000000000007" }, "200000000000000007");
  discord.addBot(token, "office");
  await using house = await startHouse({
    discord,
    isEarly: true,
    secrets: { DISCORD_BOT_TOKEN_HOME: TOKEN, OFFICE_BOT: token },
    config: { direct: "allowlist", accounts: { home: {}, office: { token: { secret: "OFFICE_BOT" }, allowFrom: ["100000000000000007"] } } },
  });
  await house.until("connected", "home");
  await house.until("connected", "office");
  discord.write({ id: "100000000000000007" }, "200000000000000007", { content: "hi" });
  expect(await discord.message(0)).toMatchObject({ bot: token });
  discord.write(ada, direct, { content: "hi" });
  expect(await discord.message(1)).toMatchObject({ bot: TOKEN });
  expect(house.kit.model.models).toHaveLength(2);
});

test("nothing of a token is in a log, an error or a status", async () => {
  await using house = await startHouse({ isEarly: true, origin: "http://127.0.0.1:9" });
  await house.kit.logged("channel.disconnected");
  const address = { channel: "discord", account: "default", conversation: direct };
  const refused = await house.kit
    .uses(channel)
    .send({ address, text: "x", idempotencyKey: "x" }, { signal: house.kit.signal })
    .catch((error: unknown) => Bun.inspect(error));
  const said = [await house.status(), await probe(house), house.kit.log, refused];
  expect(refused).toContain("CHANNEL_UNAVAILABLE");
  expect(JSON.stringify(said)).not.toContain("fake-0");
});

test("a look at the account says what is wrong with it, and what to do", async () => {
  await using house = await startHouse();
  expect(await probe(house)).toEqual({ ok: true, self: "@pincer" });
  house.discord.refuse("GET /users/@me", unauthorized());
  expect(await probe(house)).toMatchObject({ ok: false, hint: expect.stringContaining("pincer secrets set") });
  house.discord.starts = 0;
  expect(await probe(house)).toMatchObject({ ok: false, hint: expect.stringContaining("60 minutes") });
});
