import { expect, test } from "bun:test";
import type { Admission, Job } from "@pincer/plugin-sdk/job";
import { aborted, createLaneHome, echo, keysOf, stage, turn } from "../../tests/support/lanes.ts";

test("a job runs, and its outcome is its handler's result", async () => {
  await using home = await createLaneHome();
  const { lanes } = await home.start({ turn: echo });
  const admitted = await lanes.admit(turn("one"));
  expect(admitted).toMatchObject({ key: "one", fresh: true, state: "ready" });
  expect(await admitted.outcome).toEqual({ key: "one", kind: "turn", lane: "a", state: "done", result: { key: "one" } });
  expect(await lanes.find("one")).toEqual(await admitted.outcome);
  expect(lanes.status("a")).toEqual({ running: undefined, waiting: [] });
});

test("inside a lane one job runs at a time, highest priority first, then oldest; lanes run in parallel", async () => {
  await using home = await createLaneHome();
  const { order, release, handler } = stage();
  const { lanes, until } = await home.start({ turn: handler });
  const first = await lanes.admit(turn("first"));
  await lanes.admitAll([turn("low"), turn("next"), turn("high", { priority: 5 }), turn("elsewhere", { lane: "b" })]);
  await until("started", "elsewhere");
  expect(order).toEqual(["first", "elsewhere"]);
  expect(keysOf(lanes.status("a").waiting)).toEqual(["high", "low", "next"]);
  expect(lanes.status("a").running).toMatchObject({ key: "first", state: "running", input: { key: "first" } });
  for (const key of ["first", "high", "low", "next", "elsewhere"]) release(key);
  await first.outcome;
  await lanes.wait("next");
  expect(order).toEqual(["first", "elsewhere", "high", "low", "next"]);
});

test("a kind runs no more jobs at once than it allows, and a free place goes to the highest priority, then to the oldest", async () => {
  await using home = await createLaneHome();
  const { order, release, handler } = stage();
  const { lanes, until } = await home.start({ turn: { journal: 1, concurrency: 2, run: handler }, free: echo });
  const admissions = ["1", "2", "3", "4"].map((key) => turn(key, { lane: key }));
  await lanes.admitAll([...admissions, turn("urgent", { lane: "u", priority: 1 }), turn("other", { lane: "o", kind: "free" })]);
  expect((await lanes.wait("other")).state).toBe("done");
  expect(order).toEqual(["1", "2"]);
  for (const [ends, starts] of [
    ["2", "urgent"],
    ["1", "3"],
    ["urgent", "4"],
  ] as const) {
    release(ends);
    await until("started", starts);
  }
  release("3");
  release("4");
  await lanes.wait("4");
  expect(order).toEqual(["1", "2", "urgent", "3", "4"]);
});

test("a handler that fails ends its job with its code and message, and the lane goes on", async () => {
  await using home = await createLaneHome();
  const { lanes, logged } = await home.start({
    turn: async ({ key, send }) => {
      send(turn("never sent", { lane: "b" }));
      if (key === "circular") {
        const loop: Record<string, unknown> = {};
        loop.self = loop;
        return loop;
      }
      throw Object.assign(new Error("out of cheese"), { name: "CheeseError" });
    },
  });
  const [failed, circular] = await lanes.admitAll([turn("failing"), turn("circular")]);
  expect(await failed?.outcome).toMatchObject({ state: "failed", result: { code: "LANE_FAILED", message: "out of cheese" } });
  expect(await circular?.outcome).toMatchObject({ state: "failed", result: { code: "LANE_FAILED" } });
  expect(logged).toEqual(["lanes.job-failed failing", "lanes.job-failed circular"]);
  expect(await lanes.find("never sent")).toBeUndefined();
});

test("nothing that is handed out looks like a promise, so that awaiting it does not hang (lane trap 8)", async () => {
  await using home = await createLaneHome();
  const seen: unknown[] = [];
  const { lanes } = await home.start({
    turn: async (job) => {
      seen.push(job);
      await job;
      return null;
    },
  });
  const admitted = await lanes.admit(turn("one"));
  await admitted.outcome;
  for (const value of [lanes, admitted, ...seen]) expect("then" in (value as object)).toBe(false);
});

test("a turn does not wait for what it sends, so that shared places cannot deadlock (lane trap 11)", async () => {
  await using home = await createLaneHome();
  const order: string[] = [];
  const run = async (job: Job) => {
    order.push(job.key);
    if (job.key !== "turn") return null;
    await job.sendNow("block:1", { lane: "out", kind: "turn", key: "block", input: null });
    job.send({ lane: "out", kind: "turn", key: "final", input: null });
    return "answered";
  };
  const { lanes } = await home.start({ turn: { journal: 1, concurrency: 1, run } });
  const { outcome } = await lanes.admit(turn("turn"));
  expect(await outcome).toMatchObject({ state: "done", result: "answered" });
  expect(await lanes.wait("final")).toMatchObject({ state: "done" });
  expect(order).toEqual(["turn", "block", "final"]);
});

