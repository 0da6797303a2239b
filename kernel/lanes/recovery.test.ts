import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Job } from "@pincer/plugin-sdk/job";
import { createLaneHome, type FollowedLanes, gateway, type Handler, turn } from "../../tests/support/lanes.ts";

type Home = Awaited<ReturnType<typeof createLaneHome>>;

const hang = (): Promise<never> => new Promise(() => {});

/** Durably begun, and then never heard of again: tells the test that the process may die now. */
const dieAt = (dies: () => void) => async (job: Job) => {
  await job.effect("begins", null, async () => null);
  await job.effect("written", null, async () => null);
  dies();
  return hang();
};

/** As they are counted by a process that dies as soon as that is durable, before anything runs. */
const crashesOf = async (home: Home, key: string) => {
  const probe = (point: string) => {
    if (point === "after-recover") throw new Error("the process dies");
  };
  await expect(home.start({}, { probe })).rejects.toThrow("the process dies");
  await home.crash();
  using db = new Database(join(home.folder, "lanes.sqlite"), { readonly: true });
  return db.query<{ crashes: number }, [string]>("select crashes from job where key = ?").get(key)?.crashes;
};

/** Steps that note each call in a ledger which outlives the process. */
function ledger() {
  const calls: string[] = [];
  const step = (job: Job, name: string, replay: "safe" | "never" = "never", answer: unknown = `${name} done`) =>
    job.effect(
      name,
      { name },
      async () => {
        calls.push(`${job.key} ${name}`);
        return answer;
      },
      { replay } as { replay: "safe" },
    );
  return { calls, step };
}

test("the journal of every recovered job is read, also of one that was not blamed for a crash (lane trap 1)", async () => {
  await using home = await createLaneHome();
  const { calls, step } = ledger();
  const handlers = (started: () => void, innocent: (job: Job) => Promise<unknown>): Record<string, Handler> => ({
    poison: dieAt(started),
    turn: async (job) => {
      await step(job, "tool");
      await step(job, "barrier");
      return innocent(job);
    },
  });
  for (let crash = 0; crash < 2; crash++) {
    const dies = gateway();
    const { lanes } = await home.start(handlers(dies.open, hang));
    if (crash === 0) await lanes.admit(turn("poison", { kind: "poison", lane: "p" }));
    await dies.passed;
    await home.crash();
  }
  const onTrial = gateway();
  const reached = gateway();
  const third = await home.start(
    handlers(onTrial.open, () => {
      reached.open();
      return hang();
    }),
  );
  await home.clock.advance(60_000);
  await onTrial.passed;
  await third.lanes.admit(turn("innocent"));
  await reached.passed;
  await home.crash();
  expect(await crashesOf(home, "innocent")).toBe(0);
  const { lanes } = await home.start(
    handlers(
      () => {},
      async ({ resumed }) => ({ resumed }),
    ),
  );
  expect(await lanes.wait("innocent")).toMatchObject({ state: "done", result: { resumed: true } });
  expect(calls).toEqual(["innocent tool", "innocent barrier"]);
});

test("one job that kills the process is parked after 8 crashes, and those beside it are not blamed for it (lane trap 2)", async () => {
  await using home = await createLaneHome();
  const innocent = Array.from({ length: 6 }, (_, n) => turn(`innocent ${n}`, { lane: `lane ${n}` }));
  const together: number[] = [];
  let deaths = 0;
  for (let parked = false; !parked; ) {
    const dies = gateway();
    let onTrial = 0;
    const { lanes, until } = await home.start({
      poison: dieAt(dies.open),
      // Long enough to be running whenever the poison kills, short enough to end when tried alone.
      turn: async (job) => {
        if (job.crashes < 2) return dieAt(() => {})(job);
        together.push(++onTrial);
        await home.clock.sleep(1);
        onTrial--;
        return "survived";
      },
    });
    if (deaths === 0) await lanes.admitAll([...innocent.slice(0, 3), turn("poison", { kind: "poison", lane: "p" }), ...innocent.slice(3)]);
    const ended = until("ended", "poison").then(({ outcome }) => {
      parked = true;
      expect(outcome).toMatchObject({ state: "parked", result: { code: "LANE_PARKED" } });
    });
    const moved = Promise.race([dies.passed, ended]);
    let waiting = true;
    void moved.then(() => {
      waiting = false;
    });
    while (waiting) await home.clock.advance(10_000);
    if (!parked) deaths++;
    await home.crash();
    expect(deaths).toBeLessThan(10);
  }
  expect(deaths).toBe(8);
  const { lanes } = await home.start({ turn: async () => "survived" });
  await home.clock.advance(60_000);
  for (const { key } of innocent) expect(await lanes.wait(key)).toMatchObject({ state: "done", result: "survived" });
  expect(Math.max(...together)).toBe(1);
});

test("a job that waits for its retry is not blamed for the next crash (lane trap 3)", async () => {
  await using home = await createLaneHome();
  for (let crash = 1; crash <= 2; crash++) {
    const dies = gateway();
    const { lanes } = await home.start({ turn: dieAt(dies.open) });
    if (crash === 1) await lanes.admit(turn("one"));
    await dies.passed;
    await home.crash();
  }
  for (let restart = 0; restart < 3; restart++) {
    const { lanes } = await home.start({ turn: hang });
    expect(lanes.status("a")).toMatchObject({ running: undefined, waiting: [{ key: "one" }] });
    await home.crash();
  }
  expect(await crashesOf(home, "one")).toBe(2);
  home.clock.jump(-86_400_000);
  const { lanes } = await home.start({ turn: async () => "at last" });
  await home.clock.advance(60_000);
  expect(await lanes.wait("one")).toMatchObject({ state: "done", result: "at last" });
});

