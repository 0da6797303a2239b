import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { RunEvents } from "./run-events.ts";

interface Sent {
  readonly event: string;
  readonly payload: Record<string, unknown> & { readonly data: Record<string, unknown> };
  readonly cap?: string | undefined;
}

function start(over: { readonly resumed?: boolean; readonly askedAt?: number } = {}) {
  const clock = createManualClock();
  const sent: Sent[] = [];
  const run = new RunEvents(
    { runId: "r", sessionKey: "agent:main:main", agentId: "main", sessionId: "s" },
    {
      clock,
      emit: (event, payload, options) => void sent.push({ event: event.name, payload: payload as never, cap: options?.cap }),
      deltaMs: () => 150,
      askedAt: over.askedAt ?? clock.now(),
      resumed: over.resumed ?? false,
    },
  );
  const deltas = () => sent.filter(({ event, payload }) => event === "chat" && payload["state"] === "delta").map(({ payload }) => payload);
  return { clock, sent, run, deltas };
}

test("the first text is told at once, then at most once in 150 ms, and the rest before the end", async () => {
  const { clock, run, deltas } = start();
  run.write("a");
  expect(deltas()).toHaveLength(1);
  run.write("b");
  run.write("c");
  expect(deltas()).toHaveLength(1);
  await clock.advance(149);
  expect(deltas()).toHaveLength(1);
  await clock.advance(1);
  expect(deltas().map((delta) => delta["deltaText"])).toEqual(["a", "bc"]);
  run.write("d");
  run.end({ state: "final", text: "abcd", stopReason: "stop" });
  expect(deltas().map((delta) => delta["deltaText"])).toEqual(["a", "bc", "d"]);
  expect(deltas().at(-1)).toMatchObject({ message: { role: "assistant", content: [{ type: "text", text: "abcd" }] } });
  expect(clock.timers).toBe(0);
});

test("each run counts its chat and its agent events without a gap, and an event follows at once after a pause", async () => {
  const { clock, run, sent } = start();
  run.lifecycle("start");
  for (const piece of ["one ", "two ", "three"]) {
    run.write(piece);
    await clock.advance(200);
  }
  run.end({ state: "final", text: "one two three", stopReason: "stop" });
  for (const event of ["chat", "agent"]) {
    const numbers = sent.filter((one) => one.event === event).map(({ payload }) => payload["seq"]);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  }
});

test("after a restart the first delta replaces what clients have, and numbers go on growing", async () => {
  const first = start();
  first.run.write("half of ");
  const before = Number(first.deltas()[0]?.["seq"]);
  const second = start({ resumed: true, askedAt: first.clock.now() - 5_000 });
  second.run.restore("half of ");
  second.run.write("it");
  expect(second.deltas()[0]).toMatchObject({ deltaText: "half of it", replace: true });
  expect(Number(second.deltas()[0]?.["seq"])).toBeGreaterThan(before);
  await second.clock.advance(150);
  second.run.write("!");
  expect(second.deltas()[1]).toMatchObject({ deltaText: "!" });
  expect(second.deltas()[1]).not.toHaveProperty("replace");
});

test("a further message of the run is a paragraph of its own, and text that is taken back is replaced", async () => {
  const { clock, run, deltas } = start();
  run.beginMessage("r:1");
  run.write("Let me look.");
  run.beginMessage("r:2");
  await clock.advance(150);
  run.write("Wrong");
  expect(run.text).toBe("Let me look.\n\nWrong");
  run.rewind("Let me look.".length);
  await clock.advance(150);
  run.write("Right");
  expect(run.text).toBe("Let me look.\n\nRight");
  expect(deltas().at(-1)).toMatchObject({ deltaText: "Let me look.\n\nRight", replace: true });
});

test("a run has exactly one end, and nothing is told behind it", () => {
  const { run, sent } = start();
  run.write("so far");
  run.end({ state: "aborted", stopReason: "rpc" });
  const told = sent.length;
  run.write("more");
  run.agent("tool", { phase: "start" });
  run.end({ state: "final", text: "x", stopReason: "stop" });
  expect(sent).toHaveLength(told);
  expect(sent.filter(({ payload }) => payload["state"] === "aborted")).toMatchObject([
    { payload: { stopReason: "rpc", message: { content: [{ text: "so far" }] } } },
  ]);
  expect(sent.find(({ payload }) => payload.data?.["phase"] === "end")?.payload.data).toMatchObject({
    status: "cancelled",
    aborted: true,
    stopReason: "rpc",
  });
});

test("a run that another process goes on with leaves no timer and tells no end", () => {
  const { clock, run, sent } = start();
  run.write("a");
  run.write("b");
  const told = sent.length;
  run[Symbol.dispose]();
  expect(clock.timers).toBe(0);
  run.end({ state: "final", text: "ab", stopReason: "stop" });
  expect(sent).toHaveLength(told);
});

test("tools are told only to clients that said they show them", () => {
  const { run, sent } = start();
  run.agent("tool", { phase: "start", name: "look" }, "tool-events");
  expect(sent[0]?.cap).toBe("tool-events");
});
