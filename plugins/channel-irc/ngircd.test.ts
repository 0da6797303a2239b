/** At a real server, ngIRCd: without accounts, so that people are known by nick, user and host. */

import { expect } from "bun:test";
import { inEveryMode } from "@pincer/plugin-sdk/testing/every-mode";
import { testWith } from "@pincer/plugin-sdk/testing/needs";
import { says } from "@pincer/plugin-sdk/testing/script";
import { startNgircd } from "../../tests/channels/fakes/irc/ngircd.ts";
import { joinAs } from "../../tests/channels/fakes/irc/person.ts";
import { startHouse } from "../../tests/channels/irc-house.ts";

const test = testWith("ngircd");
/** As ngIRCd shows whoever comes from this machine. */
const ada = "ada!~ada@127.0.0.1";
const allowed = { allowFrom: [ada], groups: { "#home": {} } };

inEveryMode("at a real server", (mode, inMode) => {
  if (mode === "loopback") return;
  (mode === "process" ? inMode : test)("it answers in its channel when it is named, and alone", async () => {
    await using server = await startNgircd();
    await using house = await startHouse(`127.0.0.1:${server.port}`, { mode, config: allowed });
    await house.connected();
    using person = joinAs("ada", server.port);
    await person.heard(/ 376 | 422 /);
    person.write("JOIN #home");
    await person.heard(/ 366 /);
    person.say("#home", "hello everybody");
    person.say("#home", "pincer: hello");
    expect(await person.heard(/PRIVMSG #home/)).toEndWith("PRIVMSG #home :fine");
    person.say("pincer", "and here?");
    expect(await person.heard(/PRIVMSG ada/)).toEndWith("PRIVMSG ada :fine");
    expect(await house.heard(0)).toContain("<message>\nhello\n</message>");
    expect(house.kit.model.models).toHaveLength(2);
  });
});

test("encrypted, with a pinned certificate and with one that nobody has signed", async () => {
  await using server = await startNgircd();
  const at = `127.0.0.1:${server.tlsPort}`;
  {
    await using house = await startHouse(at, { config: { ...allowed, tls: true, fingerprint: server.fingerprint } });
    await house.connected();
  }
  await using doubting = await startHouse(at, { config: { tls: true } });
  const { lastError } = await doubting.until((account) => account["lastError"] !== null);
  expect(lastError).toContain("channels.irc.fingerprint");
  await using deceived = await startHouse(at, { config: { tls: true, fingerprint: "00".repeat(32) } });
  expect((await deceived.until((account) => account["lastError"] !== null))["lastError"]).toContain(
    "another certificate than the pinned one",
  );
});

test("a nick that is in use is another one meanwhile", async () => {
  await using server = await startNgircd();
  using taken = joinAs("pincer", server.port);
  await taken.heard(/ 376 | 422 /);
  await using house = await startHouse(`127.0.0.1:${server.port}`, { config: allowed });
  expect((await house.connected())["name"]).toBe("pincer_");
});

test("a long answer comes whole, in lines that the server does not cut", async () => {
  await using server = await startNgircd();
  await using house = await startHouse(`127.0.0.1:${server.port}`, { config: allowed });
  await house.connected();
  const words = Array.from({ length: 120 }, (_, n) => `größe${n} 👩‍👩‍👧‍👦`);
  house.kit.model.answer(says(words.join(" ")));
  using person = joinAs("ada", server.port);
  await person.heard(/ 376 | 422 /);
  person.say("pincer", "tell me");
  await person.heard(/größe119/);
  const texts = person.lines.flatMap((line) => /PRIVMSG ada :(.*)$/.exec(line)?.[1] ?? []);
  expect(texts.join(" ").split(/\s+/).join(" ")).toBe(words.join(" "));
  for (const line of person.lines) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(510);
});

test("what the server does not pass on is told as refused, and a server that goes away is come back to", async () => {
  let server = await startNgircd();
  const { port, tlsPort } = server;
  await using house = await startHouse(`127.0.0.1:${port}`, { config: allowed });
  await house.connected();
  const sent = house.kit.call("send", { channel: "irc", to: "nobody", message: "hello", idempotencyKey: "1" });
  await expect(sent).rejects.toMatchObject({ message: expect.stringContaining("401") });
  await server[Symbol.asyncDispose]();
  await house.until((account) => account["connected"] === false);
  server = await startNgircd({ port, tlsPort });
  await using _again = server;
  await house.connected();
  using person = joinAs("ada", port);
  await person.heard(/ 376 | 422 /);
  person.say("pincer", "back?");
  expect(await person.heard(/PRIVMSG ada/)).toEndWith(":fine");
});

test("a newer generation takes the nick over", async () => {
  await using server = await startNgircd();
  await using house = await startHouse(`127.0.0.1:${server.port}`, { config: allowed });
  await house.connected();
  using person = joinAs("ada", server.port);
  await person.heard(/ 376 | 422 /);
  person.say("pincer", "one");
  await person.heard(/PRIVMSG ada/);
  await house.kit.reload();
  expect((await house.connected())["name"]).toBe("pincer");
  const before = person.lines.length;
  person.say("pincer", "two");
  expect(await person.heard(/PRIVMSG ada/, before)).toEndWith(":fine");
  await house.kit.unload();
  expect(house.kit.residue()).toEqual([]);
});
