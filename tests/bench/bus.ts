/**
 * What the bus costs: requests a second and their CPU beside a bare JSON echo of the same run, and how far events fan out. The server
 * runs in a process of its own, on the first core when `taskset` is there, the load on the second.
 *
 * `bun tests/bench/bus.ts [--json <file>] [--seconds <n>]`
 */
import { defineEvent } from "@pincer/plugin-sdk/event";
import { Type } from "@sinclair/typebox";
import { startBus } from "../support/bus.ts";
import { method } from "../support/methods.ts";
import { frameOf } from "../support/raw-socket.ts";
import { type LoadSocket, openLoadSocket } from "./raw-load.ts";

type Kind = "bare" | "bus";
const self = import.meta.path;
const argument = (name: string) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const seconds = Number(argument("--seconds") ?? 1);
const roundsKept = 7;

const Echo = Type.Object({ text: Type.String({ maxLength: 1_000 }), n: Type.Integer({ minimum: 0 }) }, { additionalProperties: false });
const params = { text: "what is the weather in the mountains", n: 7 };
const payload = { runId: "r-0123456789", stream: "assistant", seq: 1, data: { delta: " token", text: "x".repeat(200) } };

// --- the servers ---

async function serve(kind: Kind): Promise<{ port: number; token: string; emit: (count: number) => void }> {
  if (kind === "bare") {
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) => (server.upgrade(request, { data: undefined }) ? undefined : new Response("no")),
      websocket: {
        open: (socket) => void socket.subscribe("all"),
        message(socket, text) {
          const { id, params } = JSON.parse(text as string);
          socket.send(JSON.stringify({ type: "res", id, ok: true, payload: params }));
        },
      },
    });
    const emit = (count: number) => {
      for (let n = 0; n < count; n++) server.publish("all", JSON.stringify({ type: "event", event: "agent", payload, seq: n }));
    };
    return { port: server.port!, token: "", emit };
  }
  const echo = method("bench.echo", (given) => given, { scope: "operator.read", params: Echo, result: Echo });
  const agent = defineEvent({ name: "agent", summary: "For the bench.", scope: "operator.read", payload: Type.Unknown() });
  const host = await startBus({ methods: [echo], settings: { checkResults: false, handshakes: 2_000 } });
  host.bus.onConnection(({ id }) => void host.bus.subscribe(id, "session:main"));
  host.plugins.events.set("agent", agent);
  const emit = (count: number) => {
    for (let n = 0; n < count; n++) host.bus.emit(agent, payload, { topics: ["session:main"] });
  };
  return { port: Number(new URL(host.url).port), token: host.token, emit };
}

if (argument("--serve")) {
  const { port, token, emit } = await serve(argument("--serve") as Kind);
  process.on("message", ({ ask, count }: { ask: "cpu" | "emit"; count: number }) => {
    if (ask === "emit") emit(count);
    const { user, system } = process.cpuUsage();
    process.send?.({ at: performance.timeOrigin + performance.now(), cpuMs: (user + system) / 1_000, rss: process.memoryUsage.rss() });
  });
  process.send?.({ port, token });
  await new Promise(() => {});
}

// --- the load ---

const pinned = (core: number) => (Bun.which("taskset") && navigator.hardwareConcurrency > 1 ? ["taskset", "-c", String(core)] : []);

interface Answer {
  readonly port: number;
  readonly token: string;
  readonly cpuMs: number;
  readonly rss: number;
  readonly at: number;
}

