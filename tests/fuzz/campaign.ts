/**
 * Round after round against one gateway, with a good client beside it that must get its answers in time, and an account of the gateway's
 * memory. A round after which something is wrong is cut down and kept in `cases/`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import type { Left } from "../support/watched-gateway.ts";
import type { Move } from "./moves.ts";
import { type Admin, inTime, play } from "./play.ts";
import { randomOf, seedOf } from "./random.ts";
import { type Kind, makeRound, triedIn } from "./rounds.ts";
import { startTarget, type Target } from "./target.ts";

interface CampaignOptions {
  readonly seed: number;
  /** Ends when so many frames, connects, requests and configurations have been tried. */
  readonly tries: number;
  readonly say?: (line: string) => void;
  /** How often the gateway's memory is looked at: at least three times. */
  readonly looks?: number;
}

interface CampaignReport {
  readonly tries: Readonly<Record<Kind, number>>;
  readonly rounds: number;
  /** At equal steps. */
  readonly memory: readonly Left[];
  /** Bytes of heap that each try left behind, from the middle third of the tries to the last. */
  readonly keptPerTry: number;
  /** Slowest answer that the good client got, in milliseconds. */
  readonly slowestMs: number;
}

export interface Case {
  /** What was seen when it was found. */
  readonly what: string;
  readonly moves: readonly Move[];
}

/** Mostly frames: they are the widest door. */
const shares: readonly Kind[] = [
  ...Array.from({ length: 12 }, (): Kind => "frames"),
  "connects",
  "connects",
  "sockets",
  "sockets",
  "http",
  "http",
  "configurations",
];
const roundsBetweenTurns = 20;
/** So many rounds are done again when something was wrong after the last of them, and so often. */
const roundsKept = 3;
const mostReplays = 80;
/** As many as show what stays; each takes a second or two. */
const enoughLooks = 24;
const casesFolder = join(import.meta.dir, "cases");

interface Good extends AsyncDisposable {
  readonly admin: Admin;
  /** Asks what has one right answer; now and then holds a conversation. */
  check(round: number): Promise<void>;
  readonly slowestMs: () => number;
}

