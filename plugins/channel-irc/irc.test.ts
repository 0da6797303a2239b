/** At a scripted server, with what ngIRCd has not: accounts, history, floods, splits, and lines that are none. */
import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import type { ModelRequest } from "@pincer/plugin-sdk/contracts/provider";
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { inEveryMode, testIn } from "@pincer/plugin-sdk/testing/every-mode";
import { lastUserText, says } from "@pincer/plugin-sdk/testing/script";
import { signItself } from "../../tests/channels/fakes/irc/ngircd.ts";
import { type FakeIrcOptions, startFakeIrc } from "../../tests/channels/fakes/irc/server.ts";
import { type House, startHouse } from "../../tests/channels/irc-house.ts";

const password = "correct horse battery";
const sasl: FakeIrcOptions = { sasl: ["PLAIN", "EXTERNAL"], accounts: { pincer: password } };
const ada = { from: "ada!~ada@home.test", account: "ada", target: "pincer" };
const byAccount = { allowFrom: ["account:ada"], groups: { "#home": {} } };
const address = { channel: "irc", account: "default", conversation: "ada" };

/** Lets time pass until that holds; after each step all that can happen without more of it has its turn. */
async function pass(
  house: House,
  clock: ManualClock,
  stepMs: number,
  holds: (account: Readonly<Record<string, unknown>>) => boolean,
): Promise<void> {
  for (let isSo = false; !isSo; ) {
    await clock.advance(stepMs);
    await house.until((account) => {
      isSo = holds(account);
      return true;
    });
  }
}

inEveryMode("an account", (mode, test) => {
  if (mode === "loopback") return;
  test("is logged in before anything is said, and answers who is logged in", async () => {
    await using irc = await startFakeIrc(sasl);
    await using house = await startHouse(irc.address, { mode, config: byAccount, secrets: { IRC_PASSWORD: password } });
    expect((await house.connected())["name"]).toBe("pincer");
    expect(irc.logins).toEqual(["pincer"]);
    irc.speak({ ...ada, text: "from nobody", account: undefined as never });
    irc.speak({ ...ada, text: "hello" });
    await irc.until(() => irc.said.length > 0);
    expect(irc.said).toEqual([{ as: "pincer", target: "ada", text: "fine" }]);
    expect(house.kit.model.models).toHaveLength(1);
    expect(irc.odd).toEqual([]);
  });
});

test("a wrong password says what to type, and the right one is taken up by itself", async () => {
  const clock = createManualClock();
  await using irc = await startFakeIrc(sasl);
  await using house = await startHouse(irc.address, { clock, config: byAccount });
  const set = (value: string) => house.kit.call("secrets.store.set", { name: "IRC_PASSWORD", value, kind: "secret" });
  await house.connected();
  await set("a wrong one");
  await house.kit.call("channels.stop", { channel: "irc" });
  await house.kit.call("channels.start", { channel: "irc" });
  const { lastError } = await house.until(({ healthState }) => healthState === "login-required");
  expect(lastError).toContain("pincer secrets set IRC_PASSWORD");
  expect(lastError).not.toContain("a wrong one");
  await set(password);
  await clock.advance(5_000);
  await house.connected();
  expect(irc.logins).toEqual(["pincer"]);
  expect(JSON.stringify(house.kit.log)).not.toContain(password);
});

test("by a certificate of its own, and without any account at all", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-irc-"));
  await using _gone = { [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }) };
  signItself(join(folder, "key"), join(folder, "cert"));
  const [key, cert] = [readFileSync(join(folder, "key"), "utf8"), readFileSync(join(folder, "cert"), "utf8")];
  await using irc = await startFakeIrc({ ...sasl, tls: { key, cert } });
  const pinned = { tls: true, fingerprint: new X509Certificate(cert).fingerprint256 };
  {
    const config = { ...pinned, login: "external" };
    await using house = await startHouse(irc.address, { config, secrets: { IRC_CERTIFICATE: `${cert}${key}` } });
    await house.connected();
    expect(irc.logins).toEqual(["EXTERNAL"]);
  }
  await using house = await startHouse(irc.address, { config: pinned });
  await house.connected();
  expect(irc.logins).toHaveLength(1);
});

