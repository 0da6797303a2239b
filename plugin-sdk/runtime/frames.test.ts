import { expect, test } from "bun:test";
import type { GatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { createManualClock } from "../testing/clock.ts";
import { joinOverSocket, joinPeers, quiet, servesNothing, thrown } from "../testing/peers.ts";
import { HeldSocket, holdPeer, rawCall, rawFrame } from "../testing/raw-frames.ts";
import { kinds } from "./frame-kinds.ts";
import { frameSocket } from "./frames.ts";
import { Peer, type Served } from "./peer.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("frames come whole, however they are cut", async () => {
  const values = ["", "ünï 👍", { a: [1, null] }, "x".repeat(3_000), 7];
  const bytes = Buffer.concat(values.map((value, index) => rawCall(index + 1, value)));
  for (let size = 1; size < bytes.length + 2; size += size < 40 ? 1 : 397) {
    const taken: unknown[] = [];
    const { ends, data } = holdPeer({ call: async (_, params) => void taken.push(params) });
    for (let at = 0; at < bytes.length; at += size) data(Buffer.from(bytes.subarray(at, at + size)));
    expect([size, taken, ends]).toEqual([size, values, []]);
  }
});

test("frames of one tick leave in one write, however many promises stand behind them", async () => {
  const { peer, socket, data } = holdPeer({
    call: async (_, depth) => {
      for (let n = 0; n < Number(depth); n++) await undefined;
      return "answer";
    },
  });
  await turn();
  const calls = Array.from({ length: 64 }, (_, n) => thrown(peer.call("target", { n }, quiet)));
  for (let n = 0; n < 10; n++) await undefined;
  calls.push(thrown(peer.call("target", { n: 64 }, quiet)));
  expect(socket.written).toHaveLength(0);
  await turn();
  expect(socket.written).toHaveLength(1);
  expect(socket.text.match(/"target"/g)).toHaveLength(65);
  data(Buffer.concat(Array.from({ length: 64 }, (_, n) => rawCall(n + 1, n))));
  await turn();
  expect(socket.written).toHaveLength(2);
  expect(socket.text.match(/"answer"/g)).toHaveLength(64);
  peer.end(pluginErrors.PLUGIN_GONE());
  await Promise.all(calls);
});

test("an answer is heard to its end before what was said behind it, also when both come at once", async () => {
  const heard: string[] = [];
  const { peer, data } = holdPeer({ call: async () => void heard.push("asked") });
  const waits = async () => {
    await peer.call("target", {}, quiet);
    for (let n = 0; n < 20; n++) await undefined;
    heard.push("answered");
  };
  const waiting = waits();
  await turn();
  data(Buffer.concat([rawFrame(kinds.result, 1, "{}"), rawCall(1, {}), rawCall(2, {})]));
  await waiting;
  for (let n = 0; n < 3; n++) await turn();
  expect(heard).toEqual(["answered", "asked", "asked"]);
});

test("what the socket does not take at once is written when it has room", async () => {
  const texts = Array.from({ length: 40 }, (_, n) => String(n).repeat(1_000 + n));
  const whole = holdPeer();
  for (const text of texts) whole.peer.call("target", text, quiet).catch(() => undefined); // silent-ok: nobody answers
  await turn();
  for (const size of [1_000, 4_096, 100_000]) {
    const { peer, socket, handler } = holdPeer();
    socket.takes = 0;
    let most = 0;
    for (const text of texts) {
      peer.call("target", text, quiet).catch(() => undefined); // silent-ok: nobody answers
      await turn();
      most = Math.max(most, socket.written.length);
    }
    expect(most).toBe(1);
    for (let rounds = 0; socket.text.length < whole.socket.text.length && rounds < 100; rounds++) {
      socket.takes = size;
      handler.drain(socket);
    }
    expect(socket.text).toBe(whole.socket.text);
  }
});

