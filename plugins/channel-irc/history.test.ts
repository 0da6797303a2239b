/** What a server or a bouncer keeps, however much of it there is. */
import { expect, test } from "bun:test";
import { startFakeIrc } from "../../tests/channels/fakes/irc/server.ts";
import { startHouse } from "../../tests/channels/irc-house.ts";

const ada = { from: "ada!~ada@home.test", account: "ada", target: "pincer" };
const byAccount = { allowFrom: ["account:ada"], groups: { "#home": {} } };

for (const references of ["timestamp", "msgid,timestamp"])
  test(`however much was missed is fetched, a page after the other (${references})`, async () => {
    await using irc = await startFakeIrc({ page: 20, references });
    await using house = await startHouse(irc.address, { config: byAccount });
    await house.connected();
    const at = Date.now() - 20_000;
    irc.speak({ ...ada, text: "before", at });
    await irc.until(() => irc.said.length === 1);
    irc.disconnect();
    await house.until((account) => account["connected"] === false);
    for (let n = 0; n < 50; n++)
      irc.speak({ ...ada, target: "#home", text: n % 10 === 9 ? `pincer: line ${n}.` : "to others", at: at + 1 + n });
    for (let n = 0; n < 25; n++) irc.speak({ from: `guest${n}!~g@inn.test`, target: "pincer", text: "let me in", at: at + 300 + n });
    irc.connect();
    await house.connected();
    await irc.until(() => irc.lines.filter((line) => line.startsWith("CHATHISTORY AFTER guest")).length === 50);
    const heard = () => JSON.stringify(house.kit.model.models.map(({ request }) => request.messages));
    const isHeard = () => [9, 19, 29, 39, 49].every((n) => heard().includes(`line ${n}.`));
    for (let call = 1; !isHeard(); call++) await house.heard(call);
    const pages = irc.lines.filter((line) => line.startsWith("CHATHISTORY AFTER #home"));
    expect(pages).toHaveLength(4);
    expect(pages.slice(1).every((line) => line.includes(references.startsWith("msgid") ? " msgid=" : " timestamp="))).toBe(true);
    expect(irc.lines.filter((line) => line.startsWith("CHATHISTORY TARGETS"))).toHaveLength(2);
    expect(irc.odd).toEqual([]);
  });

for (const caps of [["batch"], []])
  test(`what a bouncer has played is answered once (${caps[0] ?? "without batches"})`, async () => {
    await using irc = await startFakeIrc({
      isBouncer: true,
      caps: [...caps, "server-time", "echo-message", "message-tags", "znc.in/playback"],
    });
    const config = { allowFrom: [ada.from], groups: { "#home": { allowFrom: [ada.from] } } };
    await using house = await startHouse(irc.address, { config });
    await house.connected();
    const at = Date.now() - 5_000;
    irc.speak({ ...ada, text: "before", at });
    await irc.until(() => irc.said.length === 1);
    for (const round of [1, 2]) {
      irc.disconnect();
      await house.until((account) => account["connected"] === false);
      for (let n = 0; n < 110; n++) irc.speak({ ...ada, target: "#home", text: `said ${round} ${n}.`, at: at + round * 1_000 + n });
      irc.speak({ ...ada, target: "#home", text: `pincer: round ${round}`, at: at + round * 1_000 + 500 });
      irc.connect();
      await house.connected();
      await irc.until(() => irc.said.filter(({ target }) => target === "#home").length === round);
    }
    const asked = irc.lines.filter((line) => line.startsWith("PRIVMSG *playback"));
    // A millisecond before the last that was kept: another may have been said in the same one.
    expect(asked.map((line) => line.split(" ").at(-1))).toEqual([at - 1, at + 1_499].map((ms) => (ms / 1000).toFixed(3)));
    expect(house.kit.model.models).toHaveLength(3);
  });
