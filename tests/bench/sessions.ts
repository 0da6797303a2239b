/**
 * How long lists and histories take: 100,000 sessions, and one of 10,000 messages, in the room itself and over a socket; and what a bare
 * server takes to send the same answer.
 * `bun tests/bench/sessions.ts [--json]`; numbers are milliseconds.
 */
import { performance } from "node:perf_hooks";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { assistant, entry, io, serveSessions, user } from "../support/sessions.ts";

const sessionCount = 100_000;
const messageCount = 10_000;
const key = "agent:main:main";

const words = "alpha beta gamma delta epsilon zeta theta iota kappa lambda sigma omega".split(" ");
let seed = 1;
const random = (below: number) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed >>> 8) % below;
};
const phrase = (length: number) => Array.from({ length }, () => words[random(words.length)]).join(" ");

interface Result {
  readonly what: string;
  readonly p50: number;
  readonly p99: number;
  /** The same answer, ready, from a bare server. */
  readonly bare?: number;
  readonly target?: number;
}

async function timed(run: () => Promise<unknown>, rounds: number): Promise<{ readonly p50: number; readonly p99: number }> {
  for (let round = 0; round < 20; round++) await run();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round(times[Math.floor(times.length * share)]! * 1_000) / 1_000;
  return { p50: at(0.5), p99: at(0.99) };
}

async function measure(what: string, run: () => Promise<unknown>, target?: number, rounds = 200): Promise<Result> {
  return { what, ...(await timed(run, rounds)), ...(target !== undefined && { target }) };
}

await using host = await serveSessions();
const { contract } = host.sessions;
const { client } = host;
let ready: unknown = {};
const bareServer = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request, { data: undefined }) ? undefined : new Response("no")),
  websocket: {
    open: (socket) => void socket.send(JSON.stringify({ type: "event", event: "connect.challenge", payload: { nonce: "", ts: 0 } })),
    message(socket, text) {
      const { id } = JSON.parse(text as string) as { id: string };
      socket.send(JSON.stringify({ type: "res", id, ok: true, payload: ready }));
    },
  },
});
const bareClient = await WireClient.connect({ url: `ws://127.0.0.1:${bareServer.port}` });

async function asked(what: string, method: string, params: object, target?: number): Promise<Result> {
  const result = await measure(what, () => client.call(method, params), target);
  ready = await client.call(method, params);
  const { p50 } = await timed(() => bareClient.call(method, params), 200);
  for (const { frames } of [client, bareClient]) frames.length = 0;
  return { ...result, bare: p50 };
}
for (let from = 0; from < sessionCount; from += 1_000) {
  await Promise.all(
    Array.from({ length: 1_000 }, (_, index) => {
      const n = from + index;
      const at = 1_700_000_000_000 + ((n * 7_919) % sessionCount) * 1_000;
      return host.store.write([
        `insert into session (key, agentId, sessionId, owner, label, title, preview, createdAt, updatedAt, lastInteractionAt, readAt, facets)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?8, ?8, ?9)`,
        ...[`agent:a${n % 5}:chat:home:${n}`, `a${n % 5}`, `id-${n}`, n % 10 === 0 ? 1 : 0, n % 20 === 0 ? `label ${n}` : null],
        ...[`${phrase(4)} ${n}`, phrase(20), at, JSON.stringify({ model: "acme/one", inputTokens: n, outputTokens: n })],
      ]);
    }),
  );
}
await contract.ensure({ key }, io);
for (let from = 0; from < messageCount; from += 500) {
  const entries = Array.from({ length: 500 }, (_, index) => {
    const n = from + index;
    return entry(`m${n}`, n % 2 === 0 ? user(phrase(30)) : assistant(phrase(60)));
  });
  await contract.append({ key, entries }, io);
}

const list = (what: string, params: object, target?: number) => asked(`sessions.list, ${what}`, "sessions.list", params, target);
let appended = 0;
const results = [
  await list("first page of 100", {}, 5),
  await list("titles and previews", { includeDerivedTitles: true, includeLastMessage: true }, 5),
  await list("one agent's", { agentId: "a3" }, 5),
  await list("the owner's first", { ownerFirst: true }, 5),
  await list("by last interaction", { sortBy: "lastInteractionAt" }, 5),
  await list("archived and not", { archived: "all" }, 5),
  await list("page at 50,000", { offset: 50_000 }),
  await list("search for a rare text", { search: "4711" }),
  await list("search for a common word", { search: "alpha" }),
  await asked("sessions.search, three words", "sessions.search", { query: "alpha beta gam" }),
  await measure("history: last 200 of 10,000", () => contract.path({ key, limit: 200 }, io), 5),
  await measure("history: 200 in the middle", () => contract.path({ key, limit: 200, before: 5_000 }, io), 5),
  await asked("sessions.get, last 200 of 10,000", "sessions.get", { key, limit: 200 }, 5),
  await asked("sessions.describe", "sessions.describe", { key }),
  await measure("append one message, durable", () => contract.append({ key, entries: [entry(`x${appended++}`)] }, io)),
];
if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ sessions: sessionCount, messages: messageCount, results }));
} else {
  console.log(`${sessionCount} sessions, one of ${messageCount} messages; milliseconds, over a socket unless it says history or append`);
  for (const { what, p50, p99, bare, target } of results) {
    const verdict = target === undefined ? "" : p50 <= target ? `within ${target}` : `MISSES ${target}`;
    const beside = bare === undefined ? "" : `bare ${bare.toFixed(3)}`;
    console.log(`${what.padEnd(42)} p50 ${p50.toFixed(3).padStart(8)}  p99 ${p99.toFixed(3).padStart(8)}  ${beside.padEnd(12)} ${verdict}`);
  }
}
await bareClient.close();
await bareServer.stop(true);
