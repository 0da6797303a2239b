import { expect, test } from "bun:test";
import { defineErrors, type GatewayError, isGatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { createManualClock } from "../testing/clock.ts";
import { aborted, joinInMemory, joinPeers, quiet, readAll, servesNothing, thrown } from "../testing/peers.ts";
import { frameSocket } from "./frames.ts";
import { Peer } from "./peer.ts";

const sampleErrors = defineErrors({ SAMPLE_FULL: { message: "full", wire: "NOT_PAIRED", retryable: true } });

test("a call is answered with what it returned, and nothing waits or runs any more", async () => {
  const { near, far, clock } = joinPeers({ call: async (target, params) => ({ target, params }) });
  expect(await near.call("tool/exec.run", { text: "ünï\u2028 👍\u0000" }, quiet)).toEqual({
    target: "tool/exec.run",
    params: { text: "ünï\u2028 👍\u0000" },
  });
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 0, 0]);
});

test("both sides ask and answer at once", async () => {
  const clock = createManualClock();
  const options = { clock, abortMs: 1_000, tellsFaults: false };
  const host: Peer = new Peer({ ...options, served: { ...servesNothing, call: async (_, params) => [params] } });
  const child: Peer = new Peer({
    ...options,
    served: { ...servesNothing, call: async (_, params) => [await child.call("up", params, quiet)] },
  });
  joinInMemory(frameSocket(host, { onEnd() {} }), frameSocket(child, { onEnd() {} }));
  expect(await Promise.all([host.call("down", 1, quiet), host.call("down", 2, quiet), child.call("up", 3, quiet)])).toEqual([
    [[1]],
    [[2]],
    [3],
  ]);
});

test("an abort asks, and the answer is still given", async () => {
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const { near, clock } = joinPeers({
    call: async (_, __, io) => {
      begun.resolve();
      await aborted(io);
      return "stopped";
    },
  });
  const answer = near.call("wait", {}, { signal: stop.signal });
  await begun.promise;
  stop.abort();
  expect(await answer).toBe("stopped");
  expect(clock.timers).toBe(0);
});

test("what was aborted rejects with the caller's own reason, unless the other side means something by its error", async () => {
  const begun: (() => void)[] = [];
  const { near } = joinPeers({
    call: async (how, _, io) => {
      begun.shift()?.();
      await aborted(io);
      if (how === "reason") throw io.signal.reason;
      if (how === "coded") throw sampleErrors.SAMPLE_FULL("half done");
      throw new Error("the socket was closed");
    },
  });
  const reason = new Error("the user pressed stop");
  for (const how of ["reason", "fault", "coded"]) {
    const stop = new AbortController();
    const begins = new Promise<void>((resolve) => void begun.push(resolve));
    const error = thrown(near.call(how, {}, { signal: stop.signal }));
    await begins;
    stop.abort(reason);
    if (how === "coded") expect(await error).toMatchObject({ code: "SAMPLE_FULL", message: "half done" });
    else expect(await error).toBe(reason);
  }
});

test("why it is aborted is told when that has a code, and is an abort error otherwise", async () => {
  const { near } = joinPeers({
    call: async (_, __, io) => {
      io.signal.throwIfAborted();
      await aborted(io);
      const { name, code, message, data } = io.signal.reason;
      return { name, code: name === "AbortError" ? undefined : code, message, data, isGateway: isGatewayError(io.signal.reason) };
    },
  });
  const told = async (reason?: unknown) => {
    const stop = new AbortController();
    const answer = near.call("wait", {}, { signal: stop.signal });
    await near.ping();
    stop.abort(reason);
    return await answer;
  };
  const coded = { name: "GatewayError", code: "SAMPLE_FULL", message: "no more", isGateway: true };
  expect(await told(sampleErrors.SAMPLE_FULL("no more", { data: { of: 3 } }))).toEqual({ ...coded, data: { of: 3 } });
  expect(await told(sampleErrors.SAMPLE_FULL("no more", { data: { of: () => 3 } }))).toEqual(coded);
  expect(await told()).toMatchObject({ name: "AbortError", isGateway: false });
  expect(await told(new Error("a secret"))).toMatchObject({ name: "AbortError", message: expect.not.stringContaining("secret") });
});

test("what does not answer behind an abort counts as stalled after its time, and its late answer as nothing", async () => {
  const late = Promise.withResolvers<string>();
  const { near, far, clock, ends } = joinPeers({ call: () => late.promise });
  const stop = new AbortController();
  let error: unknown;
  const settled = thrown(near.call("hang", {}, { signal: stop.signal })).then((told) => {
    error = told;
  });
  await near.ping();
  await clock.advance(10_000);
  stop.abort();
  await clock.advance(999);
  expect([error, near.awaiting]).toEqual([undefined, 1]);
  await clock.advance(1);
  await settled;
  expect(error).toMatchObject({ code: "PLUGIN_STALLED", retryable: true, message: expect.stringContaining("hang") });
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 1, 0]);
  late.resolve("too late");
  await near.ping();
  expect([far.running, ends]).toEqual([0, []]);
});

test("nothing is sent for a signal that has aborted already", async () => {
  const targets: string[] = [];
  const { near } = joinPeers({
    call: async (target) => void targets.push(target),
    async *stream(target) {
      yield targets.push(target);
    },
  });
  const io = { signal: AbortSignal.abort(new Error("before")) };
  expect(await thrown(near.call("call", {}, io))).toBe(io.signal.reason);
  expect(await thrown(near.stream("stream", {}, io).next())).toBe(io.signal.reason);
  await near.ping();
  expect(targets).toEqual([]);
});

