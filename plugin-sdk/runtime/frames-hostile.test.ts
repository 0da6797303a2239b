import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import type { GatewayError } from "../error.ts";
import { createManualClock } from "../testing/clock.ts";
import { quiet, servesNothing, thrown } from "../testing/peers.ts";
import { HeldSocket, holdPeer, rawCall, rawFrame } from "../testing/raw-frames.ts";
import { frameSocket } from "./frames.ts";
import { Peer } from "./peer.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("bytes that cannot be understood end the connection with a code, and nothing is taken behind them", async () => {
  const hostile: readonly (readonly [string, Buffer])[] = [
    ["no length", rawFrame(1, 1, "[]", 0)],
    ["a length below the head", rawFrame(1, 1, "[]", 6)],
    ["a length above what is allowed", rawFrame(1, 1, "[]", 64 * 2 ** 20 + 1)],
    ["the largest length", rawFrame(1, 1, "[]", 2 ** 32 - 1)],
    ["JSON that is none", rawFrame(1, 1, '["target", {')],
    ["bytes instead of JSON", rawFrame(1, 1, Buffer.from([0xff, 0xfe, 0, 1]))],
    ["no such kind", rawFrame(77, 1, "[]")],
    ["no kind", rawFrame(0, 1, "[]")],
    ["bytes without their place", rawFrame(0x81, 1, "\x01")],
    ["JSON longer than its frame", rawFrame(0x81, 1, Buffer.from([99, 0, 0, 0, 0x5b, 0x5d]))],
    ["an answer to nothing", rawFrame(4, 1, '"x"')],
    ["the largest id of an answer", rawFrame(4, 2 ** 48 - 1, '"x"')],
    ["a request to be answered by a web server", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
  ];
  for (const [what, bytes] of hostile) {
    const targets: string[] = [];
    const { peer, socket, ends, data, handler } = holdPeer({ call: async (target) => void targets.push(target) });
    const waiting = thrown(peer.ping());
    data(Buffer.concat([bytes, rawCall(2, {})]));
    data(rawCall(3, {}));
    handler.close(socket);
    handler.error(socket, new Error("closed"));
    await turn();
    expect([what, ends.map(({ code }) => code), socket.said, targets]).toEqual([what, ["PLUGIN_PROTOCOL"], ["terminate"], []]);
    expect(await waiting).toBe(ends[0] as GatewayError);
  }
});

test("a frame that breaks off is told from an end between two", () => {
  for (const [bytes, where] of [
    [rawCall(1, {}), "between two frames"],
    [rawCall(1, {}).subarray(0, 3), "in the middle of a frame"],
    [rawCall(1, {}).subarray(0, -1), "in the middle of a frame"],
  ] as const) {
    const { socket, ends, data, handler } = holdPeer();
    data(bytes);
    handler.close(socket);
    expect(ends).toMatchObject([{ code: "PLUGIN_GONE", retryable: true, message: expect.stringContaining(where) }]);
  }
});

test("a peer that never reads ends the connection when too much waits for it", async () => {
  const { peer, socket, ends } = holdPeer({}, { unsentBytes: 100_000 });
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
  const { peer, ends } = holdPeer({}, { unsentBytes: 100_000 });
  for (let n = 0; n < 10; n++) peer.call("target", "x".repeat(90_000), quiet).catch(() => undefined); // silent-ok: nobody answers
  await turn();
  expect(ends).toEqual([]);
});

test("many small frames in one chunk are taken some in each turn, and those are answered in one write", async () => {
  const { socket, ends, data } = holdPeer();
  const count = 50_000;
  const bytes = Buffer.concat(Array.from({ length: count }, (_, n) => rawFrame(3, n + 1)));
  data(bytes);
  let [turns, written] = [0, 0];
  for (; written < bytes.length && turns < count; turns++) {
    await turn();
    written = socket.written.reduce((sum, { length }) => sum + length, 0);
  }
  expect([ends, written]).toEqual([[], bytes.length]);
  expect(socket.written.length).toBeLessThanOrEqual(turns + 1);
  expect(turns).toBeLessThan(count / 10);
});

