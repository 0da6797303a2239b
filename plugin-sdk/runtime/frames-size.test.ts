import { afterEach, expect, spyOn, test } from "bun:test";
import { createManualClock } from "../testing/clock.ts";
import { joinInMemory, joinPeers, quiet, servesNothing, thrown } from "../testing/peers.ts";
import { holdPeer, rawCall, rawFrame } from "../testing/raw-frames.ts";
import { frameSocket } from "./frames.ts";
import { Peer } from "./peer.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

const restore: (() => void)[] = [];
afterEach(() => {
  for (const undo of restore.splice(0)) undo();
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

test("a backlog that is written and added to in turns is neither copied nor set aside again and again", async () => {
  for (const backlog of [50_000, 8_300_000]) {
    const { peer, socket, handler } = holdPeer();
    socket.takes = 0;
    const large = "x".repeat(10_000);
    const add = (bytes: number) => {
      for (let n = 0; n < bytes; n += 10_000) peer.call("target", large, quiet).catch(() => undefined); // silent-ok: nobody answers
    };
    add(backlog);
    await turn();
    const { copied, allocated } = handled(() => {
      for (let round = 0; round < 2_000; round++) {
        add(10_000);
        socket.takes = 10_025;
        handler.drain(socket);
      }
    });
    expect(socket.text.length).toBeGreaterThan(20_000_000);
    expect(copied).toBeLessThan(2 * 20_000_000);
    expect(allocated).toBeLessThan(10 * backlog);
  }
});

test("a large frame in many chunks is copied a fixed number of times, not once a chunk", () => {
  let length = 0;
  const { data } = holdPeer({ call: async (_, params) => (length = String(params).length) });
  const bytes = rawCall(1, "x".repeat(20_000_000));
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
  const { data, ends } = holdPeer();
  const { allocated } = handled(() => {
    data(rawFrame(1, 1, "[", 64 * 2 ** 20));
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

test("what the other side would not take is not sent", async () => {
  const { near, ends } = joinPeers({ call: async () => 1 });
  expect(await thrown(near.call("target", "[{".repeat(3_000_000), quiet))).toMatchObject({ code: "PLUGIN_VALUE_INVALID" });
  expect([await near.call("target", {}, quiet), ends]).toEqual([1, []]);
});
