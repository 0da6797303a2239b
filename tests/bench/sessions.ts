/**
 * How long lists and histories take: 100,000 sessions, and one of 10,000 messages, in the room itself and over a socket.
 * `bun tests/bench/sessions.ts [--json]`; numbers are milliseconds.
 */
import { performance } from "node:perf_hooks";
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
  readonly target?: number;
}

async function measure(what: string, run: () => Promise<unknown>, target?: number, rounds = 200): Promise<Result> {
  for (let round = 0; round < 20; round++) await run();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round(times[Math.floor(times.length * share)]! * 1_000) / 1_000;
  return { what, p50: at(0.5), p99: at(0.99), ...(target !== undefined && { target }) };
}

await using host = await serveSessions();
const { contract } = host.sessions;
const { client } = host;
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

const list = (params: object) => () => client.call("sessions.list", params);
let appended = 0;
const results = [
  await measure("sessions.list, first page of 100", list({}), 5),
  await measure("sessions.list with titles and previews", list({ includeDerivedTitles: true, includeLastMessage: true }), 5),
  await measure("sessions.list of one agent", list({ agentId: "a3" }), 5),
  await measure("sessions.list, the owner's first", list({ ownerFirst: true }), 5),
  await measure("sessions.list by last interaction", list({ sortBy: "lastInteractionAt" }), 5),
  await measure("sessions.list, archived and not", list({ archived: "all" }), 5),
  await measure("sessions.list, page at 50,000", list({ offset: 50_000 })),
  await measure("sessions.list, search for a rare text", list({ search: "4711" })),
  await measure("sessions.list, search for a common word", list({ search: "alpha" })),
  await measure("sessions.search, three words", () => client.call("sessions.search", { query: "alpha beta gam" })),
  await measure("history: last 200 of 10,000", () => contract.path({ key, limit: 200 }, io), 5),
  await measure("history: 200 in the middle", () => contract.path({ key, limit: 200, before: 5_000 }, io), 5),
  await measure("sessions.get, last 200 of 10,000", () => client.call("sessions.get", { key, limit: 200 }), 5),
  await measure("sessions.describe", () => client.call("sessions.describe", { key })),
  await measure("append one message, durable", () => contract.append({ key, entries: [entry(`x${appended++}`)] }, io)),
];
if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ sessions: sessionCount, messages: messageCount, results }));
} else {
  console.log(`${sessionCount} sessions, one of ${messageCount} messages; milliseconds, over a socket unless it says history or append`);
  for (const { what, p50, p99, target } of results) {
    const verdict = target === undefined ? "" : p50 <= target ? `within ${target}` : `MISSES ${target}`;
    console.log(`${what.padEnd(42)} p50 ${p50.toFixed(3).padStart(8)}  p99 ${p99.toFixed(3).padStart(8)}  ${verdict}`);
  }
}
