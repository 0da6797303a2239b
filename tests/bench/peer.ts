/** What a call across a process costs: the frames of a plugin's socket beside a bare echo on a unix socket of the same run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { frameSocket } from "@pincer/plugin-sdk/runtime/frames";
import { Peer } from "@pincer/plugin-sdk/runtime/peer";
import { systemClock } from "@pincer/plugin-sdk/system-clock";
import { type Figure, median, quantile } from "./figures.ts";
import type { Part } from "./part.ts";
import { type OtherEnd, startOtherEnd } from "./peer-process.ts";

const rounds = 9;
export const inFlight = 64;
const items = 1_000;
/** A call of some 300 bytes, as those of tools are. */
export const params = {
  session: "agent:main:main",
  text: "x".repeat(170),
  n: 7,
  flags: { quiet: true, limit: null, lines: [1, 2, 3] },
  id: "call_01234567",
};
const frameBytes = 11 + JSON.stringify(["tool/exec.run", params]).length;
const megabyte = new Uint8Array(2 ** 20);
export const io = { signal: new AbortController().signal };

/** One side of what is compared. */
interface Side {
  /** There and back. */
  small(): Promise<unknown>;
  large(): Promise<unknown>;
}

/** Waits in the order in which it wrote: what comes back is as long as what went. */
export async function bareSide(unix: string): Promise<Side> {
  type Connection = { write(bytes: Uint8Array): number };
  const opened = Promise.withResolvers<Connection>();
  const waiting: { left: number; readonly resolve: () => void }[] = [];
  let rest: Uint8Array = new Uint8Array(0);
  const write = (socket: Connection) => {
    rest = rest.subarray(Math.max(0, socket.write(rest)));
  };
  const data = (_: unknown, { length }: Uint8Array) => {
    let left = length;
    for (let first = waiting[0]; first && left > 0; first = waiting[0]) {
      const count = Math.min(left, first.left);
      left -= count;
      first.left -= count;
      if (first.left > 0) return;
      waiting.shift();
      first.resolve();
    }
  };
  Bun.listen({ unix, socket: { open: (socket) => opened.resolve(socket), data, drain: write } });
  const socket = await opened.promise;
  const echo = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => {
      waiting.push({ left: bytes.length, resolve });
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
      write(socket);
    });
  const small = new Uint8Array(frameBytes);
  return { small: () => echo(small), large: () => echo(megabyte) };
}

async function peerSide(unix: string): Promise<Side & { stream(): Promise<void> }> {
  const refuse = () => {
    throw new Error("the bench serves nothing");
  };
  const served = { call: refuse, stream: refuse };
  const peer = new Peer({ clock: systemClock, served, abortMs: 5_000, tellsFaults: false });
  const opened = Promise.withResolvers<void>();
  const handler = frameSocket(peer, { onEnd: ({ message }) => opened.reject(new Error(message)) });
  const open: typeof handler.open = (socket) => {
    handler.open(socket);
    opened.resolve();
  };
  Bun.listen({ unix, socket: { ...handler, open } });
  await opened.promise;
  await peer.ping();
  return {
    small: () => peer.call("tool/exec.run", params, io),
    large: () => peer.call("media/echo.run", { bytes: megabyte }, io),
    async stream() {
      let read = 0;
      for await (const _ of peer.stream("provider/model.stream", items, io)) read++;
      if (read !== items) throw new Error(`expected ${items} items, came ${read}`);
    },
  };
}

/** Microseconds of each run, one at a time. */
export async function oneAtATime(run: () => Promise<unknown>, seconds: number): Promise<readonly number[]> {
  const took: number[] = [];
  const until = performance.now() + seconds * 1_000;
  for (let began = performance.now(); began < until; began = performance.now()) {
    await run();
    took.push((performance.now() - began) * 1_000);
  }
  return took;
}

export async function perSecond(run: () => Promise<unknown>, seconds: number): Promise<number> {
  const began = performance.now();
  const until = began + seconds * 1_000;
  let answered = 0;
  const one = async () => {
    while (performance.now() < until) {
      await run();
      answered++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  return (answered / (performance.now() - began)) * 1_000;
}

/** The sides in turns, so that what else the machine does meets both; medians of the rounds. */
export const peer: Part = async ({ seconds }) => {
  const folder = mkdtempSync(join(tmpdir(), "pincer-bench-peer-"));
  const start = (kind: OtherEnd) => startOtherEnd(kind, join(folder, kind));
  const sides = { bare: bareSide(join(folder, "bare")), peer: peerSide(join(folder, "peer")) };
  await using _bare = start("bare");
  await using _peer = start("peer");
  const [bare, peer] = await Promise.all([sides.bare, sides.peer]);
  const slice = seconds / rounds;
  const found: Record<string, number>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const bareSmall = await oneAtATime(bare.small, slice);
    const small = await oneAtATime(peer.small, slice);
    found.push({
      bareP50: median(bareSmall),
      p50: median(small),
      bareP99: quantile(bareSmall, 0.99),
      p99: quantile(small, 0.99),
      bareRate: await perSecond(bare.small, slice),
      rate: await perSecond(peer.small, slice),
      stream: median(await oneAtATime(peer.stream, slice)) / 1_000,
      bareLarge: median(await oneAtATime(bare.large, slice)) / 1_000,
      large: median(await oneAtATime(peer.large, slice)) / 1_000,
    });
  }
  rmSync(folder, { recursive: true });
  found.shift(); // the first one warms up
  const of = (name: string) => median(found.map((round) => round[name] ?? Number.NaN));
  const beyond = median(found.map(({ p50 = Number.NaN, bareP50 = Number.NaN }) => p50 - bareP50));
  const part = "calls to a process of its own";
  const figure = (what: string, unit: string, value: number, more: Partial<Figure> = {}): Figure => ({ part, what, unit, value, ...more });
  return [
    figure(`round trip of ${frameBytes} bytes, p50`, "us", of("p50"), { bare: of("bareP50") }),
    figure("round trip, p50: beyond the bare echo", "us", beyond, { target: { atMost: 30 } }),
    figure("round trip, p99", "us", of("p99"), { bare: of("bareP99") }),
    figure(`${inFlight} in flight: calls`, "/s", of("rate"), { bare: of("bareRate") }),
    figure(`a stream of ${items} items`, "ms", of("stream")),
    figure("1 MiB of bytes, there and back", "ms", of("large"), { bare: of("bareLarge") }),
  ];
};
