import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { errorMessage } from "../error.ts";
import { aborted, joinPeers, quiet } from "../testing/peers.ts";

/** Objects that are alive, once whatever can be collected has been. */
async function alive(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round++) {
    Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
    least = Math.min(least, heapStats().objectCount);
  }
  return least;
}

/** How many objects stay behind for each of `count` runs, once it has run warm. */
async function keptPer(count: number, run: (count: number) => Promise<void>): Promise<number> {
  await run(Math.ceil(count / 5));
  const before = await alive();
  await run(count);
  return ((await alive()) - before) / count;
}

test("calls leave nothing behind, on neither side", async () => {
  const { near, far, clock } = joinPeers({ call: async (_, params, { signal }) => ({ params, isStopped: signal.aborted }) });
  const shared = new AbortController();
  const kept = await keptPer(100_000, async (count) => {
    for (let n = 0; n < count; n += 100)
      await Promise.all(Array.from({ length: 100 }, (_, of) => near.call("call", { n, of }, { signal: shared.signal })));
  });
  // A single object for each call would be 1.
  expect(kept).toBeLessThan(0.05);
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 0, 0]);
}, 120_000);

test("streams that were aborted or left leave nothing behind, on neither side", async () => {
  const { near, far, clock } = joinPeers({
    async *stream(_, __, io) {
      yield { n: 1 };
      yield { n: 2 };
      await aborted(io);
      throw io.signal.reason;
    },
  });
  const one = async (n: number) => {
    const stop = new AbortController();
    const items = near.stream("stream", {}, n % 3 === 0 ? quiet : { signal: stop.signal });
    await items.next();
    if (n % 3 === 1) stop.abort(new Error("enough"));
    if (n % 3 === 2) {
      await items.next();
      queueMicrotask(() => stop.abort(new Error("enough")));
      await items.next().catch(errorMessage);
    }
    await items.return(undefined);
  };
  const kept = await keptPer(3_000, async (count) => {
    for (let n = 0; n < count; n++) await one(n);
  });
  expect(kept).toBeLessThan(0.5);
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 0, 0]);
}, 120_000);

test("calls that were given up leave nothing behind on the side that asked", async () => {
  let open: (() => void)[] = [];
  const { near, far, clock } = joinPeers({ call: () => new Promise<void>((resolve) => void open.push(resolve)) });
  const some = async () => {
    const stop = new AbortController();
    const calls = Array.from({ length: 100 }, () => near.call("call", {}, { signal: stop.signal }).catch(errorMessage));
    await near.ping();
    stop.abort();
    await clock.advance(1_000);
    await Promise.all(calls);
    for (const resolve of open) resolve();
    open = [];
    await near.ping();
  };
  const kept = await keptPer(3_000, async (count) => {
    for (let n = 0; n < count; n += 100) await some();
  });
  expect(kept).toBeLessThan(0.5);
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 0, 0]);
}, 120_000);
