/** A kind goes from one generation of a plugin to the next, and a job from one process to the next, with nothing lost or run twice. */
import { expect, test } from "bun:test";
import type { Job } from "@pincer/plugin-sdk/job";
import { aborted, createLaneHome, echo, gateway, turn } from "../../tests/support/lanes.ts";

const generation = (name: string, calls: string[], last: (job: Job) => Promise<unknown>, journal = 1) => ({
  journal,
  run: async (job: Job) => {
    await job.effect("tool", null, async () => void calls.push(`${name} tool ${job.key}`));
    await job.effect("barrier", null, async () => null);
    return [name, job.resumed, job.crashes, await last(job)];
  },
});

test("jobs that run finish on their handler, and new ones start on the next", async () => {
  await using home = await createLaneHome();
  const calls: string[] = [];
  const reached = gateway();
  const finish = gateway();
  const { lanes } = await home.start({});
  const old = lanes.handle(
    "turn",
    generation("old", calls, () => {
      reached.open();
      return finish.passed;
    }),
  );
  const first = await lanes.admit(turn("first"));
  await reached.passed;
  lanes.handle(
    "turn",
    generation("new", calls, async () => "end"),
  );
  old[Symbol.dispose]();
  const elsewhere = await lanes.admit(turn("elsewhere", { lane: "b" }));
  const behind = await lanes.admit(turn("behind"));
  expect((await elsewhere.outcome).result).toEqual(["new", false, 0, "end"]);
  finish.open();
  expect((await first.outcome).result).toEqual(["old", false, 0, null]);
  expect((await behind.outcome).result).toEqual(["new", false, 0, "end"]);
  expect(calls).toEqual(["old tool first", "new tool elsewhere", "new tool behind"]);
});

test("a job that is handed over is resumed by the next handler, ahead of its lane, and repeats nothing (#144291)", async () => {
  await using home = await createLaneHome();
  const calls: string[] = [];
  const reached = gateway();
  const { lanes, store } = await home.start({});
  const hanging = async (job: Job) => {
    reached.open();
    // Cut short, and says so: what it answers now is worth nothing.
    return aborted(job).catch((error) => `partial: ${error.code}`);
  };
  lanes.handle("turn", generation("old", calls, hanging));
  const first = await lanes.admit(turn("first"));
  const behind = await lanes.admit(turn("behind", { priority: 9 }));
  await reached.passed;
  const end = async ({ key }: Job) => {
    calls.push(`new end ${key}`);
    return "end";
  };
  lanes.handle("turn", generation("new", calls, end));
  expect(lanes.status("a").running?.key).toBe("first");
  await lanes.restart("first", "swap");
  expect((await first.outcome).result).toEqual(["new", true, 0, "end"]);
  expect((await behind.outcome).result).toEqual(["new", false, 0, "end"]);
  expect(calls).toEqual(["old tool first", "new end first", "new tool behind", "new end behind"]);
  expect(await store.read("select count(*) as open from effect")).toEqual([{ open: 0 }]);
  expect(home.clock.timers).toBe(0);
});

test("one job can be handed over by its key, with the reason in its signal", async () => {
  await using home = await createLaneHome();
  const seen: unknown[] = [];
  const reached = gateway();
  const { lanes } = await home.start({
    turn: async (job) => {
      if (job.resumed) return "again";
      await job.effect("step", null, async () => null);
      reached.open();
      return aborted(job).finally(() => seen.push(job.signal.reason));
    },
  });
  const { outcome } = await lanes.admit(turn("one"));
  await reached.passed;
  await lanes.restart("one", new Error("generation 2 is here"));
  expect((await outcome).result).toBe("again");
  expect(seen).toMatchObject([{ code: "LANE_RELEASED", message: "generation 2 is here" }]);
  await lanes.restart("unheard of", new Error("nothing to do"));
});