test("a deadline aborts a running job and ends a waiting one, each in time", async () => {
  await using home = await createLaneHome();
  const { lanes, until } = await home.start({ turn: aborted });
  const deadline = home.clock.now() + 1_000;
  const running = await lanes.admit(turn("running", { deadline: deadline + 500 }));
  const waiting = await lanes.admit(turn("waiting", { deadline }));
  await until("started", "running");
  await home.clock.advance(1_000);
  expect(await waiting.outcome).toMatchObject({ state: "failed", result: { code: "LANE_DEADLINE" } });
  expect(lanes.status("a").running?.key).toBe("running");
  await home.clock.advance(500);
  expect(await running.outcome).toMatchObject({ state: "failed", result: { code: "LANE_DEADLINE" } });
  const past = await lanes.admit(turn("past", { deadline: home.clock.now() - 1 }));
  expect(await past.outcome).toMatchObject({ state: "failed", result: { code: "LANE_DEADLINE" } });
  expect(home.clock.timers).toBe(0);
});

test("a job that may not start yet lets others pass, and starts in time, also when the time of day is set forward", async () => {
  await using home = await createLaneHome();
  const { lanes, until } = await home.start({ turn: echo }, { settings: { recheckMs: 60_000 } });
  const hour = 3_600_000;
  const soon = await lanes.admit(turn("soon", { notBefore: home.clock.now() + hour }));
  const later = await lanes.admit(turn("later", { notBefore: home.clock.now() + 10 * hour }));
  expect(await (await lanes.admit(turn("now"))).outcome).toMatchObject({ state: "done" });
  await home.clock.advance(hour - 1);
  expect(keysOf(lanes.status("a").waiting)).toEqual(["soon", "later"]);
  await home.clock.advance(1);
  expect(await soon.outcome).toMatchObject({ state: "done" });
  home.clock.jump(9 * hour);
  await home.clock.advance(60_000);
  await until("ended", "later");
  expect(await later.outcome).toMatchObject({ state: "done" });
});

test("a job that nobody handles is a failed job, not a stuck lane (#68781)", async () => {
  await using home = await createLaneHome();
  const { lanes } = await home.start({ fine: echo });
  const [lost, fine] = await lanes.admitAll([turn("lost"), turn("fine", { kind: "fine" })]);
  expect(await lost?.outcome).toMatchObject({ state: "failed", result: { code: "LANE_NO_HANDLER" } });
  expect(await fine?.outcome).toMatchObject({ state: "done" });
});

test("lanes that were used and are idle cost no memory (#91588, #121214)", async () => {
  await using home = await createLaneHome();
  const { lanes } = await home.start({ turn: echo }, { settings: { senderRate: 60_000 } });
  for (let round = 0; round < 10; round++) {
    const admissions = Array.from(
      { length: 100 },
      (_, n): Admission => turn(`${round}.${n}`, { lane: `lane ${round}.${n}`, sender: `${round}.${n}` }),
    );
    await Promise.all((await lanes.admitAll(admissions)).map(({ outcome }) => outcome));
  }
  await home.clock.advance(120_000);
  await (await lanes.admit(turn("last", { sender: "last" }))).outcome;
  expect(lanes.held()).toEqual({ lanes: 0, jobs: 0, running: 0, waiters: 0, senders: 1 });
  expect(home.clock.timers).toBe(0);
});

test("each change of a job is told in order", async () => {
  await using home = await createLaneHome();
  const { lanes, changes } = await home.start({ turn: echo });
  await (await lanes.admit(turn("one"))).outcome;
  await (await lanes.admit(turn("two"))).outcome;
  expect(changes.map(({ type, job }) => `${type} ${job.key}`)).toEqual([
    ...["admitted one", "started one", "ended one"],
    ...["admitted two", "started two", "ended two"],
  ]);
});

test("ended jobs answer to their keys until they are swept, and what was private in them is gone at once", async () => {
  await using home = await createLaneHome();
  const { lanes, store } = await home.start({ turn: async () => "answer" }, { settings: { keepMs: 1_000 } });
  await (await lanes.admit(turn("old", { input: "a secret" }))).outcome;
  expect(await store.read("select input from job")).toEqual([{ input: "null" }]);
  await store.write(["insert into effect values (4711, 'left over', 'settled', '', null)"]);
  await home.clock.advance(1_001);
  await (await lanes.admit(turn("new"))).outcome;
  await store.write(...lanes.sweep(home.clock.now()));
  expect(await store.read("select key from job")).toEqual([{ key: "new" }]);
  expect(await store.read("select * from effect")).toEqual([]);
  expect(await lanes.admit(turn("old"))).toMatchObject({ fresh: true });
});
