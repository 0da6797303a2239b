import { expect, test } from "bun:test";
import type { Job } from "@pincer/plugin-sdk/job";
import { aborted, createLaneHome, echo, gateway, keysOf, stage, turn } from "../../tests/support/lanes.ts";

test("collected messages wait, and the next turn takes them all", async () => {
  await using home = await createLaneHome();
  const { release, handler } = stage();
  const { lanes, changes } = await home.start({
    turn: async (job) => {
      const more = await job.take<{ key: string }>("start", ["collect"]);
      await handler(job);
      return [job.key, ...more.map(({ input }) => input.key)];
    },
  });
  await lanes.admit(turn("first"));
  const rest = await lanes.admitAll([
    turn("b", { mode: "collect" }),
    turn("c", { mode: "collect" }),
    turn("d"),
    turn("e", { mode: "collect" }),
  ]);
  for (const key of ["first", "b", "d"]) release(key);
  expect(await rest[0]?.outcome).toMatchObject({ state: "done", result: ["b", "c", "e"] });
  expect(await rest[1]?.outcome).toMatchObject({ key: "c", state: "done", result: ["b", "c", "e"] });
  expect(await rest[2]?.outcome).toMatchObject({ state: "done", result: ["d"] });
  expect(await lanes.find("e")).toMatchObject({ state: "absorbed", result: { by: "b" } });
  expect(await lanes.wait("e")).toMatchObject({ key: "e", state: "done", result: ["b", "c", "e"] });
  expect(changes.filter(({ job }) => job.key === "e").map(({ type }) => type)).toEqual(["admitted", "absorbed", "ended"]);
});

test("a steer is taken by the running turn; one that nobody took runs as the next turn", async () => {
  await using home = await createLaneHome();
  const steered = gateway();
  const { lanes } = await home.start({
    turn: async (job) => {
      const early = await job.take("early");
      if (job.key === "first") await steered.passed;
      return { early: keysOf(early), late: keysOf(job.key === "first" ? await job.take("late") : []) };
    },
  });
  const first = await lanes.admit(turn("first"));
  const [taken, followup] = await lanes.admitAll([turn("steer", { mode: "steer" }), turn("followup")]);
  steered.open();
  expect(await first.outcome).toMatchObject({ result: { early: [], late: ["steer"] } });
  expect(await taken?.outcome).toMatchObject({ key: "steer", state: "done", result: { late: ["steer"] } });
  await followup?.outcome;
  const alone = await lanes.admit(turn("alone", { mode: "steer" }));
  expect(await alone.outcome).toMatchObject({ state: "done", result: { early: [], late: [] } });
});

test("what is too large to be taken over stays in the lane, and has a turn of its own", async () => {
  await using home = await createLaneHome();
  const steered = gateway();
  const run = async (job: Job) => {
    if (job.key !== "first") return job.key;
    await steered.passed;
    return job.take("late").catch((error) => error.code);
  };
  const { lanes } = await home.start({ turn: run }, { settings: { resultBytes: 1_024 } });
  const first = await lanes.admit(turn("first"));
  const steer = await lanes.admit(turn("steer", { mode: "steer", input: "x".repeat(2_000) }));
  steered.open();
  expect(await first.outcome).toMatchObject({ state: "done", result: "LANE_RESULT_TOO_LARGE" });
  expect(await steer.outcome).toMatchObject({ state: "done", result: "steer" });
});

test("an interrupt cancels the running turn, goes first, and gives back what that turn had absorbed", async () => {
  await using home = await createLaneHome();
  const { order, handler, release } = stage();
  const absorbed = gateway();
  const { lanes, until } = await home.start({
    turn: async (job) => {
      if (job.key === "running") await until("admitted", "steer");
      await job.take("start");
      if (job.key === "running") absorbed.open();
      return handler(job);
    },
  });
  const running = await lanes.admit(turn("running"));
  await lanes.admitAll([turn("urgent", { priority: 9 }), turn("steer", { mode: "steer" })]);
  await absorbed.passed;
  const interrupt = await lanes.admit(turn("stop!", { mode: "interrupt" }));
  expect(await running.outcome).toMatchObject({ state: "cancelled", result: { code: "LANE_CANCELLED" } });
  for (const key of ["stop!", "urgent", "steer"]) release(key);
  expect(await interrupt.outcome).toMatchObject({ state: "done" });
  expect(await lanes.wait("steer")).toMatchObject({ state: "done", result: "steer" });
  expect(order).toEqual(["running", "stop!", "urgent", "steer"]);
});

