/**
 * What the bus costs: requests a second and their CPU beside a bare JSON echo of the same run, and how far events fan out. The server
 * runs in a process of its own, on the first core when `taskset` is there, the load on the second.
 *
 * `bun tests/bench/bus.ts [--json <file>] [--seconds <n>]`
 */
import { parseArgs } from "node:util";
import { median } from "./figures.ts";
import { takeCore } from "./machine.ts";
import { helloFor, type LoadSocket, loadFor, openSockets } from "./raw-load.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

const { values } = parseArgs({ options: { json: { type: "string" }, seconds: { type: "string", default: "1" } } });
const seconds = Number(values.seconds);
const roundsKept = 7;
const request = { method: "bench-echo.echo", params: { text: "what is the weather in the mountains", n: 7 } };

const open = ({ port, token }: ServerProcess, count: number) => openSockets(port, count, token === "" ? undefined : helloFor(token));

/** Loads the sockets of one server for a while, and says how many answers came and what they cost the server. */
async function load(server: ServerProcess, sockets: readonly LoadSocket[], depth: number) {
  const { cpuMs } = await server.ask("cpu");
  const { answered, tookMs } = await loadFor(sockets, request, depth, seconds);
  return { perSecond: (answered / tookMs) * 1_000, cpuUs: (((await server.ask("cpu")).cpuMs - cpuMs) * 1_000) / answered };
}

/** Both servers in turns, so that what else the machine does meets both; medians of the rounds. */
async function requests(connections: number, depth: number) {
  await using bare = await startServer("bare");
  await using bus = await startServer("bus");
  const sockets = { bare: await open(bare, connections), bus: await open(bus, connections) };
  const rounds: { bare: Awaited<ReturnType<typeof load>>; bus: Awaited<ReturnType<typeof load>> }[] = [];
  for (let round = 0; round <= roundsKept; round++) {
    rounds.push({ bare: await load(bare, sockets.bare, depth), bus: await load(bus, sockets.bus, depth) });
  }
  rounds.shift(); // the first one warms up
  for (const socket of [...sockets.bare, ...sockets.bus]) socket.close();
  return {
    bare: median(rounds.map(({ bare }) => bare.perSecond)),
    bus: median(rounds.map(({ bus }) => bus.perSecond)),
    ratio: median(rounds.map(({ bare, bus }) => bus.perSecond / bare.perSecond)),
    bareCpu: median(rounds.map(({ bare }) => bare.cpuUs)),
    busCpu: median(rounds.map(({ bus }) => bus.cpuUs)),
    cpuRatio: median(rounds.map(({ bare, bus }) => bare.cpuUs / bus.cpuUs)),
  };
}

async function fanOut(kind: "bare" | "bus", subscribers: number) {
  await using server = await startServer(kind);
  const sockets = await open(server, subscribers);
  let received = 0;
  let expected = Number.POSITIVE_INFINITY;
  let done: (() => void) | undefined;
  for (const socket of sockets) {
    socket.onFrames = (count) => {
      received += count;
      if (received >= expected) done?.();
    };
  }
  const burst = async (events: number) => {
    received = 0;
    expected = events * subscribers;
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const before = await server.ask("cpu");
    const began = performance.timeOrigin + performance.now();
    await server.ask("emit", events);
    await all;
    const ended = performance.timeOrigin + performance.now();
    const after = await server.ask("cpu");
    return { tookMs: ended - began, cpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / expected };
  };
  await burst(50);
  const { tookMs, cpuUs } = await burst(Math.max(50, Math.round(100_000 / subscribers)));
  const delivered = expected;
  const lags: number[] = [];
  for (let n = 0; n < 100; n++) lags.push((await burst(1)).tookMs);
  lags.sort((a, b) => a - b);
  for (const socket of sockets) socket.close();
  return { perSecond: (delivered / tookMs) * 1_000, cpuUs, lagP50Ms: lags[49]!, lagP99Ms: lags[98]! };
}

takeCore("load", process.pid);
const round = (value: number, digits = 0) => Number(value.toFixed(digits));
const rows: Record<string, unknown>[] = [];
for (const [connections, depth] of [
  [1, 1],
  [1, 16],
  [100, 1],
  [100, 16],
] as const) {
  const { bare, bus, ratio, bareCpu, busCpu, cpuRatio } = await requests(connections, depth);
  rows.push({
    what: "requests",
    connections,
    inFlight: depth,
    "bare/s": round(bare),
    "bus/s": round(bus),
    "rate %": round(100 * ratio),
    "bare CPU us": round(bareCpu, 2),
    "bus CPU us": round(busCpu, 2),
    "CPU %": round(100 * cpuRatio),
  });
}
for (const subscribers of [100, 1_000]) {
  const bare = await fanOut("bare", subscribers);
  const bus = await fanOut("bus", subscribers);
  rows.push({
    what: "fan-out",
    subscribers,
    "bare/s": round(bare.perSecond),
    "bus/s": round(bus.perSecond),
    "bare CPU us": round(bare.cpuUs, 2),
    "bus CPU us": round(bus.cpuUs, 2),
    "bare lag p50 ms": round(bare.lagP50Ms, 2),
    "bus lag p50 ms": round(bus.lagP50Ms, 2),
    "bus lag p99 ms": round(bus.lagP99Ms, 2),
  });
}
console.table(rows.filter(({ what }) => what === "requests"));
console.table(rows.filter(({ what }) => what === "fan-out"));
if (values.json !== undefined) await Bun.write(values.json, `${JSON.stringify(rows, null, 2)}\n`);
process.exit(0);
