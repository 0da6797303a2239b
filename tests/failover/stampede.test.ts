import { expect, test } from "bun:test";
import type { VendorAnswer, VendorCall } from "@pincer/plugin-sdk/testing/vendor-script";
import { error, keyOf, says, startFailover } from "./vendor.ts";

const TURNS = 100;
const two = { a: "key-a", b: "key-b" };
type Lab = Awaited<ReturnType<typeof startFailover>>;

const count = (lab: Lab, key: string) => lab.keys().filter((one) => one === key).length;
const sayAll = (lab: Lab) => Promise.all(Array.from({ length: TURNS }, () => lab.say()));

/** Nobody's answer comes before everybody has asked, so that all meet the same. */
function together(lab: Lab, answer: (call: VendorCall) => VendorAnswer) {
  const all = Promise.withResolvers<void>();
  lab.vendor.otherwise((call) => {
    if (lab.vendor.ledger.length >= TURNS) all.resolve();
    return { hold: { before: 0, until: all.promise }, ...answer(call) };
  });
}

test(`${TURNS} turns that meet the same refused key each go on at once, and no other asks it again`, async () => {
  await using lab = await startFailover({ profiles: two });
  together(lab, (call) => (keyOf(call) === "key-a" ? error(401) : says("ok")));
  const answers = await sayAll(lab);
  expect(answers.every(({ text }) => text === "ok")).toBe(true);
  expect([count(lab, "key-a"), count(lab, "key-b")]).toEqual([TURNS, TURNS]);
  await sayAll(lab);
  expect(count(lab, "key-a")).toBe(TURNS);
});

test(`${TURNS} turns that are told to slow down make one cooldown, not ${TURNS}`, async () => {
  await using lab = await startFailover({ profiles: two });
  together(lab, (call) => (keyOf(call) === "key-a" ? error(429) : says("ok")));
  await sayAll(lab);
  expect(await lab.profile("a")).toMatchObject({ state: "cooldown", cooldownUntil: lab.clock.now() + 60_000 });
});

test(`of ${TURNS} turns that meet the same fault of the server one asks again, for all of them`, async () => {
  await using lab = await startFailover({ profiles: two });
  const timers = lab.clock.timers;
  together(lab, (call) => (keyOf(call) === "key-a" ? error(503) : says("ok")));
  const all = sayAll(lab);
  await lab.vendor.received(TURNS + TURNS - 1);
  await lab.clock.armed(timers + 1);
  await lab.clock.advance(250);
  expect((await all).every(({ text }) => text === "ok")).toBe(true);
  expect([count(lab, "key-a"), count(lab, "key-b")]).toEqual([TURNS + 1, TURNS]);
});

test(`with nowhere else to go each of ${TURNS} turns asks once more, and no oftener`, async () => {
  await using lab = await startFailover({ own: "key", failover: { retryPauseMs: 0 } });
  lab.vendor.otherwise(() => error(503));
  const answers = await sayAll(lab);
  expect(answers.every(({ answer }) => answer.failure?.class === "exhausted")).toBe(true);
  expect(lab.keys()).toHaveLength(2 * TURNS);
});

test(`when a rest is over one of ${TURNS} turns tries, and the others do not wait for it`, async () => {
  await using lab = await startFailover({ profiles: two });
  lab.vendor.answer(error(429));
  lab.vendor.otherwise(() => says("ok"));
  await lab.say();
  await lab.clock.advance(60_000);
  const gate = Promise.withResolvers<void>();
  lab.vendor.otherwise((call) =>
    keyOf(call) === "key-a" ? { hold: { before: 0, until: gate.promise }, ...says("from a") } : says("from b"),
  );
  const trying = lab.say();
  await lab.vendor.received(3);
  const others = await sayAll(lab);
  expect(others.every(({ text }) => text === "from b")).toBe(true);
  gate.resolve();
  expect((await trying).text).toBe("from a");
  expect((await lab.say()).text).toBe("from a");
});