test("an answer has the id of what was asked, also when ids have grown beyond 32 bits", async () => {
  const { socket, data } = holdPeer();
  const ids = [2 ** 31, 2 ** 32 + 5, 2 ** 47 + 2 ** 40 + 1, 2 ** 48 - 1];
  data(Buffer.concat(ids.map((id) => rawFrame(3, id))));
  await turn();
  const pongs = Buffer.concat(socket.written);
  expect(ids.map((_, n) => pongs.readUIntLE(n * 11 + 5, 6))).toEqual(ids);
});

test("what is made when the reader has left is not sent", async () => {
  const made = Promise.withResolvers<string>();
  const { peer, socket, data } = holdPeer({
    async *stream() {
      yield await made.promise;
    },
  });
  data(rawFrame(2, 1, '["stream", 10]'));
  data(rawFrame(12, 1));
  made.resolve("an item for nobody");
  for (let turns = 0; peer.running > 0 && turns < 10; turns++) await turn();
  await turn();
  expect(socket.text).not.toContain("nobody");
  expect(socket.written).toHaveLength(1);
});

test("an end of this side's own writes what waits, closes, and is told once", async () => {
  const { peer, socket, ends, data, handler } = holdPeer({ call: async () => "the last answer" });
  data(rawCall(1, {}));
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  const reason = pluginErrors.PLUGIN_UNLOADED("no longer needed");
  peer.end(reason);
  handler.close(socket);
  data(rawCall(2, {}));
  expect(socket.text).toContain("the last answer");
  expect([ends, socket.said]).toEqual([[reason], ["end"]]);
});

test("a peer that ended before its socket opened closes it", () => {
  const peer = new Peer({ clock: createManualClock(), abortMs: 1_000, tellsFaults: true, served: servesNothing });
  const reason = pluginErrors.PLUGIN_GONE("given up");
  peer.end(reason);
  const ends: unknown[] = [];
  const socket = new HeldSocket();
  frameSocket(peer, { onEnd: (error) => void ends.push(error) }).open(socket);
  expect([ends, socket.said]).toEqual([[reason], ["end"]]);
});

test("over a unix socket, large values cross both ways at once, and an end is seen on both sides", async () => {
  const clock = createManualClock();
  const options = { clock, abortMs: 1_000, tellsFaults: true };
  const served: Served = {
    call: async (_, params) => params,
    async *stream(_, params) {
      for (let n = 0; n < 300; n++) yield params;
      return "done";
    },
  };
  const [near, far] = [new Peer({ ...options, served }), new Peer({ ...options, served })];
  const ends = [Promise.withResolvers<GatewayError>(), Promise.withResolvers<GatewayError>()] as const;
  await joinOverSocket(frameSocket(near, { onEnd: ends[0].resolve }), frameSocket(far, { onEnd: ends[1].resolve }));
  const text = "ü".repeat(1_500_000);
  const bytes = crypto.getRandomValues(new Uint8Array(65_000));
  const echo = async (peer: Peer) => {
    for (let n = 0; n < 3; n++) expect(await peer.call("echo", { text, bytes }, quiet)).toEqual({ text, bytes });
  };
  const read = async (peer: Peer) => {
    let items = 0;
    for await (const item of peer.stream("echo", { bytes }, quiet)) if ((item as { bytes: Uint8Array }).bytes.length === 65_000) items++;
    expect(items).toBe(300);
  };
  await Promise.all([echo(near), echo(far), read(near), read(far)]);
  far.end(pluginErrors.PLUGIN_UNLOADED("it is done"));
  expect((await Promise.all(ends.map(({ promise }) => promise))).map(({ code }) => code)).toEqual(["PLUGIN_GONE", "PLUGIN_UNLOADED"]);
  expect(await thrown(near.call("echo", {}, quiet))).toMatchObject({ code: "PLUGIN_GONE" });
});

