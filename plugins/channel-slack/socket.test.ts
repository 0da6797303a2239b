/** Connections of Socket Mode: what comes over them is kept before Slack is told, and nothing is lost when one goes. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { startFaults } from "@pincer/plugin-sdk/testing/faults";
import { TooMany } from "../../tests/channels/fakes/slack/refusal.ts";
import { startFakeSlack } from "../../tests/channels/fakes/slack/server.ts";
import { ada, dm, engines, startHouse } from "../../tests/channels/slack-house.ts";

test("a connection that Slack wants to end is followed by the next before it goes, and nobody notices", async () => {
  await using house = await startHouse();
  await house.until("connected");
  for (const reason of ["warning", "refresh_requested"] as const) {
    const before = house.slack.calls.filter(({ method }) => method === "apps.connections.open").length;
    house.slack.deliveries.disconnect(reason);
    await house.slack.until(() => house.slack.calls.filter(({ method }) => method === "apps.connections.open").length > before);
    await house.slack.until(() => house.slack.deliveries.sockets.size > 1);
    house.slack.write(ada.id, dm, { text: reason });
    await house.slack.until(() => house.slack.deliveries.pending === 0);
    // Slack ends the old one itself.
    [...house.slack.deliveries.sockets][0]?.close();
    await house.slack.until(() => house.slack.deliveries.sockets.size === 1);
  }
  await house.slack.message(1);
  expect((await house.status())["healthState"]).toBe("connected");
  expect(house.kit.log.filter(({ event }) => event === "channel.disconnected")).toEqual([]);
});

test("of several connections one may break, and the others go on", async () => {
  await using house = await startHouse({ config: { connections: 3 } });
  await house.slack.until(() => house.slack.deliveries.sockets.size === 3);
  [...house.slack.deliveries.sockets][0]?.terminate();
  house.slack.write(ada.id, dm, { text: "one" });
  await house.slack.message(0);
  await house.slack.until(() => house.slack.deliveries.sockets.size === 3);
  for (let round = 0; round < 6; round++) house.slack.write(ada.id, dm, { text: `m${round}` });
  await house.slack.until(() => house.slack.deliveries.pending === 0);
  expect(house.kit.log.filter(({ event }) => event === "channel.disconnected")).toEqual([]);
});

test("Socket Mode that is turned off is told with what to do, and goes on by itself once it is on", async () => {
  await using house = await startHouse();
  await house.until("connected");
  house.slack.deliveries.disconnect("link_disabled");
  await house.kit.logged("channel.disconnected");
  expect(JSON.stringify(house.kit.log)).toContain("turn Socket Mode on");
  house.slack.write(ada.id, dm, { text: "hello" });
  expect(await house.slack.message(0)).toMatchObject({ text: "fine" });
});

testIn("process")("nothing is acknowledged before it is kept: what a killed plugin had not kept comes again", async () => {
  await using slack = startFakeSlack();
  slack.person(ada);
  slack.conversation(dm);
  await using faults = startFaults(slack.url);
  const gate = Promise.withResolvers<void>();
  faults.next({ path: "/files-pri/" }, { held: gate.promise });
  await using house = await startHouse({ slack, mode: "process", config: { slackApiUrl: `${faults.url}/api` } });
  const files = [slack.file("notes.txt", new TextEncoder().encode("note"), "text/plain")];
  slack.write(ada.id, dm, { subtype: "file_share", text: "read this", files });
  while (!faults.requests.some(({ path }) => path.startsWith("/files-pri/"))) await house.kit.call("health");
  expect(slack.deliveries.acknowledged).toEqual([]);
  await house.kit.crash();
  gate.resolve();
  expect(await slack.message(0)).toMatchObject({ text: "fine" });
  await slack.until(() => slack.deliveries.pending === 0);
  expect(slack.deliveries.acknowledged).toHaveLength(1);
  expect(slack.world.sent).toHaveLength(1);
});

test("an hour without a connection is waited for with growing pauses, and what was written meanwhile is fetched once", async () => {
  const clock = createManualClock();
  await using slack = startFakeSlack({ clock });
  slack.person(ada);
  for (const place of [dm, "DGRACE", "DUNKNOWN"]) slack.conversation(place);
  slack.conversation(engines, { name: "engines" });
  await using faults = startFaults(slack.url);
  await using house = await startHouse({
    ...{ clock, slack, settings: {} },
    config: { slackApiUrl: `${faults.url}/api`, allowFrom: [ada.id, "UGRACE"] },
  });
  await house.until("connected");
  slack.write(ada.id, dm, { text: "hello" });
  slack.write("UGRACE", "DGRACE", { text: "hello" });
  slack.write(ada.id, engines, { text: "<@UBOT1> hello" });
  await slack.message(2);
  const thread = slack.world.sent.find(({ conversation }) => conversation === engines)!.ts;
  slack.write(ada.id, engines, { text: "in the thread", thread_ts: thread });
  await slack.message(3);
  faults.disconnect();
  await house.kit.logged("channel.disconnected");
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(60_000);
    await house.status();
    if (minute !== 50) continue;
    slack.write(ada.id, engines, { text: "to nobody" });
    slack.write(ada.id, engines, { text: "in the thread again", thread_ts: thread });
  }
  slack.write(ada.id, dm, { text: "from Ada" });
  slack.write("UGRACE", "DGRACE", { text: "from Grace" });
  const asked = faults.requests.filter(({ path }) => path.endsWith("/auth.test")).length;
  expect(asked).toBeLessThan(80);
  faults.connect();
  const told = (conversation: string) => slack.world.sent.filter((sent) => sent.conversation === conversation).length;
  while (told(dm) < 2 || told("DGRACE") < 2) {
    await clock.advance(50);
    await house.status();
  }
  await house.until("connected");
  expect([told(dm), told("DGRACE")]).toEqual([2, 2]);
  const texts = JSON.stringify(house.kit.model.models.map(({ request }) => request.messages));
  expect(texts).not.toContain("to nobody");
}, 120_000);

test("what is asked for after a silence is bounded, in order, and waited for when Slack says so", async () => {
  await using slack = startFakeSlack();
  slack.person(ada);
  slack.conversation(dm);
  const first = await startHouse({ slack });
  slack.write(ada.id, dm, { text: "one" });
  await slack.message(0);
  const { home } = first.kit;
  await first.kit.stop();
  for (let index = 0; index < 150; index++) slack.write(ada.id, dm, { text: `missed ${index}` }, true);
  slack.refuse("conversations.history", new TooMany(1));
  await using second = await startHouse({ slack, home });
  const seen = () => JSON.stringify(second.kit.model.models.map(({ request }) => request.messages));
  while (!seen().includes("missed 149")) await second.kit.call("health");
  const order = [...seen().matchAll(/missed (\d+)\b/g)].map(([, index]) => Number(index));
  expect(new Set(order).size).toBe(150);
  expect(slack.calls.filter(({ method }) => method === "conversations.history").length).toBeGreaterThanOrEqual(3);
  await first[Symbol.asyncDispose]();
}, 120_000);

test("a conversation that is closed to it is not asked about again", async () => {
  await using slack = startFakeSlack();
  slack.person(ada);
  slack.conversation(dm);
  slack.conversation(engines, { name: "engines" });
  const first = await startHouse({ slack });
  slack.write(ada.id, engines, { text: "<@UBOT1> one" });
  await slack.message(0);
  slack.conversation(engines).apps.clear();
  await first.until("connected");
  await first.kit.reload();
  await first.kit.logged("slack.missed-unread");
  const asked = () => slack.calls.filter(({ method }) => method === "conversations.history").length;
  const before = asked();
  await first.kit.reload();
  slack.write(ada.id, dm, { text: "hello" });
  await slack.message(1);
  expect(asked()).toBe(before);
  await first[Symbol.asyncDispose]();
});

test("a new generation in the middle of a conversation loses nothing and says nothing twice", async () => {
  await using house = await startHouse();
  for (let round = 0; round < 5; round++) {
    house.slack.write(ada.id, dm, { text: `round ${round}` });
    if (round % 2 === 0) await house.kit.reload();
    await house.slack.message(round);
  }
  await house.until("connected");
  expect(house.slack.world.sent).toHaveLength(5);
});

test("what is out of its order, and what is larger than anything, does no harm", async () => {
  await using house = await startHouse();
  const { world, deliveries } = house.slack;
  const [early, late] = [world.nextTs(), world.nextTs()];
  const said = (ts: string, text: string) => ({ type: "message", channel: dm, channel_type: "im", user: ada.id, text, ts, event_ts: ts });
  deliveries.event(said(late, "the later one"));
  deliveries.event(said(early, "the earlier one"));
  deliveries.event(said(late, "the later one"));
  deliveries.event(said(world.nextTs(), "x".repeat(5 * 1024 * 1024)));
  deliveries.event(said(world.nextTs(), `long ${"y".repeat(39_000)}`));
  const seen = () => JSON.stringify(house.kit.model.models.map(({ request }) => request.messages));
  while (!["later", "earlier", "long yyy"].every((text) => seen().includes(text))) await house.kit.call("health");
  await house.until("connected");
  await house.slack.until(() => house.slack.deliveries.pending === 1);
});

testIn("process")("killed between a text and the file behind it, it repeats neither, and whoever sent them is told", async () => {
  await using slack = startFakeSlack();
  slack.person(ada);
  slack.conversation(dm);
  await using faults = startFaults(slack.url);
  const gate = Promise.withResolvers<void>();
  faults.next({ path: "/files.completeUploadExternal" }, { held: gate.promise });
  await using house = await startHouse({ slack, mode: "process", config: { slackApiUrl: `${faults.url}/api` } });
  const file = { buffer: Buffer.from("milk").toString("base64"), filename: "list.txt", contentType: "text/plain" };
  const sent = house.kit.call("send", { channel: "slack", to: dm, message: "the list", ...file, idempotencyKey: "k" });
  await slack.message(0);
  await house.kit.crash();
  gate.resolve();
  expect(await sent).toMatchObject({ status: "uncertain" });
  slack.write(ada.id, dm, { text: "still there?" });
  await slack.until(() => slack.world.sent.some(({ text }) => text === "fine"));
  expect(slack.world.sent.map(({ text }) => text)).toEqual(["the list", "fine"]);
});
