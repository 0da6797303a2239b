import { expect, test } from "bun:test";
import type { InboundMessage } from "../contracts/inbox.ts";
import { defineErrors } from "../error.ts";
import { createManualClock } from "../testing/clock.ts";
import { acceptInTime, Intake } from "./intake.ts";

/** Messages that are kept when the test says so, each with the position that it took along. */
function start() {
  const handed: string[] = [];
  const kept: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<void>>();
  let failures = 0;
  const intake = new Intake({
    keep: async (position) => void kept.push(position),
    onFailure: () => void failures++,
  });
  const take = (conversation: string, position: string, isLarge = false) =>
    intake.take({ conversation, position, isLarge }, async (known) => {
      handed.push(`${conversation}${position} with ${known ?? "nothing"}`);
      const end = Promise.withResolvers<void>();
      ends.set(position, end);
      await end.promise;
    });
  /** After it, what goes on by itself has gone on. */
  const end = async (position: string, failure?: Error) => {
    if (failure) ends.get(position)!.reject(failure);
    else ends.get(position)!.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { intake, handed, kept, take, end, failures: () => failures };
}

test("one that comes alone takes its position along", async () => {
  const { intake, handed, kept, take, end } = start();
  for (const position of ["1", "2"]) {
    await take("a", position);
    await Promise.resolve();
    await end(position);
    await intake.settle();
  }
  expect(handed).toEqual(["a1 with 1", "a2 with 2"]);
  expect(kept).toEqual([]);
});

test("conversations go beside each other and their messages one after the other, and no position is beyond what is kept", async () => {
  const { intake, handed, kept, take, end } = start();
  for (const [conversation, position] of ["a1", "b2", "a3", "c4"].map((name) => [...name] as [string, string]))
    await take(conversation, position);
  const settled = intake.settle();
  await end("2");
  await end("4");
  expect(handed).toEqual(["a1 with 1", "b2 with nothing", "c4 with nothing"]);
  await end("1");
  expect(handed.at(-1)).toBe("a3 with 3");
  await end("3");
  await settled;
  expect(kept).toEqual(["4"]);
});

test("what was kept before goes along with what comes later", async () => {
  const { handed, take, end } = start();
  await take("a", "1");
  await take("b", "2");
  await take("b", "3");
  await Promise.resolve();
  await end("1");
  await take("c", "4");
  await end("2");
  expect(handed).toEqual(["a1 with 1", "b2 with nothing", "c4 with nothing", "b3 with 3"]);
});

test("behind a failure nothing is handed in, and its position is not kept", async () => {
  const { intake, handed, kept, take, end, failures } = start();
  await take("a", "1");
  await take("a", "2");
  await take("b", "3");
  await Promise.resolve();
  await end("1", new Error("the store is full"));
  expect(failures()).toBe(1);
  await end("3");
  await expect(take("c", "4")).rejects.toThrow("the store is full");
  await expect(intake.settle()).rejects.toThrow("the store is full");
  expect(handed).toEqual(["a1 with 1", "b3 with nothing"]);
  expect(kept).toEqual([]);
});

test("of what is large one is under way at a time", async () => {
  const { handed, take, end } = start();
  await take("a", "1", true);
  await take("b", "2", true);
  await take("c", "3");
  await new Promise((resolve) => setImmediate(resolve));
  expect(handed).toEqual(["a1 with 1", "c3 with nothing"]);
  await end("1");
  expect(handed.at(-1)).toBe("b2 with 2");
});

test("the next one waits until there is room", async () => {
  const { handed, take, end } = start();
  for (let number = 0; number < 31; number++) await take(`room-${number}-`, String(number));
  const last = take("room-31-", "31");
  let isThere = false;
  void last.then(() => {
    isThere = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect([handed.length, isThere]).toEqual([32, false]);
  await end("7");
  await last;
});

const errors = defineErrors({
  LANE_FULL: { message: "the lane is full", wire: "UNAVAILABLE" },
  STORE_FULL: { message: "the store is full", wire: "UNAVAILABLE" },
});
const message = { text: "hello" } as InboundMessage;

test("a conversation that is full is waited for as long as it says, and any other refusal is told", async () => {
  const clock = createManualClock();
  const failures: Error[] = [errors.LANE_FULL("", { retryAfterMs: 300 }), errors.LANE_FULL("")];
  const accept = async () => {
    const failure = failures.shift();
    if (failure) throw failure;
    return { status: "accepted" as const };
  };
  const until = new AbortController();
  const patience = { clock, signal: until.signal, until: until.signal };
  const accepted = acceptInTime({ accept }, { message }, patience);
  await clock.armed();
  await clock.advance(300);
  await clock.armed();
  await clock.advance(1_000);
  expect(await accepted).toEqual({ status: "accepted" });
  failures.push(errors.STORE_FULL());
  await expect(acceptInTime({ accept }, { message }, patience)).rejects.toMatchObject({ code: "STORE_FULL" });
  failures.push(errors.LANE_FULL(""));
  const left = acceptInTime({ accept }, { message }, patience);
  await clock.armed();
  until.abort(new Error("the connection is to end"));
  await expect(left).rejects.toThrow("the connection is to end");
});
