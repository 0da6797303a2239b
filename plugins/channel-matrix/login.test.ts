/** The account's login: none, a wrong one, one that ends softly or for good; and what a person is told to do. */
import { expect, test } from "bun:test";
import { channel } from "@pincer/plugin-sdk/contracts/channel";
import { channelActions } from "@pincer/plugin-sdk/contracts/channel-actions";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { unknownToken } from "../../tests/channels/fakes/matrix/refusal.ts";
import { BOT } from "../../tests/channels/fakes/matrix/server.ts";
import { ada, direct, startHouse } from "../../tests/channels/matrix-house.ts";

type House = Awaited<ReturnType<typeof startHouse>>;
const probe = (house: House) => house.kit.uses(channelActions).probe!({ account: "default" }, { signal: house.kit.signal });
const set = (house: House, name: string, value: string) => house.kit.call("secrets.store.set", { name, value, kind: "secret" });
const byPassword = { secrets: { MATRIX_PASSWORD: BOT.password }, config: { user: BOT.user } };
const logins = ({ matrix }: House) => matrix.calls.filter(({ route }) => route === "POST /v3/login").length;

test("without anything to log in with it says what to type, and asks the homeserver nothing", async () => {
  await using house = await startHouse({ secrets: {}, isEarly: true });
  const { lastError, linked } = await house.until("login-required");
  expect(lastError).toContain("pincer secrets set MATRIX_PASSWORD");
  expect(lastError).toContain("pincer secrets set MATRIX_ACCESS_TOKEN");
  expect(linked).toBe(false);
  expect(house.matrix.calls).toEqual([]);
});

test("a token that the homeserver does not know is told as one, and the right one is taken up by itself", async () => {
  const clock = createManualClock();
  await using house = await startHouse({ clock, secrets: {}, isEarly: true });
  await set(house, "MATRIX_ACCESS_TOKEN", "syt_wrong");
  await clock.advance(10_000);
  const { lastError } = await house.until("login-required");
  expect(lastError).not.toContain("syt_wrong");
  await set(house, "MATRIX_ACCESS_TOKEN", BOT.token);
  await clock.advance(10_000);
  await house.until("connected");
});

test("a password is used once: the login that it gave is kept, and told to nobody", async () => {
  const first = await startHouse(byPassword);
  const { matrix } = first;
  expect(logins(first)).toBe(1);
  const [token, device] = [...matrix.world.logins].find(([, { id }]) => id !== BOT.device)!;
  expect(device).toMatchObject({ user: BOT.user, name: "Pincer" });
  const { home } = first.kit;
  expect(JSON.stringify([first.kit.log, await first.status()])).not.toContain(token);
  await first.kit.stop();
  await using second = await startHouse({ ...byPassword, matrix, home });
  expect(logins(second)).toBe(1);
  await first[Symbol.asyncDispose]();
});

for (const [how, isSoft] of [
  ["softly goes on as the same device", true],
  ["for good goes on as a new one", false],
] as const)
  test(`a login that ended ${how}`, async () => {
    await using house = await startHouse(byPassword);
    const { matrix } = house;
    const current = () => [...matrix.world.logins].find(([, each]) => each.id !== BOT.device)!;
    const [token, { id }] = current();
    matrix.revoke(token, isSoft);
    await matrix.until(() => logins(house) === 2 && current() !== undefined);
    expect(current()[1].id === id).toBe(isSoft);
    matrix.say(ada, direct, "still there?");
    expect((await matrix.message(0)).content["body"]).toBe("fine");
  });

test("a wrong password is asked with once, and told", async () => {
  await using house = await startHouse({ secrets: { MATRIX_PASSWORD: "another" }, config: { user: BOT.user }, isEarly: true });
  const { lastError } = await house.until("login-required");
  expect(lastError).toContain("pincer secrets set MATRIX_PASSWORD");
  expect(lastError).not.toContain("another");
  expect(logins(house)).toBe(1);
});

test("nothing of a token or a password is in a log, an error or a status", async () => {
  await using house = await startHouse({ isEarly: true, origin: "http://127.0.0.1:9" });
  await house.kit.logged("channel.disconnected");
  const address = { channel: "matrix", account: "default", conversation: direct };
  const refused = await house.kit
    .uses(channel)
    .send({ address, text: "x", idempotencyKey: "x" }, { signal: house.kit.signal })
    .catch((error: unknown) => Bun.inspect(error));
  expect(refused).toContain("CHANNEL_UNAVAILABLE");
  expect(JSON.stringify([await house.status(), await probe(house), house.kit.log, refused])).not.toContain(BOT.token);
});

test("a look at the account says who it is, or what is wrong with it and what to do; a logout ends it", async () => {
  await using house = await startHouse();
  expect(await probe(house)).toEqual({ ok: true, self: BOT.user });
  house.matrix.refuse("GET /v3/account/whoami", unknownToken());
  expect(await probe(house)).toMatchObject({ ok: false, hint: expect.stringContaining("pincer secrets set") });
  await house.kit.uses(channelActions).logout!({ account: "default" }, { signal: house.kit.signal });
  expect(house.matrix.world.logins.has(BOT.token)).toBe(false);
});
