/** Slack calls the gateway, in place of the gateway connecting to Slack. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { signed } from "../../tests/channels/fakes/slack/deliveries.ts";
import { SIGNING_SECRET, startFakeSlack, TOKEN } from "../../tests/channels/fakes/slack/server.ts";
import { ada, dm, engines, startHouse } from "../../tests/channels/slack-house.ts";

const path = "/plugins/channel-slack/default";
const app = { signingSecret: SIGNING_SECRET };

async function startCalled(options: Parameters<typeof startHouse>[0] = {}) {
  const house = await startHouse({
    secrets: { SLACK_BOT_TOKEN: TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET },
    ...options,
    fake: { retriesMs: [5, 5, 5, 5, 5, 5], ...options.fake },
    config: { mode: "http", ...options.config },
  });
  await house.until("connected");
  house.slack.deliveries.callAt(`${house.kit.url}${path}`);
  return house;
}

const event = (text: string, ts: string) =>
  JSON.stringify({
    type: "event_callback",
    event_id: "Ev1",
    event: { type: "message", channel: dm, channel_type: "im", user: ada.id, text, ts },
  });

inEveryMode("the Events API", (mode, test) => {
  if (mode === "loopback") return;
  test("brings messages, presses and commands, each answered once", async () => {
    await using house = await startCalled({ mode, fake: { twice: true } });
    house.slack.write(ada.id, dm, { text: "hello" });
    expect(await house.slack.message(0)).toMatchObject({ conversation: dm, text: "fine" });
    house.slack.write(ada.id, engines, { text: "<@UBOT1> hello" });
    expect(await house.slack.message(1)).toMatchObject({ conversation: engines, text: "fine" });
    house.slack.command(ada.id, dm, "/pincer", "/help");
    expect((await house.slack.message(2)).text).toContain("/status");
    await house.slack.until(() => house.slack.deliveries.pending === 0);
    expect(house.slack.deliveries.called.every(({ status }) => status === 200)).toBe(true);
    expect(house.slack.world.sent).toHaveLength(3);
    expect(house.slack.calls.some(({ method }) => method === "apps.connections.open")).toBe(false);
  });
});

test("the address is confirmed when Slack asks for it, and only to Slack", async () => {
  await using house = await startCalled();
  const body = JSON.stringify({ type: "url_verification", challenge: "abc", token: "x" });
  const call = (headers: Record<string, string>) => house.kit.request(path, { method: "POST", headers, body });
  const answer = await call(signed(app, { now: Date.now }, body));
  expect([answer.status, await answer.text()]).toEqual([200, "abc"]);
  expect((await call({ "content-type": "application/json" })).status).toBe(401);
});

test("who cannot sign is not heard, nor who repeats what was signed long ago", async () => {
  const clock = createManualClock();
  await using house = await startCalled({ clock, fake: { clock } });
  const body = event("let me in", "1700000000.000100");
  const call = async (headers: Record<string, string>, text = body, where = path) =>
    (await house.kit.request(where, { method: "POST", headers, body: text })).status;
  const good = signed(app, clock, body);
  expect(await call({})).toBe(401);
  expect(await call(signed({ signingSecret: "another-secret" }, clock, body))).toBe(401);
  expect(await call({ ...good, "x-slack-signature": "v0=" })).toBe(401);
  expect(await call({ ...good, "x-slack-signature": good["x-slack-signature"].replace("v0=", "v1=") })).toBe(401);
  expect(await call({ ...good, "x-slack-request-timestamp": "soon" })).toBe(401);
  expect(await call(good, `${body} `)).toBe(401);
  expect(await call(good, body, "/plugins/channel-slack/nobody")).toBe(503);
  expect((await house.kit.request(path)).status).toBe(405);
  expect(await call(signed(app, { now: () => clock.now() - 301_000 }, body))).toBe(401);
  expect(await call(signed(app, { now: () => clock.now() + 301_000 }, body))).toBe(401);
  expect(house.kit.model.models).toHaveLength(0);
});

test("what was signed may be repeated, and is answered once", async () => {
  await using house = await startCalled();
  const body = event("hello", house.slack.world.nextTs());
  const headers = signed(app, { now: Date.now }, body);
  for (let time = 0; time < 3; time++) expect((await house.kit.request(path, { method: "POST", headers, body })).status).toBe(200);
  await house.slack.message(0);
  house.slack.write(ada.id, dm, { text: "last" });
  await house.slack.message(1);
  expect(house.kit.model.models).toHaveLength(2);
});

test("what comes while nobody receives is brought again, and answered once", async () => {
  await using house = await startCalled({ fake: { retriesMs: Array<number>(400).fill(5) } });
  await house.kit.call("channels.stop", { channel: "slack" });
  house.slack.write(ada.id, dm, { text: "anybody?" });
  await house.slack.until(() => house.slack.deliveries.called.some(({ status }) => status === 503));
  await house.kit.call("channels.start", { channel: "slack" });
  expect(await house.slack.message(0)).toMatchObject({ text: "fine" });
  await house.slack.until(() => house.slack.deliveries.pending === 0);
  expect(house.slack.deliveries.called.at(-1)?.retry).toBeGreaterThan(0);
  expect(house.slack.world.sent).toHaveLength(1);
});

test("what is nothing that Slack brings is refused, and not asked for again", async () => {
  await using house = await startCalled();
  const call = async (body: string, isJson = true) =>
    await house.kit.request(path, { method: "POST", headers: signed(app, { now: Date.now }, body, isJson), body });
  for (const body of ["{", "null", "7"]) {
    const response = await call(body);
    expect([response.status, response.headers.get("x-slack-no-retry")]).toEqual([400, "1"]);
  }
  expect((await call("payload=%7B", false)).status).toBe(400);
  expect((await call("ssl_check=1&token=x", false)).status).toBe(200);
  expect((await call("x=1", false)).status).toBe(200);
  expect((await call("y".repeat(5 * 1024 * 1024))).status).toBe(413);
  expect(house.kit.log.filter(({ event }) => event === "slack.event-unreadable").length).toBeGreaterThanOrEqual(4);
});

test("without the signing secret it says where one is, and receives nothing", async () => {
  await using slack = startFakeSlack();
  await using house = await startHouse({ slack, secrets: { SLACK_BOT_TOKEN: TOKEN }, config: { mode: "http" } });
  const { lastError } = await house.until("login-required");
  expect(lastError).toContain("pincer secrets set SLACK_SIGNING_SECRET");
  const body = event("hello", "1700000000.000100");
  expect((await house.kit.request(path, { method: "POST", headers: signed(app, { now: Date.now }, body), body })).status).toBe(503);
});

test("an app that is taken out of the workspace must log in again", async () => {
  await using house = await startCalled();
  house.slack.app.ended = "account_inactive";
  house.slack.deliveries.event({ type: "app_uninstalled" });
  expect((await house.until("login-required"))["lastError"]).toContain("account_inactive");
});

test("what was written while the gateway was away is asked for, however it is called", async () => {
  await using house = await startCalled();
  house.slack.write(ada.id, dm, { text: "one" });
  await house.slack.message(0);
  await house.kit.call("channels.stop", { channel: "slack" });
  house.slack.write(ada.id, dm, { text: "while away" }, true);
  await house.kit.call("channels.start", { channel: "slack" });
  expect(await house.heard(1)).toContain("while away");
});
