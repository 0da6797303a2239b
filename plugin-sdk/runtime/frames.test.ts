import { afterEach, expect, spyOn, test } from "bun:test";
import type { GatewayError } from "../error.ts";
import { pluginErrors } from "../plugin-errors.ts";
import { createManualClock } from "../testing/clock.ts";
import { joinInMemory, joinOverSocket, joinPeers, quiet, servesNothing, thrown } from "../testing/peers.ts";
import { type ByteSocket, type FrameOptions, frameSocket } from "./frames.ts";
import { Peer, type PeerOptions, type Served } from "./peer.ts";

/** Takes so many bytes until it is told to take more. */
class Socket implements ByteSocket {
  readonly written: Buffer[] = [];
  readonly said: string[] = [];
  constructor(public takes = Number.POSITIVE_INFINITY) {}
  write(bytes: Uint8Array): number {
    const count = Math.min(this.takes, bytes.length);
    this.takes -= count;
    this.written.push(Buffer.from(bytes.subarray(0, count)));
    return count;
  }
  end = () => void this.said.push("end");
  terminate = () => void this.said.push("terminate");
  get text(): string {
    return Buffer.concat(this.written).toString("latin1");
  }
}

function open(served: Partial<Served> = {}, frames: Partial<FrameOptions> = {}, options: Partial<PeerOptions> = {}) {
  const ends: GatewayError[] = [];
  const serving = { ...servesNothing, ...served };
  const peer = new Peer({ clock: createManualClock(), abortMs: 1_000, tellsFaults: true, ...options, served: serving });
  const handler = frameSocket(peer, { onEnd: (error) => void ends.push(error), ...frames });
  const socket = new Socket();
  handler.open(socket);
  return { peer, socket, ends, data: (bytes: Buffer) => handler.data(socket, bytes), handler };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A frame as it is described, whatever it holds. */
function frame(kind: number, id: number, json: string | Buffer = "", length?: number): Buffer {
  const body = Buffer.from(json);
  const head = Buffer.alloc(11);
  head.writeUInt32LE(length ?? 7 + body.length, 0);
  head[4] = kind;
  head.writeUIntLE(id, 5, 6);
  return Buffer.concat([head, body]);
}
const call = (id: number, params: unknown) => frame(1, id, JSON.stringify(["target", params]));

const restore: (() => void)[] = [];
afterEach(() => {
  for (const undo of restore.splice(0)) undo();
});

test("bytes that cannot be understood end the connection with a code, and nothing is taken behind them", async () => {
  const hostile: readonly (readonly [string, Buffer])[] = [
    ["no length", frame(1, 1, "[]", 0)],
    ["a length below the head", frame(1, 1, "[]", 6)],
    ["a length above what is allowed", frame(1, 1, "[]", 64 * 2 ** 20 + 1)],
    ["the largest length", frame(1, 1, "[]", 2 ** 32 - 1)],
    ["JSON that is none", frame(1, 1, '["target", {')],
    ["bytes instead of JSON", frame(1, 1, Buffer.from([0xff, 0xfe, 0, 1]))],
    ["no such kind", frame(77, 1, "[]")],
    ["no kind", frame(0, 1, "[]")],
    ["bytes without their place", frame(0x81, 1, "\x01")],
    ["JSON longer than its frame", frame(0x81, 1, Buffer.from([99, 0, 0, 0, 0x5b, 0x5d]))],
    ["an answer to nothing", frame(4, 1, '"x"')],
    ["the largest id of an answer", frame(4, 2 ** 48 - 1, '"x"')],
    ["a request to be answered by a web server", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ];
  for (const [what, bytes] of hostile) {
    const targets: string[] = [];
    const { peer, socket, ends, data, handler } = open({ call: async (target) => void targets.push(target) });
    const waiting = thrown(peer.ping());
    data(Buffer.concat([bytes, call(2, {})]));
    data(call(3, {}));
    handler.close(socket);
    handler.error(socket, new Error("closed"));
    await turn();
    expect([what, ends.map(({ code }) => code), socket.said, targets]).toEqual([what, ["PLUGIN_PROTOCOL"], ["terminate"], []]);
    expect(await waiting).toBe(ends[0] as GatewayError);
  }
});

test("a frame that breaks off is told from an end between two", () => {
  for (const [bytes, where] of [
    [call(1, {}), "between two frames"],
    [call(1, {}).subarray(0, 3), "in the middle of a frame"],
    [call(1, {}).subarray(0, -1), "in the middle of a frame"],
  ] as const) {
    const { socket, ends, data, handler } = open();
    data(bytes);
    handler.close(socket);
    expect(ends).toMatchObject([{ code: "PLUGIN_GONE", retryable: true, message: expect.stringContaining(where) }]);
  }
});

test("frames come whole, however they are cut", async () => {
  const values = ["", "ünï 👍", { a: [1, null] }, "x".repeat(3_000), 7];
  const bytes = Buffer.concat(values.map((value, index) => call(index + 1, value)));
  for (let size = 1; size < bytes.length + 2; size += size < 40 ? 1 : 397) {
    const taken: unknown[] = [];
    const { ends, data } = open({ call: async (_, params) => void taken.push(params) });
    for (let at = 0; at < bytes.length; at += size) data(Buffer.from(bytes.subarray(at, at + size)));
    expect([size, taken, ends]).toEqual([size, values, []]);
  }
});

test("frames of one tick leave in one write, however many promises stand behind them", async () => {
  const { peer, socket, data } = open({
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
  data(Buffer.concat(Array.from({ length: 64 }, (_, n) => call(n + 1, n))));
  await turn();
  expect(socket.written).toHaveLength(2);
  expect(socket.text.match(/"answer"/g)).toHaveLength(64);
  peer.end(pluginErrors.PLUGIN_GONE());
  await Promise.all(calls);
});

test("what the socket does not take at once is written when it has room", async () => {
  const texts = Array.from({ length: 40 }, (_, n) => String(n).repeat(1_000 + n));
  const whole = open();
  for (const text of texts) whole.peer.call("target", text, quiet).catch(() => undefined); // silent-ok: nobody answers
  await turn();
  for (const size of [1_000, 4_096, 100_000]) {
    const { peer, socket, handler } = open();
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

test("a peer that never reads ends the connection when too much waits for it", async () => {
  const { peer, socket, ends } = open({}, { unsentBytes: 100_000 });
  socket.takes = 1_000;
  const waiting: Promise<Error>[] = [];
  for (let n = 0; n < 1_000 && ends.length === 0; n++) {
    waiting.push(thrown(peer.call("target", "x".repeat(1_000), quiet)));
    await turn();
  }
  expect(waiting.length).toBeGreaterThan(90);
  expect(waiting.length).toBeLessThan(110);
  expect(ends).toMatchObject([{ code: "PLUGIN_STALLED", retryable: true }]);
  expect(socket.said).toEqual(["terminate"]);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(ends));
});

test("more than may wait is no stall while the other side reads", async () => {
  const { peer, ends } = open({}, { unsentBytes: 100_000 });
  for (let n = 0; n < 10; n++) peer.call("target", "x".repeat(90_000), quiet).catch(() => undefined); // silent-ok: nobody answers
  await turn();
  expect(ends).toEqual([]);
});

test("a million small frames in one chunk are taken, and answered in as few writes as they came", async () => {
  const { socket, ends, data } = open();
  const one = frame(3, 0);
  const bytes = Buffer.alloc(one.length * 1_000_000);
  for (let n = 0; n < 1_000_000; n++) {
    one.writeUIntLE(n + 1, 5, 6);
    one.copy(bytes, n * one.length);
  }
  data(bytes);
  await turn();
  expect([ends, socket.written.length, socket.text.length]).toEqual([[], 1, bytes.length]);
});

test("more calls than allowed are refused, and their refusals end a connection on which nobody reads", async () => {
  let runs = 0;
  const { peer, socket, ends, data } = open({ call: () => new Promise(() => void runs++) }, { unsentBytes: 2 ** 20 }, { calls: 10 });
  socket.takes = 0;
  data(Buffer.concat(Array.from({ length: 20_000 }, (_, n) => call(n + 1, {}))));
  expect([runs, peer.running]).toEqual([10, 10]);
  expect(ends.map(({ code }) => code)).toEqual(["PLUGIN_STALLED"]);
});

test("streams and answers wait while the wire is full, and go on when it has room", async () => {
  let made = 0;
  const large = "x".repeat(100_000);
  const stream = async function* () {
    while (made < 50) {
      made++;
      yield large;
    }
    return "done";
  };
  const { peer, socket, ends, data, handler } = open({ stream, call: async () => large }, { unsentBytes: 3 * 2 ** 20 });
  socket.takes = 0;
  data(frame(2, 1, '["stream", 100000]'));
  for (let rounds = 0; rounds < 10; rounds++) await turn();
  // A MiB waits, and the one that went beyond it.
  expect(made).toBe(11);
  data(Buffer.concat(Array.from({ length: 40 }, (_, n) => call(n + 2, {}))));
  await turn();
  expect([ends, peer.running]).toEqual([[], 41]);
  for (let rounds = 0; peer.running > 0 && rounds < 1_000; rounds++) {
    socket.takes = 300_000;
    handler.drain(socket);
    await turn();
  }
  socket.takes = Number.POSITIVE_INFINITY;
  handler.drain(socket);
  expect([made, ends, peer.running]).toEqual([50, [], 0]);
  expect(socket.text.match(/xxx"/g)).toHaveLength(90);
  expect(socket.text).toContain('"done"');
});

test("one peer is carried by one socket: a second is closed, and the first notices nothing", async () => {
  const { peer, socket, ends, data, handler } = open({ call: async () => "answer" });
  const second = new Socket();
  handler.open(second);
  handler.data(second, frame(77, 1));
  handler.drain(second);
  handler.error(second, new Error("reset"));
  handler.close(second);
  expect([second.said, socket.said, ends]).toEqual([["terminate"], [], []]);
  data(call(1, {}));
  await turn();
  expect(socket.text).toContain('"answer"');
  expect([second.written.length, peer.running]).toEqual([0, 0]);
});

/** Bytes that are copied or set aside while `run` runs. */
function handled(run: () => void): { copied: number; allocated: number } {
  const sum = { copied: 0, allocated: 0 };
  const [copy, allocate, concat] = [Buffer.prototype.copy, Buffer.allocUnsafe, Buffer.concat];
  const spies = [
    spyOn(Buffer.prototype, "copy").mockImplementation(function (this: Buffer, ...given: Parameters<typeof copy>) {
      const count = copy.apply(this, given);
      sum.copied += count;
      return count;
    }),
    spyOn(Buffer, "allocUnsafe").mockImplementation((size) => {
      sum.allocated += size;
      return allocate(size);
    }),
    spyOn(Buffer, "concat").mockImplementation((list, ...rest) => {
      for (const { length } of list) sum.copied += length;
      return concat(list, ...rest);
    }),
  ];
  restore.push(() => {
    for (const spy of spies) spy.mockRestore();
  });
  run();
  restore.pop()?.();
  return sum;
}

test("a large frame in many chunks is copied a fixed number of times, not once a chunk", () => {
  let length = 0;
  const { data } = open({ call: async (_, params) => (length = String(params).length) });
  const bytes = call(1, "x".repeat(20_000_000));
  const chunks = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, n) => bytes.subarray(n * 65_536, (n + 1) * 65_536));
  const { copied, allocated } = handled(() => {
    for (const chunk of chunks) data(chunk);
  });
  expect(length).toBe(20_000_000);
  expect(copied).toBeGreaterThanOrEqual(bytes.length);
  expect(copied).toBeLessThan(3 * bytes.length);
  expect(allocated).toBeLessThan(4 * bytes.length);
});

test("a length that is only announced costs no memory", () => {
  const { data, ends } = open();
  const { allocated } = handled(() => {
    data(frame(1, 1, "[", 64 * 2 ** 20));
    for (let n = 0; n < 100; n++) data(Buffer.alloc(1_000));
  });
  expect(allocated).toBeLessThan(1_000_000);
  expect(ends).toEqual([]);
});

test("a frame of this side that would be too long is not sent: parameters are refused, a result is a fault", async () => {
  const clock = createManualClock();
  const ends: unknown[] = [];
  const options = { clock, abortMs: 1_000, tellsFaults: true };
  const near = new Peer({ ...options, served: servesNothing });
  const far = new Peer({ ...options, served: { ...servesNothing, call: async (_, params) => String(params).repeat(3) } });
  const frames = { frameBytes: 1_000, onEnd: (error: unknown) => void ends.push(error) };
  joinInMemory(frameSocket(near, frames), frameSocket(far, frames));
  const exact = "x".repeat(1_000 - 7 - '["t",""]'.length);
  expect(await thrown(near.call("t", `${exact}x`, quiet))).toMatchObject({
    code: "PLUGIN_VALUE_INVALID",
    message: expect.stringContaining("1001 bytes"),
  });
  expect(await thrown(near.call("t", exact, quiet))).toMatchObject({ name: "RangeError" });
  expect(await near.call("t", "x", quiet)).toBe("xxx");
  expect([ends, near.awaiting]).toEqual([[], 0]);
});

test("an end of this side's own writes what waits, closes, and is told once", async () => {
  const { peer, socket, ends, data, handler } = open({ call: async () => "the last answer" });
  data(call(1, {}));
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  const reason = pluginErrors.PLUGIN_UNLOADED("no longer needed");
  peer.end(reason);
  handler.close(socket);
  data(call(2, {}));
  expect(socket.text).toContain("the last answer");
  expect([ends, socket.said]).toEqual([[reason], ["end"]]);
});

test("a peer that ended before its socket opened closes it", () => {
  const peer = new Peer({ clock: createManualClock(), abortMs: 1_000, tellsFaults: true, served: servesNothing });
  const reason = pluginErrors.PLUGIN_GONE("given up");
  peer.end(reason);
  const ends: unknown[] = [];
  const socket = new Socket();
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
