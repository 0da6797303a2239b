import { afterEach, expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import { endAll, excessOf, useOf, watchUse } from "./use.ts";

const started: Bun.Subprocess[] = [];
const onLinux = test.skipIf(process.platform !== "linux");
/** A shell that waits, with so many others below it. */
async function tree(below: number): Promise<Bun.Subprocess> {
  const waiting = "while read line; do :; done";
  const child = Bun.spawn(["sh", "-c", `for i in $(seq ${below}); do (${waiting}) <&3 & done; echo ready; ${waiting}`], {
    stdio: ["pipe", "pipe", "ignore", "pipe"],
  });
  started.push(child);
  await (child.stdout as ReadableStream<Uint8Array>).getReader().read();
  return child;
}
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

onLinux("a process is counted with all below it, and with its memory", async () => {
  const child = await tree(3);
  expect(useOf(child.pid)).toMatchObject({ processes: 4, tasks: 4 });
  const mine = useOf(process.pid);
  expect(mine.tasks).toBeGreaterThan(mine.processes);
  expect(mine.memoryBytes).toBeGreaterThan(1 << 20);
  expect(useOf(2 ** 22 + 1)).toEqual({ processes: 0, tasks: 0, memoryBytes: 0 });
});

onLinux("it says which limit is exceeded, without the two that start and reap", async () => {
  const child = await tree(3);
  expect(excessOf(child.pid, { memoryMb: 1_000, openFiles: 64, processes: 2 })).toBeUndefined();
  expect(excessOf(child.pid, { memoryMb: 1_000, openFiles: 64, processes: 1 })).toBe("it runs more than 1 processes");
  expect(excessOf(process.pid, { memoryMb: 1, openFiles: 64, processes: 1_000 })).toMatch(/^it uses \d+ MB of memory, and may use 1$/);
});

onLinux("who watches is told once, and nothing is left of the watch", async () => {
  const child = await tree(3);
  const clock = createManualClock();
  const told: string[] = [];
  const limits = { memoryMb: 1_000, openFiles: 64, processes: 1 };
  watchUse({ pid: child.pid, limits, clock, everyMs: 100, exceeded: (why) => void told.push(why) });
  await clock.advance(99);
  expect(told).toEqual([]);
  await clock.advance(1_000);
  expect(told).toEqual(["it runs more than 1 processes"]);
  expect(clock.timers).toBe(0);
  using _watching = watchUse({
    pid: child.pid,
    limits: { ...limits, processes: 9 },
    clock,
    everyMs: 100,
    exceeded: (why) => void told.push(why),
  });
  await clock.advance(1_000);
  expect(told.length).toBe(1);
});

onLinux("ending takes what is below, or the process itself when there is nothing", async () => {
  const alone = await tree(0);
  endAll(alone.pid);
  expect(await alone.exited).toBe(137);
  const parent = await tree(1);
  const { processes } = useOf(parent.pid);
  endAll(parent.pid);
  expect(processes).toBe(2);
  expect(parent.exitCode).toBeNull();
});