test("where there is no SASL, NickServ is told a password only when the settings say so", async () => {
  await using irc = await startFakeIrc();
  {
    await using house = await startHouse(irc.address, { secrets: { IRC_PASSWORD: password } });
    const { lastError } = await house.until(({ healthState }) => healthState === "login-required");
    expect(lastError).toContain("channels.irc.login nickserv");
    expect(irc.lines.join()).not.toContain(password);
  }
  await using house = await startHouse(irc.address, { config: { login: "nickserv" }, secrets: { IRC_PASSWORD: password } });
  await house.connected();
  await irc.until(() => irc.said.length > 0);
  expect(irc.said).toEqual([{ as: "pincer", target: "NickServ", text: `IDENTIFY pincer ${password}` }]);
  expect(JSON.stringify(house.kit.log)).not.toContain(password);
});

test("without a server it says what to type", async () => {
  await using house = await startHouse("", { config: { server: undefined } });
  const { lastError } = await house.until(({ healthState }) => healthState === "login-required");
  expect(lastError).toContain("pincer config set channels.irc.server");
});

test("accounts that are told at joining and by WHO hold until the person leaves", async () => {
  await using irc = await startFakeIrc({ caps: ["extended-join", "account-notify", "message-tags", "echo-message"] });
  await using house = await startHouse(irc.address, { config: { groups: { "#home": { allowFrom: ["account:ada", "account:grace"] } } } });
  await house.connected();
  await irc.until(() => irc.lines.some((line) => line.startsWith("WHO #home")));
  irc.send(":irc.test 354 pincer 152 grace grace", ":ada!~ada@home.test JOIN #home ada :Ada");
  irc.speak({ from: "ada!~ada@home.test", target: "#home", text: "pincer: one" });
  await irc.until(() => irc.said.length === 1);
  irc.speak({ from: "grace!~g@navy.test", target: "#home", text: "pincer, two" });
  await irc.until(() => irc.said.length === 2);
  irc.send(":ada!~ada@home.test QUIT :*.net *.split");
  irc.speak({ from: "ada!~ada@elsewhere.test", target: "#home", text: "pincer: it is me" });
  irc.send(":grace!~g@navy.test NICK :hopper");
  irc.speak({ from: "hopper!~g@navy.test", target: "#home", text: "pincer: three" });
  await irc.until(() => irc.said.length === 3);
  expect(house.kit.model.models).toHaveLength(3);
});

test("what was missed is fetched, answered once, and in every conversation", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  const at = Date.now() - 5_000;
  irc.speak({ ...ada, text: "before", at });
  await irc.until(() => irc.said.length === 1);
  irc.disconnect();
  await house.until((account) => account["connected"] === false);
  for (let n = 0; n < 3; n++) irc.speak({ ...ada, target: "#home", text: `pincer: missed ${n}`, at: at + 1_000 + n });
  irc.speak({ ...ada, from: "ada!~ada@home.test", text: "missed alone", at: at + 2_000 });
  irc.connect();
  await house.connected();
  const texts = () => JSON.stringify(house.kit.model.models.map(({ request }) => request.messages));
  await irc.until(
    () => irc.said.some(({ target }) => target === "#home") && irc.said.filter(({ target }) => target === "ada").length === 2,
  );
  await house.connected();
  for (const text of ["missed 0", "missed 1", "missed 2", "missed alone"]) expect(texts()).toContain(text);
  // Each of the two until nothing more is given.
  expect(irc.lines.filter((line) => line.startsWith("CHATHISTORY AFTER"))).toHaveLength(4);
  const asked = house.kit.model.models.length;
  irc.disconnect();
  await house.until((account) => account["connected"] === false);
  irc.connect();
  await house.connected();
  irc.speak({ ...ada, text: "and now" });
  await irc.until(() => irc.said.filter(({ target }) => target === "ada").length === 3);
  expect(house.kit.model.models.length).toBe(asked + 1);
});

test("lines go as fast as the server takes them, and an excess is told with what to set", async () => {
  const clock = createManualClock();
  await using irc = await startFakeIrc({ most: 16, caps: ["server-time", "echo-message", "account-tag"] });
  await using house = await startHouse(irc.address, { clock, config: { ...byAccount, burst: 2, lineEveryMs: 1_000 } });
  await house.connected();
  house.kit.model.answer(says(Array.from({ length: 12 }, (_, n) => `line ${n}`).join("\n")));
  irc.look();
  irc.speak({ ...ada, text: "go on", at: clock.now() });
  // Rounds over the socket, in which all that can happen without time does.
  const settle = async () => {
    for (let round = 0; round < 60; round++) await house.kit.call("health");
  };
  await irc.until(() => irc.said.length === 2);
  for (let lines = 2; lines < 12; lines++) {
    await settle();
    expect(irc.said).toHaveLength(lines);
    irc.look();
    await clock.advance(1_000);
    await irc.until(() => irc.said.length > lines);
  }
  expect(irc.said.map(({ text }) => text)).toEqual(Array.from({ length: 12 }, (_, n) => `line ${n}`));
  irc.disconnect("Closing Link: (Excess Flood)");
  const { lastError } = await house.until((account) => account["connected"] === false && account["lastError"] !== null);
  expect(lastError).toContain("channels.irc.lineEveryMs");
});

