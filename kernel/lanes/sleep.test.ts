import { expect, test } from "bun:test";
import type { Job } from "@pincer/plugin-sdk/job";
import { createLaneHome, gateway, turn } from "../../tests/support/lanes.ts";

test("a stop does not wait for a job that only sleeps, and the next start takes it up where it was", async () => {
  await using home = await createLaneHome();
  const calls: string[] = [];
  const asleep = gateway();
  const retry = async (job: Job) => {
    await job.effect("try", null, async () => void calls.push("try"), { replay: "safe" });
    if (job.resumed) return "done";
    asleep.open();
    await job.sleep(60_000);
    return "slept";
  };
  const { lanes } = await home.start({ turn: retry });
  await lanes.admit(turn("one"));
  await asleep.passed;
  // The clock stands still: whoever waited for the sleep, or for drainMs, would wait for ever.
  await lanes.stop();
  expect(home.clock.timers).toBe(0);
  await home.crash();
  const next = await home.start({ turn: retry });
  expect((await next.lanes.wait("one", new AbortController().signal)).result).toBe("done");
  expect(calls).toEqual(["try"]);
});

test("what is under way when the gateway stops is finished, and a sleep behind it is not begun", async () => {
  await using home = await createLaneHome();
  const called = gateway();
  const answer = gateway();
  const { lanes } = await home.start({
    turn: async (job) => {
      if (job.resumed) return "later";
      await job.effect("call", null, async () => {
        called.open();
        await answer.passed;
      });
      await job.sleep(60_000);
      return "slept";
    },
  });
  await lanes.admit(turn("one"));
  await called.passed;
  const stopping = lanes.stop();
  answer.open();
  await stopping;
  expect((await lanes.find("one"))?.state).toBe("ready");
});
