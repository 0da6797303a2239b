import { expect, test } from "bun:test";
import type { Job } from "@pincer/plugin-sdk/job";
import { aborted, createLaneHome, gateway, type Handler, keysOf, turn } from "../../tests/support/lanes.ts";

const hang = (): Promise<never> => new Promise(() => {});

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

test("after a crash a job runs again from its beginning, and no settled step is run twice", async () => {
  await using home = await createLaneHome();
  const { calls, step } = ledger();
  const reached = gateway();
  const handler = (last: (job: Job) => Promise<unknown>) => async (job: Job) => {
    const model = await step(job, "model", "safe", { text: "call the tool" });
    const tool = await step(job, "tool:1");
    return { resumed: job.resumed, crashes: job.crashes, model, tool, last: await last(job) };
  };
  const first = await home.start({
    turn: handler(async (job) => {
      await step(job, "barrier");
      reached.open();
      return hang();
    }),
  });
  await first.lanes.admit(turn("one"));
  await reached.passed;
  await home.crash();
  const { lanes } = await home.start({ turn: handler((job) => step(job, "barrier")) });
  expect(await lanes.wait("one")).toMatchObject({
    state: "done",
    result: { resumed: true, crashes: 1, model: { text: "call the tool" }, tool: { ok: true, value: "tool:1 done" }, last: { ok: true } },
  });
  expect(calls).toEqual(["one model", "one tool:1", "one barrier"]);
});

test("a step that had begun is uncertain, a safe one is repeated", async () => {
  await using home = await createLaneHome();
  const { calls } = ledger();
  const begun = gateway();
  const attempt = (job: Job, end: () => Promise<string>) =>
    Promise.all([
      job.effect("payment", 10, () => {
        calls.push("payment");
        begun.open();
        return end();
      }),
      job.effect(
        "weather",
        "here",
        () => {
          calls.push("weather");
          return end();
        },
        { replay: "safe" },
      ),
    ]);
  const first = await home.start({ turn: (job) => attempt(job, hang) });
  await first.lanes.admit(turn("one"));
  await begun.passed;
  await home.crash();
  const { lanes } = await home.start({ turn: (job) => attempt(job, async () => "sunny") });
  expect((await lanes.wait("one")).result).toEqual([{ ok: false, uncertain: true }, "sunny"]);
  expect(calls).toEqual(["weather", "payment", "weather"]);
});

test("a step that threw throws the same when it is replayed, so that the job takes the same way", async () => {
  await using home = await createLaneHome();
  const reached = gateway();
  let calls = 0;
  const handler = (last: () => Promise<unknown>) => async (job: Job) => {
    const attempt = job.effect("model", null, () => Promise.reject(Object.assign(new Error(`overloaded ${++calls}`), { name: "Busy" })), {
      replay: "safe",
    });
    const seen = await attempt.catch((error: Error) => `${error.name}: ${error.message}`);
    await job.effect("after", seen, async () => null);
    reached.open();
    return [seen, await last()];
  };
  const first = await home.start({ turn: handler(hang) });
  await first.lanes.admit(turn("one"));
  await reached.passed;
  await home.crash();
  const { lanes } = await home.start({ turn: handler(async () => "end") });
  expect((await lanes.wait("one")).result).toEqual(["Busy: overloaded 1", "end"]);
  expect(calls).toBe(1);
});

test("tools that finish in any order are told apart by their names; a name can be used once (lane trap 9)", async () => {
  await using home = await createLaneHome();
  const finish = { a: gateway(), b: gateway(), c: gateway() };
  const reached = gateway();
  const calls: string[] = [];
  const handler = (last: () => Promise<unknown>) => async (job: Job) => {
    const tool = (id: "a" | "b" | "c") =>
      job.effect(`tool:${id}`, id, async () => {
        calls.push(id);
        await finish[id].passed;
        return id;
      });
    const tools = await Promise.all([tool("a"), tool("b"), tool("c")]);
    await job.effect("after", tools, async () => null);
    const twice = await job.effect("after", tools, async () => null).catch((error) => error.code);
    reached.open();
    return [tools, twice, await last()];
  };
  const first = await home.start({ turn: handler(hang) });
  await first.lanes.admit(turn("one"));
  for (const id of ["c", "a", "b"] as const) finish[id].open();
  await reached.passed;
  await home.crash();
  const { lanes } = await home.start({ turn: handler(async () => "end") });
  const tools = ["a", "b", "c"].map((value) => ({ ok: true, value }));
  expect((await lanes.wait("one")).result).toEqual([tools, "LANE_EFFECT_TWICE", "end"]);
  expect(calls.sort()).toEqual(["a", "b", "c"]);
});

test("work that was sent before the end is not sent again by the replay, and a take gives the same", async () => {
  await using home = await createLaneHome();
  const reached = gateway();
  const delivered: string[] = [];
  const out: Handler = (job) => job.effect("deliver", null, async () => void delivered.push(job.key));
  const handler = (last: () => Promise<unknown>) => async (job: Job) => {
    const taken = await job.take("start");
    await job.sendNow("block:1", { lane: "out", kind: "out", key: `${job.key}:1`, input: null });
    job.send({ lane: "out", kind: "out", key: `${job.key}:final`, input: null });
    reached.open();
    return [keysOf(taken), await last()];
  };
  const first = await home.start({ turn: handler(hang), out });
  await first.lanes.admitAll([turn("steer", { mode: "steer", priority: -1 }), turn("one")]);
  await reached.passed;
  await home.crash();
  const { lanes } = await home.start({ turn: handler(async () => "end"), out });
  expect((await lanes.wait("one")).result).toEqual([["steer"], "end"]);
  expect(await lanes.wait("steer")).toMatchObject({ key: "steer", state: "done" });
  await lanes.wait("one:final");
  expect(delivered).toEqual(["one:1", "one:final"]);
});