test("a line whose echo did not come may have been said, and what was never written was not", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  const send = () =>
    house.kit.uses(channel).send({ address, text: "out", idempotencyKey: crypto.randomUUID() }, { signal: house.kit.signal });
  expect((await send()).messageId).toBe("own1");
  irc.hang();
  const sent = send();
  await irc.until(() => irc.said.length === 2);
  irc.disconnect();
  await expect(sent).rejects.toMatchObject({ code: "CHANNEL_UNCERTAIN" });
  await house.until((account) => account["connected"] === false);
  await expect(send()).rejects.toMatchObject({ code: "CHANNEL_UNAVAILABLE" });
  irc.connect();
  await house.connected();
  const refused = house.kit
    .uses(channel)
    .send({ address: { ...address, conversation: "nobody" }, text: "x", idempotencyKey: "x" }, { signal: house.kit.signal });
  await expect(refused).rejects.toMatchObject({ code: "CHANNEL_REJECTED" });
});

test("a text is one line, whatever stands in it", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  const io = { signal: house.kit.signal };
  await house.kit.uses(channel).send({ address, text: "one\r\nQUIT :gone", idempotencyKey: "1" }, io);
  await house.kit.uses(channel).send({ address, text: "é".repeat(400), idempotencyKey: "2" }, io);
  expect(irc.said.map(({ text }) => text)[0]).toBe("one QUIT :gone");
  expect(
    irc.said
      .slice(1)
      .map(({ text }) => text)
      .join(""),
  ).toBe("é".repeat(400));
  for (const conversation of ["ada\r\nQUIT", "ada QUIT", "a,b", ""])
    await expect(
      house.kit.uses(channel).send({ address: { ...address, conversation }, text: "x", idempotencyKey: "x" }, io),
    ).rejects.toMatchObject({ code: "CHANNEL_REJECTED" });
  expect(irc.odd).toEqual([]);
});

test("what people do is read, and what clients ask of one another is not", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  irc.speak({ ...ada, text: "\u0001VERSION\u0001" });
  irc.send(
    `@account=ada :${ada.from} NOTICE pincer :do not answer`,
    ":pincer!~pincer@assistant.test PRIVMSG ada :an echo",
    ":irc.test PRIVMSG pincer :from a server",
  );
  irc.speak({ ...ada, text: "beep", tags: "bot" });
  irc.speak({ ...ada, text: "\u0001ACTION waves\u0001" });
  await irc.until(() => irc.said.length === 1);
  irc.speak({ ...ada, target: "#Home", text: "\u00034,1re\u200bd\u000f and \u0002bold\u0002, PINCER?" });
  await irc.until(() => irc.said.length === 2);
  const heard = await Promise.all([house.heard(0), house.heard(1)]);
  expect(heard[0]).toContain("* ada waves");
  expect(heard[1]).toContain("red and bold, PINCER?");
  expect(irc.said[1]).toMatchObject({ target: "#home" });
});

test("lines that are none change nothing, and one without an end is not kept", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  irc.send(
    "",
    ":",
    "@",
    "@a=b",
    ":x",
    "PRIVMSG",
    ":a!b@c PRIVMSG",
    "999",
    "BATCH",
    "BATCH -none",
    ":a!b@c NICK",
    "KICK",
    "005",
    "@time=never;msgid= :a!b@c PRIVMSG pincer :x",
  );
  irc.raw(Buffer.concat([Buffer.from(`@account=ada :${ada.from} PRIVMSG pincer :caf`), Buffer.from([0xe9, 13, 10])]));
  await irc.until(() => irc.said.length === 1);
  expect(await house.heard(0)).toContain("café");
  irc.raw(new Uint8Array(70_000).fill(65));
  await house.until((account) => String(account["lastError"]).includes("without the end of a line") || account["connected"] === false);
  await house.connected();
  irc.speak({ ...ada, text: "still there?" });
  await irc.until(() => irc.said.length === 2);
});