test("a handler that ignores its signal is given up on, by name, and its late steps do nothing", async () => {
  await using home = await createLaneHome();
  const reached = gateway();
  const wake = gateway();
  const late: unknown[] = [];
  const lateDone = gateway();
  const { lanes, store, logged } = await home.start({
    turn: async (job) => {
      if (job.resumed) return job.effect("upload", null, async () => "never called");
      await job.effect("upload", null, async () => {
        reached.open();
        await wake.passed;
      });
      for (const attempt of [() => job.effect("next", null, echo as never), () => job.take("more"), () => job.sendNow("x", turn("sent"))]) {
        late.push(await attempt().then(String, (error) => error.code));
      }
      lateDone.open();
      return "late";
    },
  });
  const { outcome } = await lanes.admit(turn("one"));
  await reached.passed;
  const restarting = lanes.restart("one", "move over");
  await home.clock.advance(10_000);
  await restarting;
  expect((await outcome).result).toEqual({ ok: false, uncertain: true });
  wake.open();
  await lateDone.passed;
  expect(late).toEqual(["LANE_RELEASED", "LANE_RELEASED", "LANE_RELEASED"]);
  expect(logged).toContain("lanes.handler-hangs one");
  expect(await lanes.find("sent")).toBeUndefined();
  expect(await store.write(["select * from effect"])).toEqual([[]]);
});

test("a step that was begun and not called when the job was handed over is called by the next handler", async () => {
  await using home = await createLaneHome();
  let restarting: Promise<void> | undefined;
  const incarnation = await home.start(
    { turn: (job) => job.effect("tool", null, async () => "called") },
    {
      probe: (point, key) => {
        if (point === "after-begin" && !restarting) restarting = incarnation.lanes.restart(key, "swap");
      },
    },
  );
  const { outcome } = await incarnation.lanes.admit(turn("one"));
  expect((await outcome).result).toEqual({ ok: true, value: "called" });
});

test("a stop lets jobs go on for a while, then puts them back; the next start resumes them, and none is blamed (#51620)", async () => {
  await using home = await createLaneHome();
  const calls: string[] = [];
  const reached = gateway();
  const { lanes, logged } = await home.start({
    turn: generation("old", calls, async (job) => {
      if (job.key === "quick") return home.clock.sleep(1_000);
      reached.open();
      return aborted(job);
    }),
  });
  const [quick] = await lanes.admitAll([turn("quick", { lane: "q" }), turn("long"), turn("waiting")]);
  await reached.passed;
  const stopping = lanes.stop();
  await home.clock.advance(5_000);
  await stopping;
  expect((await quick?.outcome)?.result).toEqual(["old", false, 0, null]);
  expect(home.clock.timers).toBe(0);
  await home.crash();
  const next = await home.start({ turn: generation("new", calls, async () => "end") });
  expect((await next.lanes.wait("long")).result).toEqual(["new", true, 0, "end"]);
  expect((await next.lanes.wait("waiting")).result).toEqual(["new", false, 0, "end"]);
  expect(calls.sort()).toEqual(["new tool waiting", "old tool long", "old tool quick"]);
  expect(logged).toEqual([]);
});

test("a job begun under another journal number is shown as diverged, never replayed", async () => {
  await using home = await createLaneHome();
  const calls: string[] = [];
  const reached = gateway();
  const { lanes } = await home.start({
    turn: generation("old", calls, (job) => {
      reached.open();
      return aborted(job);
    }),
  });
  const { outcome } = await lanes.admit(turn("one"));
  await reached.passed;
  lanes.handle(
    "turn",
    generation("new", calls, async () => "end", 2),
  );
  await lanes.restart("one", "swap");
  const { state, result } = await outcome;
  expect({ state, result }).toMatchObject({
    state: "failed",
    result: { code: "LANE_DIVERGED", message: expect.stringContaining("journal 1") },
  });
  expect(calls).toEqual(["old tool one"]);
});

