import { expect, test } from "bun:test";
import { defineErrors, errorMessage, hasCode } from "../error.ts";
import { aborted, joinPeers, quiet, readAll, thrown } from "../testing/peers.ts";

const sampleErrors = defineErrors({ SAMPLE_FULL: { message: "full", wire: "UNAVAILABLE" } });

test("a stream yields its items in order and returns its result, however many windows it takes", async () => {
  const { near, far, clock } = joinPeers(
    {
      async *stream(target, params) {
        for (let n = 0; n < Number(params); n++) yield { n };
        return `${target} is done`;
      },
    },
    { window: 7 },
  );
  const { read, result } = await readAll(near.stream("count", 1_000, quiet));
  expect(read).toEqual(Array.from({ length: 1_000 }, (_, n) => ({ n })));
  expect(result).toBe("count is done");
  expect(await readAll(near.stream("count", 0, quiet))).toEqual({ read: [], result: "count is done" });
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 0, 0]);
});

test("a slow reader slows the writer, item by item", async () => {
  let made = 0;
  const { near } = joinPeers(
    {
      async *stream() {
        for (;;) yield made++;
      },
    },
    { window: 8 },
  );
  const items = near.stream("endless", {}, quiet);
  await items.next();
  await near.ping();
  await near.ping();
  expect(made).toBe(8);
  for (let taken = 2; taken <= 100; taken++) {
    await items.next();
    await near.ping();
    await near.ping();
    // Credit goes back when half a window was taken.
    expect(made - taken).toBeGreaterThanOrEqual(4);
    expect(made - taken).toBeLessThanOrEqual(8);
  }
  await items.return(undefined);
});

test("large items count as several, so that few of them are under way unread", async () => {
  let made = 0;
  const { near } = joinPeers(
    {
      async *stream() {
        for (;;) {
          made++;
          yield { bytes: new Uint8Array(64 * 1_024) };
        }
      },
    },
    { window: 256 },
  );
  const items = near.stream("media", {}, quiet);
  for (let taken = 1; taken <= 200; taken++) {
    await items.next();
    await near.ping();
    await near.ping();
    expect(made - taken).toBeLessThanOrEqual(Math.ceil(256 / 5));
  }
  await items.return(undefined);
});

test("an item beyond the credit ends the connection", async () => {
  const { near, ends } = joinPeers({ stream: () => hang() }, { window: 3 });
  const item = near.stream("endless", {}, quiet).next();
  for (let n = 0; n < 3; n++) near.receive(5, 1, n);
  expect(await item).toEqual({ done: false, value: 0 });
  expect(() => near.receive(5, 1, 3)).toThrow("wait for credit");
  expect(ends).toEqual([]);
});

async function* hang() {
  yield await new Promise(() => undefined);
  return undefined;
}

test("a reader that leaves stops the other side and waits until it has cleaned up", async () => {
  const seen: unknown[] = [];
  const clean = Promise.withResolvers<void>();
  const { near, far, clock } = joinPeers({
    async *stream(_, __, io) {
      try {
        for (let n = 0; ; n++) yield n;
      } finally {
        seen.push(hasCode(io.signal.reason, "PLUGIN_UNLOADED"));
        await clean.promise;
        seen.push("clean");
      }
    },
  });
  const leaving = (async () => {
    for await (const n of near.stream("endless", {}, quiet)) if (n === 3) break;
    seen.push("left");
  })();
  await clock.armed();
  await near.ping();
  expect(seen).toEqual([true]);
  clean.resolve();
  await leaving;
  expect(seen).toEqual([true, "clean", "left"]);
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 0, 0]);
});

test("a reader that leaves is told when cleaning up fails, but not of what failed only because it was read ahead", async () => {
  const { near } = joinPeers({
    async *stream(how, _, io) {
      try {
        yield 1;
        if (how === "ahead") {
          await aborted(io);
          throw sampleErrors.SAMPLE_FULL("cut off in the middle of the second");
        }
        if (how === "reason") {
          await aborted(io);
          throw io.signal.reason;
        }
        for (;;) yield 2;
      } finally {
        if (how === "cleanup") await Promise.reject(sampleErrors.SAMPLE_FULL("cannot be closed"));
      }
    },
  });
  const readOne = async (how: string) => {
    for await (const _ of near.stream(how, {}, quiet)) break;
    return "left";
  };
  expect(await readOne("ahead")).toBe("left");
  expect(await readOne("reason")).toBe("left");
  expect(await readOne("cleanup").catch(errorMessage)).toBe("cannot be closed");
});