test("what came back from a turn that was interrupted is not overtaken by what was steered in after it, also when the process died", async () => {
  await using home = await createLaneHome();
  const { order, handler, release } = stage();
  const absorbed = gateway();
  const began = gateway();
  const first = await home.start({
    turn: async (job) => {
      await first.until("admitted", "earlier");
      await job.take("start");
      await job.effect("begins", null, async () => null);
      absorbed.open();
      return new Promise(() => {});
    },
  });
  await first.lanes.admitAll([turn("running"), turn("earlier", { mode: "steer" })]);
  await absorbed.passed;
  await first.lanes.admit(turn("stop!", { mode: "interrupt" }));
  await home.crash();

  const second = await home.start({
    turn: async (job) => {
      if (job.key === "running") return aborted(job);
      await second.until("admitted", "later");
      order.push(`${job.key} took ${keysOf(await job.take("early"))}`);
      await job.effect("begins", null, async () => null);
      began.open();
      return new Promise(() => {});
    },
  });
  await second.lanes.admit(turn("later", { mode: "steer" }));
  await began.passed;
  await home.crash();

  const third = await home.start({
    turn: async (job) => {
      order.push(`${job.key} took ${keysOf([...(await job.take("early")), ...(await job.take("late"))])}`);
      return handler(job);
    },
  });
  for (const key of ["stop!", "earlier"]) release(key);
  expect(await third.lanes.wait("later")).toMatchObject({ state: "done", result: "earlier" });
  expect(order).toEqual(["stop! took ", "stop! took ", "stop!", "earlier took later", "earlier"]);
});

test("repeating an interrupt does not cancel what runs by then", async () => {
  await using home = await createLaneHome();
  const { handler, release } = stage();
  const { lanes, store, until } = await home.start({ turn: handler });
  const interrupt = turn("stop!", { mode: "interrupt" });
  release("stop!");
  await (await lanes.admit(interrupt)).outcome;
  const next = await lanes.admit(turn("next"));
  await until("started", "next");
  expect(await lanes.admit(interrupt)).toMatchObject({ fresh: false, state: "done" });
  expect(await store.read("select cancel from job where key = 'next'")).toEqual([{ cancel: null }]);
  release("next");
  expect(await next.outcome).toMatchObject({ state: "done" });
});

test("cancelling a lane stops what runs, with what it absorbed and, when asked, what waits", async () => {
  await using home = await createLaneHome();
  const absorbed = gateway();
  const { lanes, until } = await home.start({
    turn: async (job) => {
      await until("admitted", "steer");
      if (job.key === "running") await job.take("start");
      absorbed.open();
      return aborted(job);
    },
  });
  const running = await lanes.admit(turn("running"));
  const [steer, waiting] = await lanes.admitAll([turn("steer", { mode: "steer" }), turn("waiting")]);
  await absorbed.passed;
  expect(await lanes.cancel({ lane: "a", waiting: true }, "stopped by the user")).toEqual(["running", "waiting"]);
  for (const job of [running, steer, waiting]) {
    expect(await job?.outcome).toMatchObject({ state: "cancelled", result: { code: "LANE_CANCELLED", message: "stopped by the user" } });
  }
  expect(await lanes.cancel({ lane: "a" }, "again")).toEqual([]);
  expect(await lanes.cancel({ key: "unheard of" }, "why not")).toEqual([]);
});

test("a job that waits for its retry is ended by its handler when it is interrupted; the interrupt goes first, then what it had absorbed", async () => {
  await using home = await createLaneHome();
  for (let crash = 0; crash < 2; crash++) {
    const absorbed = gateway();
    const { lanes } = await home.start({
      turn: async (job) => {
        await job.take("start");
        await job.effect("begins", null, async () => null);
        absorbed.open();
        return new Promise(() => {});
      },
    });
    if (crash === 0) await lanes.admitAll([turn("absorbed", { mode: "steer" }), turn("dies", { priority: 1 })]);
    await absorbed.passed;
    await home.crash();
  }
  const { order, handler, release } = stage();
  const { lanes } = await home.start({ turn: handler });
  await lanes.admit(turn("newer"));
  expect(order).toEqual([]);
  const { outcome } = await lanes.admit(turn("interrupts", { mode: "interrupt" }));
  expect(await lanes.wait("dies")).toMatchObject({ state: "cancelled" });
  for (const key of ["interrupts", "absorbed", "newer"]) release(key);
  await outcome;
  await lanes.wait("newer");
  expect(order).toEqual(["dies", "interrupts", "absorbed", "newer"]);
});

