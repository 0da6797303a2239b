import { expect, test } from "bun:test";
import { createLaneHome, echo, stage, turn } from "../../tests/support/lanes.ts";

test("duplicate admissions share one outcome, and a finished job answers at once (lane trap 7)", async () => {
  await using home = await createLaneHome();
  const { order, release, handler } = stage();
  const { lanes } = await home.start({ turn: handler });
  const same = await Promise.all([lanes.admit(turn("same")), lanes.admit(turn("same", { input: "other" })), lanes.admit(turn("same"))]);
  expect(same.map(({ fresh }) => fresh)).toEqual([true, false, false]);
  release("same");
  const outcomes = await Promise.all(same.map(({ outcome }) => outcome));
  expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
  const late = await lanes.admit(turn("same"));
  expect(late).toMatchObject({ fresh: false, state: "done" });
  expect(await late.outcome).toEqual(outcomes[0] as (typeof outcomes)[0]);
  expect(order).toEqual(["same"]);
});

test("a failed commit refuses the work and runs nothing, and takes nothing from the sender (lane trap 10)", async () => {
  await using home = await createLaneHome();
  const order: string[] = [];
  const small = { room: "small", version: 1, sql: "pragma max_page_count=30" };
  const settings = { senderBurst: 2, senderRate: 1 };
  const { lanes, store } = await home.start({ turn: async ({ key }) => void order.push(key) }, { migrations: [small], settings });
  const big = turn("big", { input: "x".repeat(200_000), sender: "ada" });
  for (let round = 0; round < 4; round++) await expect(lanes.admit(big)).rejects.toMatchObject({ code: "STORE_FULL", retryable: true });
  expect(lanes.held()).toMatchObject({ lanes: 0, jobs: 0, waiters: 0 });
  await store.write(["pragma max_page_count=100000"]);
  await (await lanes.admit(big)).outcome;
  expect(order).toEqual(["big"]);
});

test("a sender may admit a burst and then so many a minute; the owner is exempt, and repetitions cost nothing", async () => {
  await using home = await createLaneHome();
  const { lanes } = await home.start({ turn: echo }, { settings: { senderRate: 60, senderBurst: 3 } });
  const ask = (key: string, sender?: string) => lanes.admit(turn(key, { lane: key, ...(sender && { sender }) }));
  for (const key of ["1", "2", "3"]) await ask(key, "ada");
  for (let round = 0; round < 5; round++) expect(await ask("3", "ada")).toMatchObject({ fresh: false });
  await expect(ask("4", "ada")).rejects.toMatchObject({ code: "LANE_RATE_LIMITED", retryable: true, retryAfterMs: 1_000 });
  await ask("bob's", "bob");
  for (let n = 0; n < 10; n++) await ask(`owner ${n}`);
  await home.clock.advance(1_000);
  await ask("4", "ada");
  await expect(ask("5", "ada")).rejects.toMatchObject({ code: "LANE_RATE_LIMITED" });
});

test("a lane holds no more than its queue; what is admitted in the same moment counts, what jobs send is never refused", async () => {
  await using home = await createLaneHome();
  const { handler, release } = stage();
  const { lanes, until } = await home.start(
    {
      turn: handler,
      sender: async (job) => {
        for (let n = 0; n < 5; n++) job.send(turn(`sent ${n}`));
      },
    },
    { settings: { queue: 2, fullRetryMs: 700 } },
  );
  await lanes.admit(turn("running"));
  await until("started", "running");
  const results = await Promise.allSettled(["1", "2", "3", "4"].map((key) => lanes.admit(turn(key))));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
  expect(results[2]).toMatchObject({ reason: { code: "LANE_FULL", retryable: true, retryAfterMs: 700 } });
  expect(await lanes.admit(turn("1"))).toMatchObject({ fresh: false });
  await expect(lanes.admitAll([turn("5", { lane: "b" }), turn("6")])).rejects.toMatchObject({ code: "LANE_FULL" });
  expect(await lanes.find("5")).toBeUndefined();
  await (await lanes.admit(turn("sender", { lane: "c", kind: "sender" }))).outcome;
  expect(lanes.status("a").waiting.length).toBe(7);
  for (const key of ["running", "1", "2"]) release(key);
});

test("a caller's own rows are committed with the admission, or not at all", async () => {
  await using home = await createLaneHome();
  const migrations = [{ room: "place", version: 1, sql: "create table place (at integer unique not null) strict" }];
  const { lanes, store } = await home.start({ turn: echo }, { migrations });
  const place = (at: number) => [["insert into place (at) values (?)", at]] as const;
  await lanes.admitAll([turn("one")], place(1));
  await expect(lanes.admitAll([turn("two")], place(1))).rejects.toMatchObject({ code: "STORE_FAILED" });
  expect(await lanes.find("two")).toBeUndefined();
  expect((await lanes.admitAll([turn("one")], place(2)))[0]).toMatchObject({ fresh: false });
  await lanes.admitAll([], place(3));
  expect(await store.read("select at from place order by at")).toEqual([{ at: 1 }, { at: 2 }, { at: 3 }]);
});

test("waiting for a job ends with its outcome, with the signal, or at once when nobody knows the key", async () => {
  await using home = await createLaneHome();
  const { handler, release } = stage();
  const { lanes } = await home.start({ turn: handler });
  await lanes.admit(turn("one"));
  const abort = new AbortController();
  const impatient = lanes.wait("one", abort.signal);
  abort.abort(new Error("gone"));
  await expect(impatient).rejects.toThrow("gone");
  await expect(lanes.wait("two")).rejects.toMatchObject({ code: "LANE_JOB_UNKNOWN" });
  const patient = lanes.wait("one");
  release("one");
  expect(await patient).toMatchObject({ state: "done" });
});
