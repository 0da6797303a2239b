/** How what people write comes in: each message once, whatever becomes of the connection. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { startFaults } from "@pincer/plugin-sdk/testing/faults";
import { ada, direct, general, guild, startHouse } from "../../tests/channels/discord-house.ts";
import { type FakeDiscord, startFakeDiscord } from "../../tests/channels/fakes/discord/server.ts";

const contents = ({ world }: FakeDiscord) => world.sent.map(({ message }) => message.content);
const frames = ({ gateway }: FakeDiscord, op: number) => gateway.ledger.filter((frame) => frame.op === op);
const world = (discord: FakeDiscord) => {
  discord.guild(guild);
  discord.channel(general);
  discord.direct(ada, direct);
};

test("asked to connect again, it resumes its session at once", async () => {
  await using house = await startHouse();
  house.discord.write(ada, direct, { content: "one" });
  await house.discord.message(0);
  house.discord.gateway.reconnect();
  await house.discord.until(() => frames(house.discord, 6).length === 1);
  house.discord.write(ada, direct, { content: "two" });
  await house.discord.message(1);
  expect(frames(house.discord, 2)).toHaveLength(1);
  await house.until("connected");
});

test("events that come twice, or backwards, are each handled once", async () => {
  await using house = await startHouse();
  for (const text of ["one", "two", "three"]) house.discord.write(ada, direct, { content: text });
  await house.discord.until(() => house.kit.model.models.length > 0);
  house.discord.gateway.repeat(4);
  house.discord.gateway.repeat(4, (events) => events.toReversed());
  house.discord.write(ada, direct, { content: "last" });
  await house.discord.until(() => contents(house.discord).length > 0);
  await house.kit.call("health");
  while (!JSON.stringify(house.kit.model.models.at(-1)?.request.messages).includes("last")) await house.kit.call("health");
  const heard = JSON.stringify(house.kit.model.models.at(-1)?.request.messages);
  for (const text of ["one", "two", "three", "last"]) expect(heard.split(`\\n${text}\\n`)).toHaveLength(2);
});

test("what is no event does not end the connection, and one that nobody can read does not hold up those behind it", async () => {
  await using house = await startHouse();
  house.discord.gateway.raw("no JSON");
  house.discord.gateway.raw(JSON.stringify({ op: 99, d: null }));
  house.discord.gateway.tell("MESSAGE_CREATE", () => ({ id: "1", channel_id: direct, author: { id: ada.id }, content: 7 }));
  house.discord.gateway.tell("NEVER_HEARD_OF", () => ({ a: 1 }));
  house.discord.write(ada, direct, { content: "x".repeat(200_000) });
  expect(await house.heard(0)).toContain("xxxx");
  await house.discord.message(0);
  expect(house.kit.log.some(({ event }) => event === "discord.event-unreadable")).toBe(true);
  expect(frames(house.discord, 2)).toHaveLength(1);
});

test("an hour without a connection is waited for with growing pauses, and what was missed is handed out once", async () => {
  const clock = createManualClock();
  await using discord = startFakeDiscord({ clock });
  world(discord);
  await using faults = startFaults(discord.origin);
  await using house = await startHouse({ clock, discord, settings: {}, origin: faults.url });
  discord.write(ada, direct, { content: "before" });
  // Until the gateway knows that its answer was taken, it sends it again.
  while ((await house.status())["lastOutboundAt"] === null);
  faults.disconnect();
  await house.kit.logged("channel.disconnected");
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(60_000);
    await house.status();
    if (minute === 58) discord.write(ada, direct, { content: "meanwhile" });
  }
  expect(faults.requests.filter(({ path }) => path.endsWith("/users/@me")).length).toBeLessThan(80);
  faults.connect();
  // However long the pause is that it is in.
  while (discord.world.sent.length < 2) {
    await clock.advance(50);
    await house.status();
  }
  expect(await house.heard(1)).toContain("meanwhile");
  expect(frames(discord, 6).length).toBeGreaterThan(0);
  expect(frames(discord, 2)).toHaveLength(1);
}, 120_000);

test("an answer that may have been taken is not sent again behind an outage that is longer than Discord knows it, and told as uncertain", async () => {
  const clock = createManualClock();
  await using discord = startFakeDiscord({ clock });
  world(discord);
  await using faults = startFaults(discord.origin);
  await using house = await startHouse({ clock, discord, settings: {}, origin: faults.url });
  faults.next({ method: "POST", path: "/messages" }, "lost");
  discord.write(ada, direct, { content: "before" });
  await discord.message(0);
  faults.disconnect();
  for (let minute = 0; minute < 10; minute++) {
    await clock.advance(60_000);
    await house.status();
  }
  faults.connect();
  while ((await house.status())["lastUndelivered"] === null && discord.world.sent.length === 1) await clock.advance(200);
  expect(discord.world.sent).toHaveLength(1);
  expect(await house.status()).toMatchObject({ lastUndelivered: { state: "uncertain", conversation: direct } });
}, 120_000);

test("what was written while no session ran is fetched, in order and once, from where somebody was answered", async () => {
  const clock = createManualClock();
  await using discord = startFakeDiscord({ clock });
  world(discord);
  await using faults = startFaults(discord.origin);
  await using house = await startHouse({ clock, discord, origin: faults.url, config: { groups: { "*": { policy: "allow" } } } });
  discord.write(ada, direct, { content: "before" });
  await discord.message(0);
  discord.write(ada, general.id, { content: "here too" });
  await discord.message(1);
  const reads = () => discord.calls.filter(({ route }) => route === "GET /channels/:id/messages").length;
  faults.disconnect();
  discord.gateway.forget();
  await clock.advance(1000);
  // More than a page.
  for (let index = 0; index < 150; index++) {
    await clock.advance(10);
    discord.write(index % 4 === 0 ? ada : { id: "100000000000000666" }, direct, { content: `missed ${index}` });
  }
  discord.write(ada, general.id, { content: "missed there" });
  faults.connect();
  for (const last of ["missed there", "missed 148"])
    while (!JSON.stringify(house.kit.model.models.map(({ request }) => request.messages)).includes(last)) {
      // Steps are small: hearts beat by the system's clock, and one that is not answered for long enough by this one is dead.
      await clock.advance(50);
      await house.status();
    }
  const heard = JSON.stringify(
    house.kit.model.models.findLast(({ request }) => JSON.stringify(request).includes("missed 148"))!.request.messages,
  );
  const order = [...heard.matchAll(/missed (\d+)\b/g)].map(([, index]) => Number(index));
  expect(order).toEqual(order.toSorted((a, b) => a - b));
  expect(new Set(order).size).toBe(order.length);
  expect(reads()).toBe(3);
  expect(frames(discord, 2)).toHaveLength(2);
}, 120_000);

test("a session that Discord calls invalid is followed by a new one, and nothing is lost in between", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, fake: { clock } });
  house.discord.write(ada, direct, { content: "one" });
  await house.discord.message(0);
  house.discord.gateway.invalidate();
  house.discord.write(ada, direct, { content: "in between" });
  while (frames(house.discord, 2).length < 2) {
    await clock.advance(500);
    await house.status();
  }
  await house.discord.message(1);
  expect(await house.heard(1)).toContain("in between");
});

test("a session whose place Discord does not know is given up, and a new one goes on", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, fake: { clock } });
  house.discord.write(ada, direct, { content: "one" });
  await house.discord.message(0);
  for (const session of house.discord.gateway.sessions.values()) session.seq = 0;
  house.discord.gateway.drop(4000);
  house.discord.write(ada, direct, { content: "two" });
  while (frames(house.discord, 2).length < 2) {
    await clock.advance(500);
    await house.status();
  }
  await house.discord.message(1);
  expect(house.discord.gateway.closes).toContain(4007);
});

test("what a gateway had kept before it ended is not handed out again, and what it had not, is", async () => {
  await using discord = startFakeDiscord();
  world(discord);
  const first = await startHouse({ discord });
  discord.write(ada, direct, { content: "one" });
  await discord.message(0);
  const { home } = first.kit;
  await first.kit.stop();
  expect(discord.gateway.closes).toEqual([4200]);
  discord.write(ada, direct, { content: "two" });
  await using second = await startHouse({ discord, home });
  expect(await second.heard(0)).toContain("two");
  await discord.message(1);
  expect(frames(discord, 2)).toHaveLength(1);
  await first[Symbol.asyncDispose]();
});

test("a new generation in the middle of a conversation loses nothing and says nothing twice", async () => {
  await using house = await startHouse();
  for (let round = 0; round < 5; round++) {
    house.discord.write(ada, general.id, { content: `round ${round}` });
    house.discord.write(ada, direct, { content: `round ${round}` });
    if (round % 2 === 0) await house.kit.reload();
    await house.discord.message(round);
  }
  await house.until("connected");
  expect(house.discord.world.sent).toHaveLength(5);
  expect(frames(house.discord, 2)).toHaveLength(1);
});

test("a heart that nobody answers is a connection that is over", async () => {
  await using house = await startHouse({ fake: { heartbeatMs: 60 } });
  house.discord.gateway.deafen();
  await house.discord.until(() => frames(house.discord, 1).length > 0);
  await house.until("reconnecting");
});

test("a gateway that takes no more logins today is told of, and not asked over and over", async () => {
  await using discord = startFakeDiscord();
  discord.starts = 0;
  await using house = await startHouse({ discord, isEarly: true });
  await house.kit.logged("channel.disconnected");
  expect((await house.status())["lastError"]).toContain("60 minutes");
  expect(frames(discord, 2)).toHaveLength(0);
});

testIn("process")("killed between two messages of one answer, it repeats neither", async () => {
  await using discord = startFakeDiscord();
  world(discord);
  await using faults = startFaults(discord.origin);
  const gate = Promise.withResolvers<void>();
  await using house = await startHouse({ discord, mode: "process", origin: faults.url });
  faults.next({ method: "POST", path: "/messages" }, { held: gate.promise });
  const file = { buffer: Buffer.from("milk").toString("base64"), filename: "list.txt", contentType: "text/plain" };
  const sent = house.kit.call("send", { channel: "discord", to: direct, message: "the list", ...file, idempotencyKey: "k" });
  await discord.message(0);
  await house.kit.crash();
  gate.resolve();
  await sent;
  discord.write(ada, direct, { content: "still there?" });
  await discord.until(() => contents(discord).includes("fine"));
  expect(contents(discord)).toEqual(["the list", "fine"]);
});