test("another input on replay ends the job as diverged, whatever its handler catches", async () => {
  await using home = await createLaneHome();
  const reached = gateway();
  const calls: unknown[] = [];
  const { lanes } = await home.start({
    turn: async (job) => {
      const input = { attempt: job.resumed ? 2 : 1 };
      await job.effect("tool", input, async () => void calls.push(input)).catch(() => null);
      await job.effect("next", null, async () => void calls.push("next")).catch(() => null);
      job.send(turn("reply", { lane: "out" }));
      if (job.resumed) return "all is well";
      reached.open();
      return aborted(job);
    },
  });
  const { outcome } = await lanes.admit(turn("one"));
  await reached.passed;
  await lanes.restart("one", "swap");
  expect(await outcome).toMatchObject({ state: "failed", result: { code: "LANE_DIVERGED", message: expect.stringContaining('"tool"') } });
  expect(calls).toEqual([{ attempt: 1 }, "next"]);
  expect(await lanes.find("reply")).toBeUndefined();
});

test("a result above 1 MB is kept as a blob beside the journal, comes back whole, and goes with the job; an endless one is refused", async () => {
  await using home = await createLaneHome();
  const long = "ä".repeat(1_500_000);
  const reached = gateway();
  const { lanes, store } = await home.start(
    {
      turn: async (job) => {
        const text = await job.effect("read", null, async () => (job.resumed ? "read again" : long), { replay: "safe" });
        const huge = await job.effect("huge", null, async () => "x".repeat(5_000_000), { replay: "safe" }).catch((error) => error.code);
        await job.effect("barrier", null, async () => null);
        if (job.resumed) return [text === long, huge];
        reached.open();
        return aborted(job);
      },
    },
    { settings: { resultBytes: 4_000_000 } },
  );
  const { outcome } = await lanes.admit(turn("one"));
  await reached.passed;
  expect(await store.read("select typeof(value) as kept from effect where name = 'read'")).toEqual([{ kept: "blob" }]);
  await lanes.restart("one", "swap");
  expect((await outcome).result).toEqual([true, "LANE_RESULT_TOO_LARGE"]);
  expect(await store.read("select * from effect")).toEqual([]);
});

test("on a full disk a running job waits at its next step, runs nothing unwritten, and goes on when there is space", async () => {
  await using home = await createLaneHome();
  const small = { room: "small", version: 1, sql: "pragma max_page_count=40" };
  const full = gateway();
  const calls: string[] = [];
  const { lanes, store, logged } = await home.start(
    {
      turn: async (job) => {
        await job.effect("fills", null, async () => "x".repeat(300_000), { replay: "safe" });
        await job.effect("tool", null, async () => void calls.push("tool"));
        return "end";
      },
    },
    { migrations: [small], probe: (point) => point === "before-begin" && full.open() },
  );
  const { outcome } = await lanes.admit(turn("one"));
  await full.passed;
  for (let round = 0; round < 3; round++) {
    await home.clock.armed();
    await home.clock.advance(500);
  }
  expect(calls).toEqual([]);
  expect(logged).toContain("lanes.store-refused STORE_FULL");
  await home.clock.armed();
  await store.write(["pragma max_page_count=100000"]);
  await home.clock.advance(500);
  expect(await outcome).toMatchObject({ state: "done", result: "end" });
  expect(calls).toEqual(["tool"]);
});

test("when the store has died, whoever waits is told, and the job is there at the next start", async () => {
  await using home = await createLaneHome();
  const reached = gateway();
  const go = gateway();
  const { lanes, store, logged } = await home.start({
    turn: async (job) => {
      reached.open();
      await go.passed;
      return job.effect("tool", null, async () => null);
    },
  });
  const { outcome } = await lanes.admit(turn("one"));
  await reached.passed;
  await store.close();
  go.open();
  await expect(outcome).rejects.toMatchObject({ code: "STORE_FAILED" });
  expect(logged).toContain("lanes.job-unfinished one");
  const next = await home.start({ turn: async () => "end" });
  expect(await next.lanes.wait("one")).toMatchObject({ state: "done", result: "end" });
});