test("a reader that aborts and then leaves is not told that it was asked to", async () => {
  const stop = new AbortController();
  const { near } = joinPeers({
    async *stream(_, __, { signal }) {
      try {
        for (;;) yield 1;
      } finally {
        await Promise.reject(signal.reason);
      }
    },
  });
  const items = near.stream("endless", {}, { signal: stop.signal });
  await items.next();
  stop.abort(sampleErrors.SAMPLE_FULL("enough"));
  expect(await items.return("left")).toEqual({ done: true, value: "left" });
});

test("a reader that leaves what does not end is told so after the time for it", async () => {
  const { near, far, clock } = joinPeers({
    async *stream() {
      yield 1;
      yield await new Promise(() => undefined);
    },
  });
  const items = near.stream("hang", {}, quiet);
  await items.next();
  const left = thrown(items.return(undefined));
  await clock.armed();
  await clock.advance(1_000);
  expect(await left).toMatchObject({ code: "PLUGIN_STALLED", retryable: true });
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 1, 0]);
});

test("an abort asks: what the stream still yields and returns is given", async () => {
  const stop = new AbortController();
  const { near, clock } = joinPeers({
    async *stream(_, __, io) {
      yield "begun";
      await aborted(io);
      yield "so far";
      return "stopped";
    },
  });
  const items = near.stream("model", {}, { signal: stop.signal });
  expect(await items.next()).toEqual({ done: false, value: "begun" });
  stop.abort();
  expect(await readAll(items)).toEqual({ read: ["so far"], result: "stopped" });
  expect(clock.timers).toBe(0);
});

test("an abort reaches a writer that waits for a slow reader, and does not count its reader's time", async () => {
  const stop = new AbortController();
  const { near, far, clock } = joinPeers(
    {
      async *stream(_, __, io) {
        let n = 0;
        while (!io.signal.aborted) yield n++;
        return `stopped after ${n}`;
      },
    },
    { window: 4 },
  );
  const items = near.stream("endless", {}, { signal: stop.signal });
  await items.next();
  await near.ping();
  stop.abort();
  await near.ping();
  await near.ping();
  expect(far.running).toBe(0);
  await clock.advance(60_000);
  const { read, result } = await readAll(items);
  expect(result).toBe(`stopped after ${read.length + 1}`);
});

test("a stream that was aborted rejects with the caller's reason, or with what the other side means", async () => {
  const { near } = joinPeers({
    async *stream(how, _, io) {
      yield 1;
      await aborted(io);
      if (how === "coded") throw sampleErrors.SAMPLE_FULL("half done");
      throw how === "reason" ? io.signal.reason : new Error("closed");
    },
  });
  const reason = new Error("the user pressed stop");
  for (const how of ["reason", "fault", "coded"]) {
    const stop = new AbortController();
    const items = near.stream(how, {}, { signal: stop.signal });
    await items.next();
    stop.abort(reason);
    const error = await thrown(items.next());
    if (how === "coded") expect(error).toMatchObject({ code: "SAMPLE_FULL" });
    else expect(error).toBe(reason);
  }
});

test("a stream that does not end behind an abort counts as stalled, and its late items as nothing", async () => {
  const stop = new AbortController();
  const late = Promise.withResolvers<void>();
  const { near, far, clock, ends } = joinPeers({
    async *stream() {
      yield 1;
      await late.promise;
      yield 2;
      return 3;
    },
  });
  const items = near.stream("hang", {}, { signal: stop.signal });
  await items.next();
  const next = thrown(items.next());
  stop.abort();
  await clock.advance(1_000);
  expect(await next).toMatchObject({ code: "PLUGIN_STALLED" });
  late.resolve();
  await near.ping();
  await near.ping();
  expect([near.awaiting, far.running, ends]).toEqual([0, 0, []]);
});

test("an error of the stream comes behind the items before it", async () => {
  const { near } = joinPeers({
    async *stream() {
      yield 1;
      yield 2;
      throw sampleErrors.SAMPLE_FULL("no third");
    },
  });
  const items = near.stream("count", {}, quiet);
  expect([(await items.next()).value, (await items.next()).value]).toEqual([1, 2]);
  expect(await thrown(items.next())).toMatchObject({ code: "SAMPLE_FULL", message: "no third" });
  expect(await items.next()).toEqual({ done: true, value: undefined });
});
