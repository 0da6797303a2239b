/** A peer at the mercy of the other side: whatever comes over its socket, it answers or ends, throws nothing, and keeps nothing. */

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { createManualClock } from "@pincer/plugin-sdk/testing/clock";
import type { GatewayError } from "../../plugin-sdk/error.ts";
import { pluginErrors } from "../../plugin-sdk/plugin-errors.ts";
import { encodeValue } from "../../plugin-sdk/runtime/frame-values.ts";
import { type ByteSocket, frameSocket } from "../../plugin-sdk/runtime/frames.ts";
import { Peer, type Served } from "../../plugin-sdk/runtime/peer.ts";
import { quiet } from "../../plugin-sdk/testing/peers.ts";
import { type Random, randomOf, seedOf } from "./random.ts";

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 20_261_130);
const tries = Number(process.env["PINCER_FUZZ_PEER_TRIES"] ?? 12_000);
const minutes = 60_000;

const coded = { code: "SAMPLE", wire: "UNAVAILABLE", message: "m", retryable: true, retryAfterMs: 5, data: { a: [1] } };
const bytes = new Uint8Array([1, 2, 3]);

/** What an honest peer would send to one that has asked as `ask` does. */
const honest: readonly (readonly [kind: number, id: number, value: unknown])[] = [
  [1, 1, ["call", { text: "what is the weather", n: 7 }]],
  [1, 2, ["call", { bytes, deep: [{ bytes }] }]],
  [2, 3, ["stream", 4, { until: 10 }]],
  [3, 4, undefined],
  [1, 5, ["wait", {}]],
  [2, 6, ["wait", 2]],
  [10, 3, 4],
  [11, 5, coded],
  [12, 6, undefined],
  [4, 1, { answer: [true, null] }],
  [5, 2, { text: "token" }],
  [5, 2, bytes],
  [5, 5, "unread"],
  [9, 3, undefined],
  [8, 4, undefined],
  [6, 2, coded],
  [7, 5, { name: "TypeError", message: "m", stack: "TypeError: m\n    at x" }],
];
const odd: readonly unknown[] = [
  undefined,
  null,
  -1,
  0.5,
  1e308,
  "",
  [],
  {},
  ["call"],
  ["stream", 2 ** 31],
  [[], {}],
  [null, [[[], 3]]],
  [{ a: null }, [[["a"], 3]]],
  { __proto__: null, constructor: { prototype: 1 } },
  { ...coded, wire: "toString" },
  bytes,
  "x".repeat(5_000),
];

function frame(kind: number, id: number, value: unknown): Buffer {
  const { json, bytes } = encodeValue(value);
  const text = Buffer.from(json);
  const head = Buffer.alloc(bytes ? 15 : 11);
  const body = Buffer.concat([text, ...(bytes ?? [])]);
  head.writeUInt32LE(head.length - 4 + body.length, 0);
  head[4] = bytes ? kind | 0x80 : kind & 0xff;
  head.writeUIntLE(id, 5, 6);
  if (bytes) head.writeUInt32LE(text.length, 11);
  return Buffer.concat([head, body]);
}

/** Honest frames of which some are others, stand elsewhere, or are damaged. */
function hostile(random: Random): Buffer {
  const frames = honest.filter(() => random.chance(0.8)).map((told) => frame(...told));
  for (let change = random.below(4); change > 0; change--) {
    const at = random.below(frames.length + 1);
    const found = Buffer.from(frames[at] ?? frame(...random.pick(honest)));
    const spot = random.below(found.length);
    const changes: readonly (() => readonly Buffer[])[] = [
      () => [frame(random.below(16), random.below(9), random.pick(odd))],
      () => [frame(random.pick(honest)[0], random.pick(honest)[1], random.pick(odd))],
      () => [found, found],
      () => [],
      () => [found.subarray(0, spot)],
      () => [Buffer.concat([found.subarray(0, spot), found.subarray(spot + 1)])],
      () => [Buffer.concat([found.subarray(0, spot), Buffer.from([random.below(256)]), found.subarray(spot)])],
      () => {
        found[spot] = random.below(256);
        return [found];
      },
      () => {
        if (found.length >= 4) found.writeUInt32LE(random.pick([0, 6, 7, 8, 64 * 2 ** 20, 2 ** 32 - 1, found.length]), 0);
        return [found];
      },
      () => [found, Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)))],
    ];
    frames.splice(at, 1, ...random.pick(changes)());
  }
  return Buffer.concat(frames);
}