async function start(kind: Kind) {
  const waiting: ((answer: Answer) => void)[] = [];
  const next = () => new Promise<Answer>((resolve) => void waiting.push(resolve));
  const started = next();
  const child = Bun.spawn([...pinned(0), process.execPath, self, "--serve", kind], {
    ipc: (answer: Answer) => waiting.shift()?.(answer),
    stderr: "inherit",
  });
  const { port, token } = await started;
  const client = { id: "cli", version: "1", platform: "linux", mode: "cli" };
  const connect = { minProtocol: 4, maxProtocol: 4, client, scopes: ["operator.read"], auth: { token } };
  const hello = kind === "bus" ? JSON.stringify({ type: "req", id: "c", method: "connect", params: connect }) : undefined;
  const ask = (ask: "cpu" | "emit", count = 0) => {
    const answer = next();
    child.send({ ask, count });
    return answer;
  };
  const open = async (count: number) => {
    const sockets: LoadSocket[] = [];
    for (let n = 0; n < count; n++) sockets.push(await openLoadSocket(port, hello));
    return sockets;
  };
  return { open, ask, stop: () => child.kill() };
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

/** Loads the sockets of one server for a while, and says how many answers came and what they cost the server. */
async function load(server: Awaited<ReturnType<typeof start>>, sockets: readonly LoadSocket[], depth: number) {
  const frame = frameOf(Buffer.from(JSON.stringify({ type: "req", id: "1:0123456789abcdef", method: "bench.echo", params })));
  const many = Buffer.concat(Array.from({ length: depth }, () => frame));
  let answered = 0;
  let open = 0;
  let stopping = false;
  const { promise: quiet, resolve } = Promise.withResolvers<void>();
  const { cpuMs } = await server.ask("cpu");
  const began = performance.now();
  for (const socket of sockets) {
    socket.onFrames = (count) => {
      answered += count;
      if (!stopping) return socket.write(many.subarray(0, count * frame.length));
      open -= count;
      if (open === 0) resolve();
    };
    open += depth;
    socket.write(many);
  }
  await Bun.sleep(seconds * 1_000);
  stopping = true;
  await quiet;
  const took = performance.now() - began;
  return { perSecond: (answered / took) * 1_000, cpuUs: (((await server.ask("cpu")).cpuMs - cpuMs) * 1_000) / answered };
}

/** Both servers in turns, so that what else the machine does meets both; medians of the rounds. */
async function requests(connections: number, depth: number) {
  const servers = [await start("bare"), await start("bus")] as const;
  const sockets = [await servers[0].open(connections), await servers[1].open(connections)] as const;
  const rounds: { bare: Awaited<ReturnType<typeof load>>; bus: Awaited<ReturnType<typeof load>> }[] = [];
  for (let round = 0; round <= roundsKept; round++) {
    rounds.push({ bare: await load(servers[0], sockets[0], depth), bus: await load(servers[1], sockets[1], depth) });
  }
  rounds.shift(); // the first one warms up
  for (const socket of sockets.flat()) socket.close();
  for (const server of servers) server.stop();
  return {
    bare: median(rounds.map(({ bare }) => bare.perSecond)),
    bus: median(rounds.map(({ bus }) => bus.perSecond)),
    ratio: median(rounds.map(({ bare, bus }) => bus.perSecond / bare.perSecond)),
    bareCpu: median(rounds.map(({ bare }) => bare.cpuUs)),
    busCpu: median(rounds.map(({ bus }) => bus.cpuUs)),
    cpuRatio: median(rounds.map(({ bare, bus }) => bare.cpuUs / bus.cpuUs)),
  };
}

async function fanOut(kind: Kind, subscribers: number) {
  const server = await start(kind);
  const sockets = await server.open(subscribers);
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
    const emitted = await server.ask("emit", events);
    await all;
    const ended = performance.timeOrigin + performance.now();
    const after = await server.ask("cpu");
    return { tookMs: ended - began, emitMs: emitted.at - began, cpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / expected };
  };
  await burst(50);
  const { tookMs, cpuUs } = await burst(Math.max(50, Math.round(100_000 / subscribers)));
  const delivered = expected;
  const lags: number[] = [];
  for (let n = 0; n < 100; n++) lags.push((await burst(1)).tookMs);
  lags.sort((a, b) => a - b);
  for (const socket of sockets) socket.close();
  server.stop();
  return { perSecond: (delivered / tookMs) * 1_000, cpuUs, lagP50Ms: lags[49]!, lagP99Ms: lags[98]! };
}

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
const file = argument("--json");
if (file) await Bun.write(file, `${JSON.stringify(rows, null, 2)}\n`);
process.exit(0);
