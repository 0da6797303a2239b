import { expect, test } from "bun:test";
import { createManualClock } from "./clock.ts";

test("time stands still until it is advanced, and timers run in the order in which they fall due", async () => {
  const clock = createManualClock(1_000);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`second at ${clock.now()}`));
  clock.after(10, () => seen.push(`first at ${clock.now()}`));
  clock.after(20, () => seen.push("third"));
  await clock.advance(9);
  expect(seen).toEqual([]);
  await clock.advance(11);
  expect(seen).toEqual(["first at 1010", "second at 1020", "third"]);
  expect(clock.monotonic()).toBe(20);
});

test("promises settle between two timers, so that what they arm falls due within the same advance", async () => {
  const clock = createManualClock();
  const seen: number[] = [];
  const loop = async () => {
    for (let round = 0; round < 3; round++) {
      await clock.sleep(10);
      seen.push(clock.monotonic());
    }
  };
  const done = loop();
  await clock.advance(30);
  await done;
  expect(seen).toEqual([10, 20, 30]);
});

test("a repeating timer runs until it is disposed, and nothing is left behind", async () => {
  const clock = createManualClock();
  let runs = 0;
  const timer = clock.every(10, () => runs++);
  await clock.advance(35);
  expect(runs).toBe(3);
  timer[Symbol.dispose]();
  await clock.advance(100);
  expect(runs).toBe(3);
  expect(clock.timers).toBe(0);
});

test("a sleep ends with the reason of its signal and leaves no timer", async () => {
  const clock = createManualClock();
  const abort = new AbortController();
  const sleeping = clock.sleep(1_000, abort.signal);
  abort.abort(new Error("enough"));
  await expect(sleeping).rejects.toThrow("enough");
  await expect(clock.sleep(1, abort.signal)).rejects.toThrow("enough");
  expect(clock.timers).toBe(0);
});

test("a test can wait until the code under test looks at the clock", async () => {
  const clock = createManualClock();
  const armed = clock.armed(2);
  clock.after(1, () => {});
  clock.after(1, () => {});
  await armed;
  expect(clock.timers).toBe(2);
});

test("setting the time of day moves no timer", async () => {
  const clock = createManualClock(0);
  let ran = false;
  clock.after(10, () => {
    ran = true;
  });
  clock.jump(86_400_000);
  await clock.advance(9);
  expect(ran).toBe(false);
  expect(clock.now()).toBe(86_400_009);
  expect(clock.monotonic()).toBe(9);
});