test("a job that kills before it writes anything is blamed from its second run on: no endless boot loop (lane trap 4)", async () => {
  await using home = await createLaneHome();
  for (let crash = 0; crash < 4; crash++) {
    const dies = gateway();
    const kill = () => {
      dies.open();
      return hang();
    };
    const { lanes } = await home.start({ turn: (job) => job.effect("kills", null, kill, { replay: "safe" }) });
    if (crash === 0) await lanes.admit(turn("one"));
    await home.clock.advance(60_000);
    await dies.passed;
    await home.crash();
    expect(await crashesOf(home, "one")).toBe(crash);
  }
});

test("what was steered into a turn that is given up goes back to the lane, in the commit that parks it (lane trap 5)", async () => {
  await using home = await createLaneHome();
  const settings = { parkAfter: 2, trialAfter: 1 };
  const handler = (absorbed: () => void) => async (job: Job) => {
    if (job.key !== "dies") return `own turn of ${job.key}`;
    const taken = await job.take("start");
    if (taken.length > 0) absorbed();
    return hang();
  };
  for (let crash = 0; crash < 2; crash++) {
    const absorbed = gateway();
    const { lanes, until } = await home.start({ turn: handler(absorbed.open) }, { settings });
    if (crash === 0) await lanes.admitAll([turn("steer", { mode: "steer" }), turn("dies", { priority: 1 })]);
    await home.clock.advance(60_000);
    await Promise.all([absorbed.passed, until("started", "dies")]);
    expect(await lanes.find("steer")).toMatchObject({ state: "absorbed", result: { by: "dies" } });
    await home.crash();
  }
  const { lanes } = await home.start({ turn: handler(() => {}) }, { settings });
  const steered = lanes.wait("steer");
  await home.clock.advance(60_000);
  expect(await lanes.wait("dies")).toMatchObject({ state: "parked" });
  expect(await steered).toMatchObject({ key: "steer", state: "done", result: "own turn of steer" });
});

test("a job that was cancelled before the process died was cancelled, also when its handler can take it up no more", async () => {
  await using home = await createLaneHome();
  const begun = gateway();
  const { lanes } = await home.start({ turn: dieAt(begun.open) });
  await lanes.admit(turn("one"));
  await begun.passed;
  await lanes.cancel({ key: "one" }, "stopped by the user");
  await home.crash();
  const { lanes: next } = await home.start({ turn: { journal: 2, run: async () => "another" } });
  const outcome = next.wait("one");
  await home.clock.advance(60_000);
  expect(await outcome).toMatchObject({ state: "cancelled", result: { code: "LANE_CANCELLED", message: "stopped by the user" } });
});

test("what is admitted before the open jobs were read waits for them, and runs once", async () => {
  await using home = await createLaneHome();
  const order: string[] = [];
  const run = async ({ key }: Job) => void order.push(key);
  const first = await home.start({ turn: hang });
  await first.lanes.admitAll([turn("running"), turn("behind")]);
  await home.crash();
  const early: Promise<unknown>[] = [];
  const admit = (lanes: FollowedLanes) => early.push(...["early", "early", "behind"].map((key) => lanes.admit(turn(key))));
  const next = await home.start({ turn: run }, {}, admit);
  await Promise.all(early);
  await next.lanes.wait("early");
  expect(order).toEqual(["running", "behind", "early"]);
});

test("lanes that are stopped admit nothing, and whoever waits is told that the job goes on later", async () => {
  await using home = await createLaneHome();
  const { lanes } = await home.start({ turn: hang });
  const { outcome } = await lanes.admit(turn("one"));
  const stopping = lanes.stop();
  await expect(lanes.admit(turn("two"))).rejects.toMatchObject({ code: "LANE_CLOSED", retryable: true });
  await home.clock.advance(20_000);
  await stopping;
  await expect(outcome).rejects.toMatchObject({ code: "LANE_CLOSED" });
  await expect(lanes.wait("one")).rejects.toMatchObject({ code: "LANE_CLOSED" });
});

test("that a job failed, or was given up, is told by a job of its own, also when the process dies with the end of the first", async () => {
  await using home = await createLaneHome();
  const told: unknown[] = [];
  const fails = () => Promise.reject(new Error("out of cheese"));
  const failure = async ({ input }: Job) => void told.push(input);
  const died = gateway();
  const probe = (point: string) => {
    if (point !== "after-finish") return;
    died.open();
    throw new Error("the process dies");
  };
  const first = await home.start({ turn: fails, failure }, { probe });
  await first.lanes.admit(turn("one"));
  await died.passed;
  await home.crash();
  const second = await home.start({ turn: fails, failure });
  await second.lanes.wait("failure:one");
  expect(told).toEqual([
    { key: "one", kind: "turn", lane: "a", input: { key: "one" }, state: "failed", code: "LANE_FAILED", message: "out of cheese" },
  ]);
  await (await second.lanes.admit(turn("two"))).outcome;
  await second.lanes.wait("failure:two");
  expect(told).toHaveLength(2);
});

test("a job that fails to tell of a failure is not told of itself", async () => {
  await using home = await createLaneHome();
  const fails = () => Promise.reject(new Error("out of cheese"));
  const { lanes } = await home.start({ turn: fails, failure: fails });
  await (await lanes.admit(turn("one"))).outcome;
  expect(await lanes.wait("failure:one")).toMatchObject({ state: "failed" });
  expect(await lanes.find("failure:failure:one")).toBeUndefined();
});
