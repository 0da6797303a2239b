/** The account's login: none, a wrong one, one that is taken back, several; and what a person is told to do. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { APP_TOKEN, TOKEN } from "../../tests/channels/fakes/slack/server.ts";
import { ada, dm, secrets, startHouse } from "../../tests/channels/slack-house.ts";

type House = Awaited<ReturnType<typeof startHouse>>;

const probe = (house: House) => house.kit.uses(channelActions).probe!({ account: "default" }, { signal: house.kit.signal });
const set = (house: House, name: string, value: string) => house.kit.call("secrets.store.set", { name, value, kind: "secret" });

test("without a token it says where one comes from and what to type, and asks Slack nothing", async () => {
  await using house = await startHouse({ secrets: {} });
  const { lastError, linked } = await house.until("login-required");
  expect(lastError).toContain("Bot User OAuth Token");
  expect(lastError).toContain("pincer secrets set SLACK_BOT_TOKEN");
  expect(linked).toBe(false);
  expect(house.slack.calls).toEqual([]);
});

inEveryMode("tokens", (mode, test) => {
  if (mode === "loopback") return;
  test("that are given later, are taken up by themselves", async () => {
    await using house = await startHouse({ mode, secrets: {} });
    await house.until("login-required");
    await set(house, "SLACK_BOT_TOKEN", TOKEN);
    await set(house, "SLACK_APP_TOKEN", APP_TOKEN);
    await house.until("connected");
    house.slack.write(ada.id, dm, { text: "hello" });
    expect(await house.slack.message(0)).toMatchObject({ text: "fine" });
  });
});

test("a wrong token is told as one, whatever is wrong about it, and the right one is taken up by itself", async () => {
  const clock = createManualClock();
  for (const [wrong, told] of [
    ["xoxb-wrong-token-of-the-test", "does not accept the bot token (invalid_auth)"],
    [APP_TOKEN, "something else than a bot token (which begins with xoxb-)"],
    ["no token at all", "something else than a bot token"],
    [" ", "there is no bot token"],
  ] as const) {
    await using house = await startHouse({
      clock,
      fake: { clock },
      secrets: { SLACK_APP_TOKEN: APP_TOKEN },
      config: { token: { secret: "MY_BOT" } },
    });
    await set(house, "MY_BOT", wrong);
    const { lastError } = await house.until("login-required");
    expect(lastError).toContain(told);
    expect(lastError).toContain("pincer secrets set MY_BOT");
    if (wrong !== " ") expect(lastError).not.toContain(wrong);
    await set(house, "MY_BOT", TOKEN);
    await clock.advance(10_000);
    await house.until("connected");
  }
});

test("the app-level token is missed and refused by its own name", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, fake: { clock }, secrets: { SLACK_BOT_TOKEN: TOKEN } });
  expect((await house.until("login-required"))["lastError"]).toContain("pincer secrets set SLACK_APP_TOKEN");
  expect(await probe(house)).toMatchObject({ ok: false, hint: expect.stringContaining("connections:write") });
  await set(house, "SLACK_APP_TOKEN", "xapp-wrong");
  while (!String((await house.status())["lastError"]).includes("does not accept the app-level token")) await clock.advance(500);
  await set(house, "SLACK_APP_TOKEN", APP_TOKEN);
  await clock.advance(10_000);
  await house.until("connected");
});

test("a token that is revoked in the middle ends the connection, and the new one goes on", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, fake: { clock }, secrets: { SLACK_APP_TOKEN: APP_TOKEN } });
  await set(house, "SLACK_BOT_TOKEN", TOKEN);
  await house.until("connected");
  house.slack.write(ada.id, dm, { text: "one" });
  await house.slack.message(0);
  house.slack.app.ended = "token_revoked";
  house.slack.deliveries.event({ type: "tokens_revoked", tokens: { bot: ["UBOT1"] } });
  expect((await house.until("login-required"))["lastError"]).toContain("token_revoked");
  const fresh = "xoxb-fresh-token-of-the-test";
  const app = house.slack.install({ token: fresh, appToken: "xapp-fresh", user: "UBOT1" });
  house.slack.write(ada.id, dm, { text: "two" });
  await set(house, "SLACK_APP_TOKEN", app.appToken);
  await set(house, "SLACK_BOT_TOKEN", fresh);
  await clock.advance(10_000);
  expect(await house.slack.message(1)).toMatchObject({ text: "fine" });
});

test("two accounts are two apps, each with its own tokens, people and conversations", async () => {
  const token = "xoxb-other-token-of-the-test";
  await using house = await startHouse({
    secrets: { SLACK_BOT_TOKEN_HOME: TOKEN, SLACK_APP_TOKEN_HOME: APP_TOKEN, OFFICE_BOT: token, SLACK_APP_TOKEN_OFFICE: "xapp-office" },
    config: { direct: "allowlist", accounts: { home: {}, office: { token: { secret: "OFFICE_BOT" }, allowFrom: ["UGRACE"] } } },
  });
  const office = house.slack.install({ token, appToken: "xapp-office", user: "UBOT2" });
  house.slack.conversation("DGRACE", { apps: [office] });
  house.slack.conversation("DOTHER");
  await house.until("connected", "home");
  await house.until("connected", "office");
  house.slack.write("UGRACE", "DGRACE", { text: "hi" });
  expect(await house.slack.message(0)).toMatchObject({ app: "UBOT2", conversation: "DGRACE" });
  house.slack.write("UGRACE", "DOTHER", { text: "hi" });
  house.slack.write(ada.id, dm, { text: "hi" });
  expect(await house.slack.message(1)).toMatchObject({ app: "UBOT1", conversation: dm });
  expect(house.kit.model.models).toHaveLength(2);
});

test("nothing of a token is in a log, an error or a status", async () => {
  await using house = await startHouse({ config: { slackApiUrl: "http://127.0.0.1:9/api" } });
  await house.kit.logged("channel.disconnected");
  const address = { channel: "slack", account: "default", conversation: dm };
  const refused = await house.kit
    .uses(channel)
    .send({ address, text: "x", idempotencyKey: "x" }, { signal: house.kit.signal })
    .catch((error: unknown) => Bun.inspect(error));
  const said = JSON.stringify([await house.status(), await probe(house), house.kit.log, refused]);
  expect(refused).toContain("CHANNEL_UNAVAILABLE");
  for (const secret of Object.values(secrets)) expect(said).not.toContain(secret);
});

test("a look at the account says which scopes are missing, what is lost without them, and what to do", async () => {
  await using house = await startHouse();
  expect(await probe(house)).toEqual({ ok: true, self: "@pincer" });
  house.slack.app.scopes.delete("files:read");
  house.slack.app.scopes.delete("users:read");
  expect(await probe(house)).toMatchObject({
    ok: true,
    detail: expect.stringContaining("files that people send, people's names"),
    hint: expect.stringMatching(/add the scopes files:read, users:read.*install the app again/),
  });
  house.slack.app.scopes.delete("chat:write");
  expect(await probe(house)).toMatchObject({ ok: false, self: "@pincer", hint: expect.stringContaining("add the scope chat:write") });
  house.slack.app.ended = "account_inactive";
  expect(await probe(house)).toMatchObject({ ok: false, hint: expect.stringContaining("pincer secrets set SLACK_BOT_TOKEN") });
});