test("thrown out of a channel it comes back after a while", async () => {
  const clock = createManualClock();
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { clock, config: byAccount });
  await house.connected();
  const joins = () => irc.lines.filter((line) => line === "JOIN #home").length;
  await irc.until(() => joins() === 1);
  irc.send(":op!o@h KICK #home pincer :enough");
  await house.kit.logged("irc.thrown-out");
  await clock.advance(30_000);
  await irc.until(() => joins() === 2);
});

test("a nick that is in use is asked for again, and taken when it is free", async () => {
  const clock = createManualClock();
  await using irc = await startFakeIrc();
  irc.taken.add("pincer").add("pincer_");
  await using house = await startHouse(irc.address, { clock, config: byAccount });
  expect((await house.connected())["name"]).toBe("pincer__");
  const asked = () => irc.lines.filter((line) => line === "NICK pincer").length;
  // A step at a time: the server that is asked whether it is still there answers by its own socket.
  await pass(house, clock, 1_000, () => asked() === 2);
  irc.taken.clear();
  await pass(house, clock, 1_000, () => asked() === 3);
  irc.speak({ ...ada, target: "#home", text: "pincer: hello", at: clock.now() });
  await irc.until(() => irc.said.length === 1);
  const regained = clock.monotonic();
  await pass(house, clock, 1_000, () => clock.monotonic() - regained >= 60_000);
  expect(asked()).toBe(3);
});

test("what is said before anything was kept is fetched too, when the connection breaks at once", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  irc.disconnect();
  await house.until((account) => account["connected"] === false);
  irc.speak({ ...ada, text: "the first of all", at: Date.now() + 1_000 });
  irc.connect();
  await irc.until(() => irc.said.length === 1);
  expect(await house.heard(0)).toContain("the first of all");
});

test("of two messages of one millisecond the second is not lost when the connection breaks between them", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  const at = Date.now();
  irc.speak({ ...ada, text: "one", at });
  await irc.until(() => irc.said.length === 1);
  irc.disconnect();
  await house.until((account) => account["connected"] === false);
  irc.speak({ ...ada, text: "two", at });
  irc.connect();
  await irc.until(() => irc.said.length === 2);
  expect(await house.heard(1)).toContain("two");
  expect(house.kit.model.models).toHaveLength(2);
});

test("of what was missed, who is who is not taken from who is there now", async () => {
  await using irc = await startFakeIrc({ caps: ["extended-join", "account-notify", "message-tags", "server-time", "echo-message"] });
  await using house = await startHouse(irc.address, { config: { allowFrom: ["account:ada"] } });
  await house.connected();
  irc.send(":ada!~ada@home.test JOIN #home ada :Ada");
  irc.speak({ from: "ada!~ada@home.test", target: "pincer", text: "said by who had the nick then", at: Date.now() - 600_000 });
  irc.speak({ from: "ada!~ada@home.test", target: "pincer", text: "said now" });
  await irc.until(() => irc.said.length === 1);
  expect(await house.heard(0)).toContain("said now");
  expect(JSON.stringify(house.kit.model.models.map(({ request }) => request.messages))).not.toContain("had the nick then");
});

test("a server that falls silent is left, and come back to", async () => {
  const clock = createManualClock();
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { clock, config: byAccount });
  await house.connected();
  irc.hang();
  await pass(house, clock, 1_000, (account) => String(account["lastError"]).includes("nothing was heard"));
  irc.connect();
  await pass(house, clock, 1_000, (account) => account["connected"] === true);
  irc.speak({ ...ada, text: "hello?", at: clock.now() });
  await irc.until(() => irc.said.length === 1);
});

test("after hours without a connection what was missed is read, and not answered", async () => {
  const clock = createManualClock();
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, {
    clock,
    config: byAccount,
    settings: { channels: { defaults: { reconnectFirstMs: 600_000, reconnectLongestMs: 600_000 } } },
  });
  await house.connected();
  irc.speak({ ...ada, text: "in time", at: clock.now() });
  await irc.until(() => irc.said.length === 1);
  irc.disconnect();
  await house.until((account) => account["connected"] === false);
  irc.speak({ ...ada, text: "missed", at: clock.now() + 1 });
  for (let minutes = 0; minutes < 120; minutes += 5) await clock.advance(300_000);
  irc.connect();
  await pass(house, clock, 1_000, ({ connected }) => connected === true);
  await irc.until(() => irc.said.length === 2);
  irc.speak({ ...ada, text: "just now", at: clock.now() });
  await irc.until(() => irc.said.length === 3);
  expect(irc.said.map(({ text }) => text)).toEqual(["fine", expect.stringContaining("not answered"), "fine"]);
  expect(JSON.stringify(house.kit.model.models.at(-1)?.request.messages)).toMatch(/missed.*just now/s);
});