test("a controller is made only for what looks at its signal", async () => {
  let looks = false;
  const { near } = joinPeers({
    call: async (_, params, io) => (looks ? io.signal.aborted : params),
    async *stream() {
      yield 1;
    },
  });
  let made = 0;
  const Original = globalThis.AbortController;
  globalThis.AbortController = class extends Original {
    constructor() {
      super();
      made++;
    }
  };
  try {
    await near.call("call", {}, quiet);
    await readAll(near.stream("stream", {}, quiet));
    expect(made).toBe(0);
    looks = true;
    expect(await near.call("call", {}, quiet)).toBe(false);
    expect(made).toBe(1);
  } finally {
    globalThis.AbortController = Original;
  }
});

test("parameters that cannot be sent are refused here, a result that cannot is a fault over there", async () => {
  const targets: string[] = [];
  const circle: unknown[] = [];
  circle.push(circle);
  const { near, far, clock } = joinPeers({
    call: async (target) => {
      targets.push(target);
      return { close: () => undefined };
    },
    async *stream() {
      try {
        yield 1n;
      } finally {
        targets.push("closed");
      }
    },
  });
  for (const params of [{ run: () => 1 }, 1n, Symbol("s"), circle])
    expect(await thrown(near.call("refused", params, quiet))).toMatchObject({
      code: "PLUGIN_VALUE_INVALID",
      message: expect.stringContaining("refused"),
    });
  expect(await thrown(near.call("call", {}, quiet))).toMatchObject({
    name: "TypeError",
    message: expect.stringContaining('function at "close"'),
  });
  expect(await thrown(near.stream("stream", {}, quiet).next())).toMatchObject({
    name: "TypeError",
    message: expect.stringContaining("bigint"),
  });
  expect(targets).toEqual(["call", "closed"]);
  expect([near.awaiting, far.running, clock.timers]).toEqual([0, 0, 0]);
});

test("one call more than may run is answered that it should come back, and runs once there is room", async () => {
  const open = Promise.withResolvers<void>();
  const { near, far } = joinPeers({ call: () => open.promise }, { calls: 2 });
  const running = [near.call("a", {}, quiet), near.call("b", {}, quiet)];
  expect(await thrown(near.call("c", {}, quiet))).toMatchObject({ code: "PLUGIN_BUSY", retryable: true });
  expect(await thrown(near.stream("d", {}, quiet).next())).toMatchObject({ code: "PLUGIN_BUSY" });
  expect(far.running).toBe(2);
  open.resolve();
  await Promise.all(running);
  expect(await near.call("c", {}, quiet)).toBeUndefined();
});

test("what runs may hold so many bytes, and none beyond the last that fits", async () => {
  const open = Promise.withResolvers<void>();
  const { near } = joinPeers({ call: () => open.promise }, { callBytes: 10_000 });
  const running = [near.call("a", "x".repeat(9_000), quiet), near.call("b", "x".repeat(9_000), quiet)];
  expect(await thrown(near.call("c", {}, quiet))).toMatchObject({ code: "PLUGIN_BUSY" });
  open.resolve();
  await Promise.all(running);
  await near.call("c", "x".repeat(9_000), quiet);
});

test("the end rejects what waits, aborts what runs, and stays the end", async () => {
  const reasons: unknown[] = [];
  const { near, far, ends } = joinPeers({
    call: async (_, __, io) => {
      await aborted(io);
      reasons.push(io.signal.reason);
    },
    async *stream(_, __, io) {
      yield 1;
      await aborted(io);
      reasons.push(io.signal.reason);
    },
  });
  const items = near.stream("stream", {}, quiet);
  await items.next();
  const waiting = [thrown(near.call("call", {}, quiet)), thrown(items.next())];
  await near.ping();
  expect([near.awaiting, far.running]).toEqual([2, 2]);
  const pinged = thrown(near.ping());
  const gone = pluginErrors.PLUGIN_GONE("it was told to go");
  far.end(gone);
  near.end(gone);
  near.end(pluginErrors.PLUGIN_TIMEOUT("a second end"));
  expect(await Promise.all([...waiting, pinged])).toEqual([gone, gone, gone]);
  expect([near.awaiting, reasons]).toEqual([0, [gone, gone]]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(far.running).toBe(0);
  expect(ends).toEqual([gone, gone]);
  expect(await thrown(near.call("call", {}, quiet))).toBe(gone);
  expect(await thrown(near.ping())).toBe(gone);
});

test("a peer that nobody has connected says so, and one end has one connection", async () => {
  const clock = createManualClock();
  const peer = new Peer({ clock, served: servesNothing, abortMs: 1_000, tellsFaults: true });
  expect(await thrown(peer.call("call", {}, quiet))).toMatchObject({ code: "PLUGIN_GONE" });
  expect(await thrown(peer.ping())).toMatchObject({ code: "PLUGIN_GONE" });
  const closed: GatewayError[] = [];
  const wire = { send: () => 0, isFull: false, close: (error: GatewayError) => void closed.push(error) };
  peer.connect(wire);
  peer.connect({ ...wire });
  expect(closed.map(({ code }) => code)).toEqual(["PLUGIN_PROTOCOL"]);
});

test("a word to what has ended meanwhile is nothing", async () => {
  const { near, far, ends } = joinPeers({ call: async () => 1 });
  await near.call("call", {}, quiet);
  for (const kind of [10, 11, 12]) far.receive(kind, 1, undefined);
  for (const kind of [4, 5, 8]) near.receive(kind, 1, "late");
  expect(ends).toEqual([]);
});

test("no promise mistakes a peer for one", () => {
  const { near } = joinPeers({});
  expect("then" in near).toBe(false);
});
