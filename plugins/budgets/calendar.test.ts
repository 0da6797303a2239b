/** Days and months end where the operator lives. */
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { startSpending } from "../../tests/fixtures/budgets.ts";
import { createCalendar } from "./calendar.ts";

const HOUR_MS = 3_600_000;

test("a day ends at midnight of the time zone, also when the clocks are changed in it", () => {
  const berlin = createCalendar("Europe/Berlin");
  expect(berlin.dateOf(Date.UTC(2026, 10, 30, 22, 59))).toBe("2026-11-30");
  expect(berlin.dateOf(Date.UTC(2026, 10, 30, 23))).toBe("2026-12-01");
  expect(berlin.endOfDay(Date.UTC(2026, 10, 30, 12))).toBe(Date.UTC(2026, 10, 30, 23));
  // 25 October 2026 has 25 hours there, 29 March 2026 has 23.
  expect(berlin.endOfDay(Date.UTC(2026, 9, 24, 22)) - Date.UTC(2026, 9, 24, 22)).toBe(25 * HOUR_MS);
  expect(berlin.endOfDay(Date.UTC(2026, 2, 28, 23)) - Date.UTC(2026, 2, 28, 23)).toBe(23 * HOUR_MS);
  expect(berlin.endOfMonth(Date.UTC(2026, 9, 1))).toBe(Date.UTC(2026, 9, 31, 23));
  expect(createCalendar("Pacific/Kiritimati").dateOf(Date.UTC(2026, 11, 31, 10))).toBe("2027-01-01");
  expect(() => createCalendar("Mars/Olympus")).toThrow(RangeError);
});

test("what was used up today may be used again tomorrow, in the operator's time zone; the month goes on", async () => {
  const clock = createManualClock(Date.UTC(2026, 10, 29, 14, 50));
  const limits = { monthly: { per: "month", usd: 0.002 }, daily: { per: "day", usd: 0.001 } };
  await using talk = await startSpending({ clock, limits, budgets: { timeZone: "Asia/Tokyo" } });
  expect(await talk.ask("one")).toMatchObject({ state: "final" });
  const refused = await talk.ask("two");
  expect(refused["errorMessage"]).toContain("It begins anew on 30 November 2026, 00:00 (Asia/Tokyo), in 10 min.");

  await clock.advance(10 * 60_000 - 1_000);
  expect(await talk.ask("three")).toMatchObject({ state: "error" });
  await clock.advance(1_000);
  expect(await talk.ask("four")).toMatchObject({ state: "final" });
  expect((await talk.show()).today).toMatchObject({ calls: 1 });
  expect((await talk.show()).month).toMatchObject({ calls: 2 });

  clock.jump(23 * HOUR_MS);
  const late = await talk.ask("five");
  expect(late["errorMessage"]).toContain('The budget "monthly" ');
  expect(late["errorMessage"]).toContain("It begins anew on 1 December 2026, 00:00 (Asia/Tokyo), in 60 min.");
  clock.jump(HOUR_MS);
  expect(await talk.ask("six")).toMatchObject({ state: "final" });
  // Nobody gets a month again by setting the time back.
  clock.jump(-24 * HOUR_MS);
  expect((await talk.ask("seven"))["errorMessage"]).toContain('The budget "monthly" is used up');
});

test("another time zone holds at once; one that there is not is said so, and that of the machine holds", async () => {
  const clock = createManualClock(Date.UTC(2026, 10, 29, 23, 30));
  await using talk = await startSpending({ clock, limits: { daily: { per: "day", usd: 0.001 } }, budgets: { timeZone: "UTC" } });
  expect(await talk.ask("one")).toMatchObject({ state: "final" });
  expect(await talk.ask("two")).toMatchObject({ state: "error" });
  // What was used stays on the day on which it was written down.
  await talk.set(["budgets", "timeZone"], "Europe/Berlin");
  expect(await talk.ask("three")).toMatchObject({ state: "final" });

  await talk.set(["budgets", "timeZone"], "Mars/Olympus");
  expect(await talk.gateway.logged("budgets.time-zone-unknown")).toMatchObject({ level: "error" });
  expect((await talk.gateway.gateway.host.health())["budgets"]).toMatchObject({
    ok: false,
    detail: expect.stringContaining('there is no time zone "Mars/Olympus"'),
  });
});

test("a call that is made before midnight counts for the day on which it began", async () => {
  const clock = createManualClock(Date.UTC(2026, 10, 29, 23, 59, 59));
  await using talk = await startSpending({ clock, limits: { daily: { per: "day", usd: 1 } }, budgets: { timeZone: "UTC" } });
  const { promise: until, resolve: release } = Promise.withResolvers<void>();
  talk.script.answer(async function* () {
    await until;
    yield { text: "late" };
  });
  const runId = await talk.say("hello");
  await talk.script.modelCall(0);
  await clock.advance(2_000);
  release();
  await talk.end(runId);
  expect(await talk.show()).toMatchObject({ today: { calls: 0 }, month: { calls: 1 } });
});
