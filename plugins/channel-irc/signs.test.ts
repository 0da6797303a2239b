/** What is told beside messages, where the server hands on tags. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { startFakeIrc } from "../../tests/channels/fakes/irc/server.ts";
import { startHouse } from "../../tests/channels/irc-house.ts";

const ada = { from: "ada!~ada@home.test", account: "ada", target: "pincer" };
const byAccount = { allowFrom: ["account:ada"], groups: { "#home": {} } };
const address = { channel: "irc", account: "default", conversation: "ada" };

test("who waits sees that it types, and how far a message is", async () => {
  await using irc = await startFakeIrc();
  await using house = await startHouse(irc.address, {
    config: { ...byAccount, reactions: { seen: "", working: "⏳", done: "ok; really", failed: "" } },
  });
  await house.connected();
  const gate = Promise.withResolvers<void>();
  house.kit.model.answer(async function* () {
    await gate.promise;
    yield { text: "fine" };
  });
  const id = irc.speak({ ...ada, text: "hello" });
  const tagged = (name: string) => irc.signs.filter(({ tags }) => name in tags);
  await irc.until(() => tagged("+typing").length > 0 && tagged("+draft/react").length > 0);
  expect(tagged("+typing")[0]).toEqual({ target: "ada", tags: { "+typing": "active" } });
  expect(tagged("+draft/react")[0]).toEqual({ target: "ada", tags: { "+draft/reply": id, "+draft/react": "⏳" } });
  gate.resolve();
  await irc.until(() => tagged("+draft/react").length === 2 && irc.said.length === 1);
  expect(tagged("+draft/unreact")).toEqual([{ target: "ada", tags: { "+draft/reply": id, "+draft/unreact": "⏳" } }]);
  expect(tagged("+draft/react")[1]?.tags).toEqual({ "+draft/reply": id, "+draft/react": "ok\\:\\sreally" });
  expect([irc.replies, irc.odd]).toEqual([[id], []]);
});

test("where the server hands on no such tags, nothing of them is sent", async () => {
  await using irc = await startFakeIrc({ tagsDenied: "*,-typing" });
  await using house = await startHouse(irc.address, { config: { ...byAccount, reactions: true } });
  await house.connected();
  irc.speak({ ...ada, text: "hello" });
  await irc.until(() => irc.said.length === 1);
  expect(irc.signs.flatMap(({ tags }) => Object.keys(tags)).filter((tag) => tag !== "+typing")).toEqual([]);
  expect(irc.replies).toEqual([undefined]);
  const io = { signal: house.kit.signal };
  await expect(house.kit.uses(channel).react?.({ address, messageId: "id1", emoji: "👍" }, io)).rejects.toMatchObject({
    code: "CHANNEL_REJECTED",
  });
  for (const conversation of ["ada QUIT", "a\r\nQUIT"])
    await expect(house.kit.uses(channel).typing?.({ address: { ...address, conversation } }, io)).rejects.toMatchObject({
      code: "CHANNEL_REJECTED",
    });
});