async function connectGood(target: Target): Promise<Good> {
  const connect = () => WireClient.connect({ url: target.url, token: target.token });
  let client = await connect();
  let slowest = 0;
  // A configuration may close sockets, and must let whoever knows the token in again.
  const call = async (method: string, params: unknown) => {
    const began = performance.now();
    const answer = await inTime(`${method} of a good client`, client.call<unknown>(method, params));
    slowest = Math.max(slowest, performance.now() - began);
    return answer;
  };
  const configuration = async () => (await client.call<{ hash: string }>("config.get", {})).hash;
  await target.restore();
  const restored = await configuration();
  /** Another client may have given the agent a model that does not exist, as is its right, and what it asked last may still be on its way. */
  const converse = async (runId: string): Promise<void> => {
    await target.restore();
    const before = await configuration();
    await call("chat.send", { sessionKey: "agent:main:good", message: "hello", idempotencyKey: runId });
    const ended = client.event(
      "chat",
      (payload) => payload["runId"] === runId && payload["state"] !== "delta" && payload["state"] !== "status",
    );
    const { state, errorMessage } = await inTime("a turn of a good client", ended);
    if (state === "final") return;
    if (before !== restored || (await configuration()) !== restored) return converse(`${runId}-again`);
    throw new Error(`a good client's turn ended with ${state}: ${errorMessage}`);
  };
  return {
    slowestMs: () => slowest,
    async admin(method, raw) {
      try {
        await client.call(method, { raw, baseHash: await configuration() });
      } catch {
        // silent-ok: a configuration that is refused has been judged, and a socket that a configuration closed is opened again below
      }
      await target.restore();
      await client.close();
      client = await connect();
    },
    async check(round) {
      const approvals = await call("exec.approval.list", {});
      // What a client asks for in order waits, and is no fault.
      if (!Array.isArray(approvals)) throw new Error(`a good client got a wrong answer: ${JSON.stringify(approvals)}`);
      await call("sessions.list", { limit: 5 });
      if (round % roundsBetweenTurns === 0) await converse(`good-${round}`);
      client.frames.length = 0;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Throws when something was wrong after the round. */
async function tryRound(target: Target, good: Good, moves: readonly Move[], round: number): Promise<void> {
  const before = target.faults.length;
  try {
    await play(target, good.admin, moves);
    await good.check(round);
  } catch (error) {
    throw target.faults.length > before ? new Error(target.faults.slice(before).join("\n"), { cause: error }) : error;
  }
  if (target.faults.length > before) throw new Error(target.faults.slice(before).join("\n"));
}

class NotStarted extends Error {}

/** Throws what went wrong, or `NotStarted`. */
export async function replay({ moves }: Pick<Case, "moves">): Promise<void> {
  const target = await startTarget().catch((cause: unknown) => {
    throw new NotStarted("the gateway did not start", { cause });
  });
  try {
    await using good = await connectGood(target);
    await tryRound(target, good, moves, 0);
  } finally {
    await target[Symbol.asyncDispose]();
  }
  // It has let what was running finish.
  if (target.faults.length > 0) throw new Error(target.faults.join("\n"));
}

/** Leaves out what is not needed for the failure, half after half. What does not fail when it is done again is left whole. */
async function cutDown(moves: readonly Move[]): Promise<readonly Move[]> {
  let replays = 0;
  const fails = (some: readonly Move[]) =>
    ++replays <= mostReplays &&
    replay({ moves: some }).then(
      () => false,
      (error: unknown) => !(error instanceof NotStarted),
    );
  if (!(await fails(moves))) return moves;
  let left = moves;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < left.length; ) {
      const fewer = left.toSpliced(from, size);
      if (await fails(fewer)) left = fewer;
      else from += size;
    }
  }
  return left;
}

/** What the last rounds did, as one: what they started may have gone wrong later. */
const joined = (rounds: readonly (readonly Move[])[]): Move[] =>
  rounds.flatMap((moves, round) => moves.map((move) => ("socket" in move ? { ...move, socket: move.socket + 100 * round } : move)));

async function keep(rounds: readonly (readonly Move[])[], name: string, error: unknown): Promise<never> {
  const what = error instanceof Error ? error.message : String(error);
  const file = join(casesFolder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ what, moves: await cutDown(joined(rounds)) } satisfies Case, null, 2)}\n`);
  throw new Error(`${what}\nkept as ${file}`, { cause: error });
}

/**
 * The first third fills what is bounded. What comes and goes shows in some looks and not in others, what stays in each: so the least of
 * the looks of a third is what that third has left.
 */
function keptPerTry(memory: readonly Left[], tries: number): number {
  const third = memory.length / 3;
  const least = (from: number) => Math.min(...memory.slice(from, from + third).map(({ heap }) => heap));
  return (least(2 * third) - least(third)) / (tries / 3);
}

export async function campaign({ seed, tries: wanted, say = () => {}, looks = enoughLooks }: CampaignOptions): Promise<CampaignReport> {
  await using target = await startTarget();
  await using good = await connectGood(target);
  const order = randomOf(seed);
  const tries: Record<Kind, number> = { frames: 0, connects: 0, sockets: 0, http: 0, configurations: 0 };
  const total = () => Object.values(tries).reduce((sum, count) => sum + count, 0);
  const memory: Left[] = [];
  const recent: (readonly Move[])[] = [];
  let round = 0;
  for (; memory.length < looks; round++) {
    const kind = order.pick(shares);
    const moves = makeRound(kind, seedOf(seed, round), target.methods);
    recent.push(moves);
    if (recent.length > roundsKept) recent.shift();
    const name = `${kind}-${(seedOf(seed, round) >>> 0).toString(16)}`;
    await tryRound(target, good, moves, round).catch((error: unknown) => keep(recent, name, error));
    tries[kind] += triedIn(moves);
    if (total() < (wanted * (memory.length + 1)) / looks) continue;
    await target.restore();
    memory.push(await target.memory());
    say(`${total().toLocaleString("en-US")} tries, ${JSON.stringify(memory.at(-1))}`);
  }
  return { tries, rounds: round, memory, keptPerTry: keptPerTry(memory, total()), slowestMs: good.slowestMs() };
}