test("a job that died before it wrote anything is ended by its handler, also when no other may run now, and who cancels it waits for that", async () => {
  await using home = await createLaneHome();
  for (let crash = 0; crash < 3; crash++) {
    const dies = gateway();
    const { lanes } = await home.start({
      turn: () => {
        dies.open();
        return new Promise(() => {});
      },
    });
    if (crash === 0) await lanes.admit(turn("dies"));
    await dies.passed;
    await home.crash();
  }
  const told: string[] = [];
  const busy = gateway();
  const run = async (job: Job) => {
    if (job.key === "dies") told.push(`${job.key} ${(job.signal.reason as Error).message}`);
    else await busy.passed;
  };
  const { lanes, until } = await home.start({ turn: { journal: 1, concurrency: 1, run } });
  await lanes.admit(turn("other", { lane: "b" }));
  await until("started", "other");
  expect(lanes.status("a")).toMatchObject({ running: undefined, waiting: [{ key: "dies" }] });
  expect(await lanes.cancel({ lane: "a", waiting: true }, "stopped by the user")).toEqual(["dies"]);
  expect(told).toEqual(["dies stopped by the user"]);
  expect(await lanes.find("dies")).toMatchObject({ state: "cancelled", result: { message: "stopped by the user" } });
  busy.open();
  await lanes.wait("other");
});

test("cancelling all that waits in a lane starts none of it, whatever held it back", async () => {
  await using home = await createLaneHome();
  const { order, handler, release } = stage();
  const { lanes, until } = await home.start({ turn: { journal: 1, concurrency: 1, run: handler }, other: handler });
  await lanes.admit(turn("busy", { lane: "b" }));
  await until("started", "busy");
  await lanes.admitAll([turn("1"), turn("2", { kind: "other" })]);
  expect(await lanes.cancel({ lane: "a", waiting: true }, "enough")).toEqual(["1", "2"]);
  for (const key of ["1", "2"]) expect(await lanes.wait(key)).toMatchObject({ state: "cancelled" });
  await lanes.admitAll([turn("3"), turn("4", { kind: "other" })]);
  expect(await lanes.cancel({ key: "3" }, "enough")).toEqual(["3"]);
  release("4");
  expect(await lanes.wait("4")).toMatchObject({ state: "done" });
  expect(order).toEqual(["busy", "4"]);
  release("busy");
});

test("cancelling by key takes one waiting job out and leaves its neighbours", async () => {
  await using home = await createLaneHome();
  const { order, handler, release } = stage();
  const { lanes } = await home.start({ turn: handler });
  await lanes.admit(turn("1"));
  const [, two] = await lanes.admitAll([turn("0"), turn("2"), turn("3")]);
  expect(await lanes.cancel({ key: "2" }, "changed my mind")).toEqual(["2"]);
  expect(await two?.outcome).toMatchObject({ state: "cancelled" });
  for (const key of ["1", "0", "3"]) release(key);
  await lanes.wait("3");
  expect(order).toEqual(["1", "0", "3"]);
});

test("a cancelled handler that returns may still send its last words; one that throws sends nothing", async () => {
  await using home = await createLaneHome();
  const { lanes, until } = await home.start({
    out: echo,
    turn: async (job) => {
      await aborted(job).catch(() => job.send({ lane: `out:${job.key}`, kind: "out", key: `bye ${job.key}`, input: null }));
      if (job.key === "throws") job.signal.throwIfAborted();
      return "too late";
    },
  });
  for (const key of ["returns", "throws"]) {
    const { outcome } = await lanes.admit(turn(key, { lane: key }));
    await until("started", key);
    await lanes.cancel({ key }, "enough");
    expect(await outcome).toMatchObject({ state: "cancelled" });
  }
  expect(await lanes.wait("bye returns")).toMatchObject({ state: "done" });
  expect(await lanes.find("bye throws")).toBeUndefined();
});