test("a cancellation that was asked for survives a crash", async () => {
  await using home = await createLaneHome();
  const reached = gateway();
  const { calls, step } = ledger();
  const first = await home.start({
    turn: async (job) => {
      await step(job, "before");
      await step(job, "barrier");
      reached.open();
      return hang();
    },
  });
  const { outcome } = await first.lanes.admit(turn("one"));
  await reached.passed;
  await first.lanes.cancel({ key: "one" }, "the user said stop");
  await home.crash();
  expect(await Promise.race([outcome.catch(() => "never"), Promise.resolve("open")])).toBe("open");
  const { lanes } = await home.start({
    turn: async (job) => {
      await step(job, "before");
      await step(job, "barrier");
      await step(job, "must not run");
      return aborted(job);
    },
  });
  expect(await lanes.wait("one")).toMatchObject({ state: "cancelled", result: { message: "the user said stop" } });
  expect(calls).toEqual(["one before", "one barrier"]);
});

test("a handler that meets a full disk has not failed: it is resumed when there is space, and no settled step runs again", async () => {
  await using home = await createLaneHome();
  const small = { room: "small", version: 1, sql: "pragma max_page_count=40; create table own (value text)" };
  const refused = gateway();
  const calls: string[] = [];
  const { lanes, store } = await home.start(
    {
      turn: async (job) => {
        const tool = await job.effect("tool", null, async () => calls.push("tool"));
        const keep = () => store.write(["insert into own values (?)", "x".repeat(300_000)]);
        await job.effect("keeps", null, () => keep().finally(refused.open), { replay: "safe" });
        return tool;
      },
    },
    { migrations: [small] },
  );
  const { outcome } = await lanes.admit(turn("one"));
  await refused.passed;
  for (let round = 0; round < 3; round++) {
    await home.clock.armed();
    await home.clock.advance(500);
  }
  expect(await lanes.find("one")).toMatchObject({ state: "running" });
  await home.clock.armed();
  await store.write(["pragma max_page_count=100000"]);
  await home.clock.advance(500);
  expect(await outcome).toMatchObject({ state: "done", result: { ok: true, value: 1 } });
  expect(calls).toEqual(["tool"]);
  expect(await store.read("select count(*) as n from own")).toEqual([{ n: 1 }]);
});

test("a handler that met a full disk and is told to end is called once more, to say what became of it", async () => {
  await using home = await createLaneHome();
  const small = { room: "small", version: 1, sql: "pragma max_page_count=40; create table own (value text)" };
  const refused = gateway();
  const toldToEnd: boolean[] = [];
  const { lanes, store } = await home.start(
    {
      turn: async (job) => {
        toldToEnd.push(job.signal.aborted);
        await store.write(["insert into own values (?)", "x".repeat(300_000)]).finally(refused.open);
      },
    },
    { migrations: [small] },
  );
  const { outcome } = await lanes.admit(turn("one"));
  await refused.passed;
  await home.clock.armed();
  const cancelled = lanes.cancel({ key: "one" }, "the user said stop");
  await store.write(["pragma max_page_count=100000"]);
  expect(await cancelled).toEqual(["one"]);
  expect(await outcome).toMatchObject({ state: "cancelled", result: { message: "the user said stop" } });
  expect(toldToEnd).toEqual([false, true]);
  expect(await store.read("select count(*) as n from own")).toEqual([{ n: 1 }]);
});

test("a turn with two steps that must not be repeated waits for four commits: its admission, each begin, and its end", async () => {
  await using home = await createLaneHome();
  let commits = 0;
  const probe = (point: string) => {
    if (point === "before-commit") commits++;
  };
  const { lanes } = await home.start(
    {
      turn: async (job) => {
        await job.take("start");
        await job.effect("model:1", null, async () => "two tools", { replay: "safe" });
        await job.effect("tool:1", null, async () => "one");
        await job.effect("tool:2", null, async () => "two");
        await job.effect("model:2", null, async () => "the answer", { replay: "safe" });
        job.send(turn("sent", { lane: "b", kind: "nobody's", notBefore: home.clock.now() + 1_000 }));
      },
    },
    { store: { probe } },
  );
  commits = 0;
  await (await lanes.admit(turn("a"))).outcome;
  expect(commits).toBe(4);
});

test("a job that is handed over in the moment in which its handler returns has kept every step", async () => {
  await using home = await createLaneHome();
  const calls: string[] = [];
  const { lanes } = await home.start({
    turn: async (job) => {
      const tool = await job.effect("tool", null, async () => void calls.push("tool"));
      if (!job.resumed) void lanes.restart(job.key, "swap");
      return { resumed: job.resumed, tool };
    },
  });
  const { outcome } = await lanes.admit(turn("one"));
  expect(await outcome).toMatchObject({ state: "done", result: { resumed: true, tool: { ok: true } } });
  expect(calls).toEqual(["tool"]);
});