test("more calls than allowed are refused, and their refusals end a connection on which nobody reads", async () => {
  let runs = 0;
  const { peer, socket, ends, data } = holdPeer({ call: () => new Promise(() => void runs++) }, { unsentBytes: 2 ** 20 }, { calls: 10 });
  socket.takes = 0;
  data(Buffer.concat(Array.from({ length: 20_000 }, (_, n) => rawCall(n + 1, {}))));
  for (let turns = 0; turns < 20_000 && ends.length === 0; turns++) await turn();
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
  const { peer, socket, ends, data, handler } = holdPeer({ stream, call: async () => large }, { unsentBytes: 3 * 2 ** 20 });
  socket.takes = 0;
  data(rawFrame(2, 1, '["stream", 100000]'));
  for (let rounds = 0; rounds < 10; rounds++) await turn();
  // A MiB waits, and the one that went beyond it.
  expect(made).toBe(11);
  data(Buffer.concat(Array.from({ length: 40 }, (_, n) => rawCall(n + 2, {}))));
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
  const { peer, socket, ends, data, handler } = holdPeer({ call: async () => "answer" });
  const second = new HeldSocket();
  handler.open(second);
  handler.data(second, rawFrame(77, 1));
  handler.drain(second);
  handler.error(second, new Error("reset"));
  handler.close(second);
  expect([second.said, socket.said, ends]).toEqual([["terminate"], [], []]);
  data(rawCall(1, {}));
  await turn();
  expect(socket.text).toContain('"answer"');
  expect([second.written.length, peer.running]).toEqual([0, 0]);
});

test("over a real socket, garbage is hung up on, a second caller is not served, and one that never reads is given up", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-hostile-"));
  const listen = (name: string) => {
    const end = Promise.withResolvers<GatewayError>();
    const clock = createManualClock();
    const peer = new Peer({ clock, abortMs: 1_000, tellsFaults: false, served: { ...servesNothing, call: async (_, params) => params } });
    const unix = join(folder, name);
    const listener = Bun.listen({ unix, socket: frameSocket(peer, { onEnd: end.resolve, unsentBytes: 2 ** 20 }) });
    const connect = async (open: (socket: Socket) => void) => {
      const closed = Promise.withResolvers<void>();
      let received = 0;
      const data = (_: unknown, { length }: Buffer) => {
        received += length;
      };
      const socket = await Bun.connect({ unix, socket: { open, data, close: () => closed.resolve() } });
      return { socket, closed: closed.promise, received: () => received };
    };
    return { peer, ended: end.promise, connect, listener };
  };

  const garbage = listen("garbage");
  const writer = await garbage.connect((socket) => void socket.write(crypto.getRandomValues(new Uint8Array(100_000))));
  await writer.closed;
  expect(await garbage.ended).toMatchObject({ code: "PLUGIN_PROTOCOL" });

  const deaf = listen("deaf");
  const reader = await deaf.connect((socket) => void socket.pause());
  const second = await deaf.connect((socket) => void socket.write(rawFrame(3, 1)));
  await second.closed;
  expect(second.received()).toBe(0);
  const calls: Promise<Error>[] = [];
  for (let n = 0; n < 100; n++) calls.push(thrown(deaf.peer.call("target", "x".repeat(100_000), quiet)));
  await deaf.connect(() => undefined); // in a later turn: what is asked waits, and whoever wants to know whether the other side lives
  for (let n = 0; n < 200_000; n++) deaf.peer.ping().catch(() => undefined); // silent-ok: they are what it is given up for
  expect(await deaf.ended).toMatchObject({ code: "PLUGIN_STALLED" });
  expect(new Set((await Promise.all(calls)).map((error) => "code" in error && error.code))).toEqual(new Set(["PLUGIN_STALLED"]));

  reader.socket.terminate();
  for (const { listener } of [garbage, deaf]) listener.stop(true);
  rmSync(folder, { recursive: true });
});
