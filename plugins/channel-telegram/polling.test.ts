/** How messages are fetched: each once, whatever comes in between. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { startFaults } from "@pincer/plugin-sdk/testing/faults";
import { startFakeTelegram } from "../../tests/channels/fakes/telegram/server.ts";
import { ada, group, quick, startHouse } from "../../tests/channels/telegram-house.ts";

test("another program that asks for the same bot's messages is told of clearly, and everything goes on once it stops", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, fake: { clock } });
  await house.until("connected");
  const { updates } = house.telegram.account;
  await house.telegram.until(() => updates.isPolled);
  const other = new AbortController();
  const theirs = updates.getUpdates({ timeout: 50 }, other.signal);
  const { lastError } = await house.until("reconnecting");
  expect(lastError).toContain("another program asks for this bot's messages");
  expect(lastError).toContain("/revoke");
  other.abort();
  await theirs;
  house.telegram.write(ada, { text: "hello" });
  await house.until("connected");
  expect(await house.telegram.message(0)).toMatchObject({ text: "fine" });
});

test("an hour without a connection is waited for with growing pauses, and what was written meanwhile is fetched once", async () => {
  const clock = createManualClock();
  await using telegram = startFakeTelegram({ clock });
  await using faults = startFaults(telegram.url);
  await using house = await startHouse({ clock, telegram, settings: {}, config: { apiRoot: faults.url, allowFrom: ["42", "43"] } });
  await house.until("connected");
  faults.disconnect();
  await house.kit.logged("channel.disconnected");
  for (let minute = 0; minute < 60; minute++) {
    await clock.advance(60_000);
    await house.status();
    if (minute === 58) for (const id of [42, 43]) telegram.write({ ...ada, id }, { text: `from ${id}` });
  }
  const asked = faults.requests.filter(({ path }) => path.endsWith("/getMe")).length;
  expect(asked).toBeLessThan(80);
  faults.connect();
  // However long the pause is that it is in.
  while (telegram.world.sent.length < 2) {
    await clock.advance(50);
    await house.status();
  }
  expect(telegram.world.sent.map(({ chat, text }) => [chat, text]).toSorted()).toEqual([
    [42, "fine"],
    [43, "fine"],
  ]);
}, 120_000);

test("what a gateway had kept before it ended is not asked for again, and what it had not, is", async () => {
  await using telegram = startFakeTelegram();
  const first = await startHouse({ telegram });
  telegram.write(ada, { text: "one" });
  await telegram.message(0);
  const { home } = first.kit;
  await first.kit.stop();
  telegram.write(ada, { text: "two" });
  await using second = await startHouse({ telegram, home });
  expect(await second.heard(0)).toContain("two");
  await telegram.message(1);
  expect(telegram.world.sent).toHaveLength(2);
  await first[Symbol.asyncDispose]();
});

test("numbers that begin anew after a quiet week are no reason to be deaf", async () => {
  await using house = await startHouse();
  house.telegram.write(ada, { text: "one" });
  await house.telegram.message(0);
  house.telegram.account.updates.renumber(1000);
  house.telegram.write(ada, { text: "two" });
  expect(await house.heard(1)).toContain("two");
  house.telegram.write(ada, { text: "three" });
  expect(await house.heard(2)).toContain("three");
});

test("an update that nobody can read does not hold up those behind it", async () => {
  await using house = await startHouse();
  const add = (message: object) => house.telegram.account.updates.add("message", message, 42);
  add({ message_id: 1, from: { id: 42 }, text: 7, date: "never" });
  add({ message_id: 2, from: { id: 42, first_name: "Ada" }, chat: { id: 42, type: "private" }, text: "no date" });
  house.telegram.write(ada, { text: "hello" });
  expect(await house.telegram.message(0)).toMatchObject({ text: "fine" });
  expect(house.kit.log.filter(({ event }) => event === "telegram.update-unreadable")).toHaveLength(2);
});

test("a new generation in the middle of a conversation loses nothing and says nothing twice", async () => {
  await using house = await startHouse();
  for (let round = 0; round < 5; round++) {
    house.telegram.write({ ...ada, id: 100 + round }, { text: `round ${round}` }, group.id);
    house.telegram.write(ada, { text: `round ${round}` });
    if (round % 2 === 0) await house.kit.reload();
    await house.telegram.message(round);
  }
  await house.until("connected");
  expect(house.telegram.world.sent).toHaveLength(5);
});

test("a webhook that another program has set is not taken away unless the operator says so", async () => {
  await using telegram = startFakeTelegram();
  telegram.account.updates.setWebhook("https://other.example.com/hook", undefined, undefined, false);
  {
    await using house = await startHouse({ telegram, settings: quick });
    await house.kit.logged("channel.disconnected");
    expect((await house.status())["lastError"]).toContain("other.example.com");
    expect(telegram.account.updates.webhook).toBe("https://other.example.com/hook");
  }
  await using house = await startHouse({ telegram, config: { replaceWebhook: true } });
  telegram.write(ada, { text: "hello" });
  expect(await telegram.message(0)).toMatchObject({ text: "fine" });
  expect(telegram.account.updates.webhook).toBeUndefined();
  await house.until("connected");
});

testIn("process")("killed between a text and the file behind it, it repeats neither, and whoever sent them is told", async () => {
  await using telegram = startFakeTelegram();
  telegram.chat({ id: ada.id, type: "private", first_name: "Ada" });
  await using faults = startFaults(telegram.url);
  const gate = Promise.withResolvers<void>();
  faults.next({ path: "/sendDocument" }, { held: gate.promise });
  await using house = await startHouse({ telegram, mode: "process", config: { apiRoot: faults.url } });
  const file = { buffer: Buffer.from("milk").toString("base64"), filename: "list.txt", contentType: "text/plain" };
  const sent = house.kit.call("send", { channel: "telegram", to: String(ada.id), message: "x".repeat(2000), ...file, idempotencyKey: "k" });
  await telegram.message(1);
  await house.kit.crash();
  gate.resolve();
  expect(await sent).toMatchObject({ status: "uncertain" });
  telegram.write(ada, { text: "still there?" });
  await telegram.until(() => telegram.world.sent.some(({ text }) => text === "fine"));
  expect(telegram.world.sent.map(({ method }) => method)).toEqual(["sendMessage", "sendDocument", "sendMessage"]);
});