const served: Served = {
  call: (target, params, io) =>
    target === "wait"
      ? new Promise((_, reject) => io.signal.addEventListener("abort", () => reject(io.signal.reason)))
      : Promise.resolve(params),
  async *stream(target, params, io) {
    if (target === "wait") await new Promise<void>((resolve) => io.signal.addEventListener("abort", () => resolve()));
    for (let n = 0; n < 10; n++) yield params;
    return "done";
  },
};

const turn = () => new Promise((resolve) => setImmediate(resolve));
const told = (promise: Promise<unknown>) => promise.catch((error) => error);

/** Calls 1 and 4, of which 4 is aborted, streams 2 and 5, of which 5 is left, and ping 3. */
function ask(peer: Peer): readonly Promise<unknown>[] {
  const stop = new AbortController();
  const items = peer.stream("stream", {}, quiet);
  const asked = [
    told(peer.call("call", {}, quiet)),
    told(items.next()),
    told(peer.ping()),
    told(peer.call("call", {}, { signal: stop.signal })),
  ];
  const left = peer.stream("stream", {}, quiet);
  asked.push(told(left.next()), told(left.return(undefined)));
  stop.abort();
  return asked;
}

async function one(random: Random): Promise<string> {
  const ends: GatewayError[] = [];
  const peer = new Peer({ clock: createManualClock(), served, abortMs: 1_000, window: 4, calls: 4, tellsFaults: random.chance(0.5) });
  const handler = frameSocket(peer, { onEnd: (error) => void ends.push(error), unsentBytes: 20_000 });
  const takes = random.chance(0.2) ? 0 : Number.POSITIVE_INFINITY;
  const socket: ByteSocket = { write: (written) => Math.min(takes, written.length), end() {}, terminate() {} };
  handler.open(socket);
  const asked = ask(peer);
  const input = hostile(random);
  for (let at = 0; at < input.length; ) {
    const size = random.chance(0.5) ? input.length : 1 + random.below(random.pick([2, 20, 300]));
    handler.data(socket, Buffer.from(input.subarray(at, at + size)));
    at += size;
    if (random.chance(0.1)) await turn();
  }
  await turn();
  const ending = ends[0]?.code ?? "went on";
  // What is refused was looked for: it is no accident of this side.
  expect(ends[0]?.message).not.toBe("a frame could not be taken");
  if (ends.length === 0) peer.end(pluginErrors.PLUGIN_GONE("the try is over"));
  handler.close(socket);
  await Promise.all(asked);
  for (let turns = 0; peer.running > 0 && turns < 20; turns++) await turn();
  expect([peer.awaiting, peer.running, ends.length]).toEqual([0, 0, 1]);
  return ending;
}

async function alive(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    Bun.gc(true);
    await turn();
  }
  return heapStats().objectCount;
}

test(
  `${tries} connections of hostile frames (seed ${seed}) end with a code or go on, and leave nothing behind`,
  async () => {
    const endings: Record<string, number> = {};
    let before = 0;
    for (let round = 0; round < tries; round++) {
      if (round === Math.floor(tries / 4)) before = await alive();
      const ending = await one(randomOf(seedOf(seed, round))).catch((error) => {
        throw new Error(`round ${round} of seed ${seed}: ${error}`, { cause: error });
      });
      endings[ending] = (endings[ending] ?? 0) + 1;
    }
    console.log(JSON.stringify(endings));
    expect(Object.keys(endings).sort()).toEqual(["PLUGIN_PROTOCOL", "went on"]);
    expect(Math.min(...Object.values(endings))).toBeGreaterThan(tries / 10);
    // A peer with its frames would be some 30.
    expect(((await alive()) - before) / (tries * 0.75)).toBeLessThan(1);
  },
  10 * minutes,
);