testIn("process")("killed in the middle of a line it says nothing twice, and is there again", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { mode: "process", config: byAccount });
  await house.connected();
  irc.hang();
  irc.speak({ ...ada, text: "hello" });
  await irc.until(() => irc.said.length === 1);
  await house.kit.crash();
  irc.connect();
  const { lastUndelivered } = await house.until((account) => account["lastUndelivered"] !== null && account["connected"] === true);
  expect(lastUndelivered).toMatchObject({ state: "uncertain", conversation: "ada" });
  irc.speak({ ...ada, text: "still there?" });
  await irc.until(() => irc.said.length === 2);
  expect(house.kit.model.models).toHaveLength(2);
});

test("a newer generation in the middle of an answer changes nothing for who reads it", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, { config: byAccount });
  await house.connected();
  const gate = Promise.withResolvers<void>();
  house.kit.model.answer(async function* () {
    await gate.promise;
    yield { text: "the whole answer" };
  });
  irc.speak({ ...ada, text: "hello" });
  await house.kit.model.modelCall(0);
  await house.kit.reload();
  gate.resolve();
  await irc.until(() => irc.said.length === 1);
  irc.speak({ ...ada, text: "and now?" });
  await irc.until(() => irc.said.length === 2);
  expect(irc.said.map(({ text }) => text)).toEqual(["the whole answer", "fine"]);
  await house.kit.unload();
  expect(house.kit.residue()).toEqual([]);
});

test("two accounts are two servers", async () => {
  await using home = await startFakeIrc();
  await using work = await startFakeIrc(sasl);
  await using house = await startHouse("", {
    secrets: { IRC_PASSWORD_WORK: password },
    config: {
      server: undefined,
      accounts: {
        home: { server: home.address, allowFrom: ["account:ada"] },
        work: { server: work.address, nick: "clerk", loginName: "pincer", allowFrom: ["account:grace"] },
      },
    },
  });
  await house.connected("home");
  expect((await house.connected("work"))["name"]).toBe("clerk");
  work.speak({ ...ada, target: "clerk", text: "not me" });
  work.speak({ from: "grace!~g@navy.test", account: "grace", target: "clerk", text: "hello" });
  home.speak({ ...ada, text: "hello" });
  await Promise.all([home.until(() => home.said.length > 0), work.until(() => work.said.length > 0)]);
  expect([home.said, work.said]).toEqual([
    [{ as: "pincer", target: "ada", text: "fine" }],
    [{ as: "clerk", target: "grace", text: "fine" }],
  ]);
});

test("a conversation with too much waiting holds up neither the others nor the connection, and all of it is answered in its order", async () => {
  await using irc = await startFakeIrc();
  const config = { allowFrom: ["account:ada", "account:grace"], channels: [] };
  const settings = {
    channels: { defaults: { retryFirstMs: 1, reconnectFirstMs: 1, reconnectLongestMs: 20 } },
    gateway: { lanes: { queue: 2, fullRetryMs: 1 } },
  };
  await using house = await startHouse(irc.address, { config, settings });
  const { kit } = house;
  await house.connected();
  const go = Promise.withResolvers<void>();
  kit.model.answer(async function* () {
    await go.promise;
    yield { text: "at last" };
  });
  /** Between the marks of what a stranger wrote. */
  const wordsOf = (request: ModelRequest) => lastUserText(request).split("\n")[1];
  kit.model.otherwise((request) => [{ text: `heard ${wordsOf(request)}` }]);
  irc.speak({ ...ada, text: "begin" });
  await kit.model.modelCall(0);
  for (const text of ["1", "2", "3", "4", "5"]) irc.speak({ ...ada, text });
  irc.speak({ from: "grace!~g@navy.test", account: "grace", target: "pincer", text: "from another" });
  await irc.until(() => irc.said.some(({ target, text }) => target === "grace" && text === "heard from another"));
  go.resolve();
  await irc.until(() => irc.said.some(({ target, text }) => target === "ada" && text === "heard 5"));
  const { request } = kit.model.models.findLast((call) => wordsOf(call.request) === "5")!;
  const texts = request.messages.filter(({ role }) => role === "user").map((message) => wordsOf({ ...request, messages: [message] }));
  expect(texts).toEqual(["begin", "1", "2", "3", "4", "5"]);
  expect(kit.log.filter(({ event }) => event === "channel.disconnected")).toEqual([]);
});