test("peers joined by a helper of the kit end together", async () => {
  const { near, far, ends } = joinPeers({ call: async () => 1 });
  expect(await near.call("call", {}, quiet)).toBe(1);
  far.end(pluginErrors.PLUGIN_UNLOADED());
  await turn();
  await turn();
  expect(ends.map(({ code }) => code)).toEqual(["PLUGIN_UNLOADED", "PLUGIN_GONE"]);
  expect(await thrown(near.ping())).toMatchObject({ code: "PLUGIN_GONE" });
});

test("whoever floods is served some frames at a time, in their order, and made to wait; what came before the end is taken", async () => {
  const seen: number[] = [];
  const { promise: ended, resolve: end } = Promise.withResolvers<GatewayError>();
  const far = new Peer({
    ...{ clock: createManualClock(), abortMs: 1_000, tellsFaults: true },
    served: { ...servesNothing, call: async (_, n) => void seen.push(n as number) },
  });
  const flood = Buffer.concat(Array.from({ length: 500 }, (_, n) => rawCall(n + 1, n)));

  const told: string[] = [];
  const socket = {
    write: (chunk: Uint8Array) => chunk.length,
    end() {},
    terminate() {},
    pause: () => told.push("pause"),
    resume: () => told.push("resume"),
  };
  const taking = frameSocket(far, { onEnd: end });
  taking.open(socket);
  taking.data(socket, flood);
  const first = seen.length;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThan(200);
  expect(told).toEqual(["pause"]);
  await turn();
  expect(seen.length).toBeGreaterThan(first);
  expect(seen.length).toBeLessThan(400);
  taking.close(socket);
  expect((await ended).code).toBe("PLUGIN_GONE");
  expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n));
});

test("large parameters that are sent at once go one after another, and end nobody", async () => {
  const clock = createManualClock();
  const ends: GatewayError[] = [];
  const onEnd = (error: GatewayError) => void ends.push(error);
  const far = new Peer({
    ...{ clock, abortMs: 1_000, tellsFaults: true },
    served: {
      call: async (_, params) => String(params).length,
      async *stream(_, params) {
        yield String(params).length;
      },
    },
  });
  const near = new Peer({ clock, abortMs: 1_000, tellsFaults: true, calls: 12, served: servesNothing });
  await joinOverSocket(frameSocket(near, { onEnd }), frameSocket(far, { onEnd }));
  const large = "x".repeat(20_000_000);
  const calls = Array.from({ length: 8 }, () => near.call("target", large, quiet));
  const item = near.stream("target", large, quiet).next();
  const stop = new AbortController();
  const [given, left] = [near.call("target", large, { signal: stop.signal }), near.stream("target", 1, { signal: stop.signal })];
  const outcomes = [thrown(given), thrown(left.next())];
  stop.abort(new Error("enough"));
  expect((await Promise.all(outcomes)).map(({ message }) => message)).toEqual(["enough", "enough"]);
  const beyond = Array.from({ length: 5 }, (_, n) => near.call("target", n, quiet).catch(({ code }) => code));
  expect(await Promise.all(calls)).toEqual(Array(8).fill(large.length));
  expect(await item).toEqual({ done: false, value: large.length });
  expect(await Promise.all(beyond)).toEqual([1, 1, 1, 1, "PLUGIN_BUSY"]);
  expect([ends, near.awaiting]).toEqual([[], 0]);
  near.end(pluginErrors.PLUGIN_UNLOADED());
});

test("the end rejects also what waits to be sent", async () => {
  const { peer, socket } = holdPeer();
  socket.takes = 0;
  const calls = Array.from({ length: 3 }, () => thrown(peer.call("target", "x".repeat(2_000_000), quiet)));
  await turn();
  peer.end(pluginErrors.PLUGIN_GONE("it went"));
  expect(await Promise.all(calls)).toMatchObject([{ message: "it went" }, { message: "it went" }, { message: "it went" }]);
  expect(peer.awaiting).toBe(0);
});
