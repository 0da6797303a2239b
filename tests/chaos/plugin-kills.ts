/** A gateway of 50 sessions whose plugins are killed one after another, and what has come of every call when all is over. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "@pincer/plugin-sdk/runtime/deadline";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { WireClient } from "@pincer/plugin-sdk/testing/client";
import { treeOf } from "../../plugin-host/sandbox/use.ts";
import { connectTurns } from "../bench/turn-client.ts";
import { token } from "./home-config.ts";
import { Life } from "./life.ts";
import { followBystander } from "./plugin-bystander.ts";
import { pluginComplaints, type Turn, type Work } from "./plugin-checks.ts";
import { killsOf, PluginOutside, type Victim, type Wish } from "./plugin-outside.ts";
import { Random } from "./random.ts";

interface KillsPlan {
  readonly seed: number;
  readonly kills: number;
  readonly sessions?: number;
}

export interface KillsOutcome {
  readonly complaints: readonly string[];
  /** How often a plugin was killed, by when. */
  readonly kills: Readonly<Record<string, number>>;
  readonly turns: number;
  /** Turns that ended with an error that says so. */
  readonly failedTurns: number;
  /** Calls, by tool and by what came of them. */
  readonly calls: Readonly<Record<string, number>>;
  readonly ticks: number;
  readonly longestGapMs: number;
}

/** A turn, or the end of all, that takes longer hangs. */
const hangsMs = 60_000;
const workers = 8;
/** Bystanders' calls, and turns, come over several sockets. */
const sockets = 5;
const folder = join(import.meta.dir, "plugins");
const pluginsOf = ["plugin-control", "chaos-pool", "chaos-desk", "chaos-bystander"];

const configOf = (outside: PluginOutside, seed: number) => ({
  gateway: {
    port: 0,
    auth: { token },
    // Kills come as fast as they can: neither the pause nor the budget of a plugin that ends by itself must end the trial.
    plugins: { crashes: 1_000_000, retryFirstMs: 5, retryLongestMs: 50 },
    lanes: { backoffFirstMs: 1, backoffLongestMs: 20, retryMs: 5 },
  },
  models: { default: "scripted/one" },
  scripted: { provider: { url: outside.script.url }, tools: { url: outside.script.url } },
  chaos: { pool: { url: outside.url }, desk: { url: outside.url } },
  plugins: {
    agent: { config: { modelRetryFirstMs: 60, deltaMs: 50 } },
    "scripted-provider": { isolation: "process" },
    "scripted-tools": { isolation: "process" },
    // What is killed is called from the gateway, and from another process.
    "chaos-desk": { isolation: seed % 2 === 0 ? "inline" : "process" },
  },
});

function wishOf(random: Random): Wish {
  const tools = () => ["ask", "spend", "note", "look"].filter(() => random.isTrue(0.6));
  return {
    rounds: Array.from({ length: random.upTo(2) }, tools).filter((round) => round.length > 0),
    pieces: 1 + random.upTo(5),
    paceMs: random.upTo(3),
  };
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false; // silent-ok: it is gone
  }
};

export async function runPluginKills({ seed, kills, sessions = 50 }: KillsPlan): Promise<KillsOutcome> {
  const random = new Random(seed);
  const home = mkdtempSync(join(tmpdir(), "pincer-plugin-kills-"));
  const seen = new Set<number>();
  const turns: Turn[] = [];
  const works: Work[] = [];
  let admin: WireClient | undefined;

  const statusOf = async (pluginId: string) => {
    const { plugins } = await admin!.call<{ plugins: { pid?: number; generation: number; state: string; enforced: boolean }[] }>(
      "plugins.status",
      { pluginId },
    );
    return plugins[0]!;
  };
  const kill = async (victim: Victim): Promise<boolean> => {
    const { pid } = await statusOf(victim);
    const tree = pid === undefined ? [] : [...treeOf(pid)].map((each) => each.pid);
    // The plugin's own process, as the machine does that runs out of memory; sometimes what started it.
    const target = random.isTrue(0.8) ? tree.at(-1) : tree[0];
    if (target === undefined) return false;
    for (const each of tree) seen.add(each);
    try {
      process.kill(target, "SIGKILL");
    } catch {
      return false; // silent-ok: it has ended meanwhile
    }
    // Whatever begins until the gateway notices is cut as well.
    while ((await statusOf(victim)).pid === pid);
    return true;
  };

  const outside = new PluginOutside(killsOf(random, kills), kill);
  writeFileSync(join(home, "pincer.json5"), JSON.stringify(configOf(outside, seed)), { mode: 0o600 });
  const life = new Life({ home, folder, more: pluginsOf });
  const found: string[] = [];
  let isOver = false;
  void outside.over.then(() => {
    isOver = true;
  });
  try {
    const ready = await life.ready;
    if (ready === undefined) throw new Error(`the gateway did not start: ${life.refusal?.message ?? ""}`);
    const { url } = ready;
    admin = await WireClient.connect({ url, token });
    const clients = await Promise.all(
      Array.from({ length: sockets }, () => connectTurns({ url, token }, ["operator.read", "operator.write"])),
    );
    const bystander = await followBystander(url.replace(/^ws/, "http"), clients);
    const before = await statusOf("chaos-bystander");

    let next = 0;
    const session = async (number: number) => {
      for (let first = true; first || !isOver; first = false) {
        const name = `m${next++}`;
        outside.wishes.set(name, wishOf(random));
        const turn = clients[number % sockets]!.turn(`agent:main:kills-${number}`, `Do ${name}.`);
        const error = await within(clock, hangsMs, turn, `the turn of ${name}`).then(
          () => undefined,
          (reason: unknown) => String(reason),
        );
        outside.turnEnded(name);
        turns.push({ name, error });
      }
    };
    const worker = async (number: number) => {
      for (let round = 0; round === 0 || !isOver; round++) {
        const id = `w${number}-${round}`;
        const asked = clients[number % sockets]!.call<Work["ended"]>("chaos-desk.work", { id });
        const ended = await within(clock, hangsMs, asked, `the job ${id}`).catch((error: unknown) => ({
          state: String(error),
          result: null,
        }));
        works.push({ id, ended });
      }
    };
    await Promise.all([
      ...Array.from({ length: sessions }, (_, number) => session(number)),
      ...Array.from({ length: workers }, (_, number) => worker(number)),
    ]);
    await life.idle();
    const after = await statusOf("chaos-bystander");
    found.push(...(await bystander.stop()));
    if (!before.enforced) found.push("the plugins' processes are not confined");
    if (before.pid !== after.pid || before.generation !== after.generation)
      found.push(
        `the bystander was process ${before.pid}, generation ${before.generation}, and is ${after.pid}, generation ${after.generation}`,
      );
    for (const client of clients) client.close();
    await admin.close();
    const end = await life.stop();
    if (end.by !== "itself" || end.code !== 0) found.push(`the gateway did not stop as it should: ${JSON.stringify(end)}`);
    const left = [...seen].filter(isAlive);
    if (left.length > 0) found.push(`processes of plugins are left: ${left.join(", ")}`);
    const log = readFileSync(join(home, "gateway.log"), "utf8");
    found.push(...pluginComplaints({ outside, turns, works, log }));
    return outcomeOf(found, outside, turns, bystander);
  } finally {
    if (!life.isOver) await life.kill();
    await outside.stop();
    if (found.length === 0) rmSync(home, { recursive: true, force: true });
    else found.push(`(kept in ${home})`);
  }
}

function outcomeOf(
  complaints: readonly string[],
  { killed, results }: PluginOutside,
  turns: readonly Turn[],
  { ticks, longestGapMs }: { readonly ticks: number; readonly longestGapMs: number },
): KillsOutcome {
  const calls: Record<string, number> = {};
  for (const [id, { isError }] of results) {
    const what = `${id.slice(id.lastIndexOf("-") + 1)} ${isError ? "cut" : "answered"}`;
    calls[what] = (calls[what] ?? 0) + 1;
  }
  const kills: Record<string, number> = {};
  for (const { victim, at } of killed) {
    const what = at === "elsewhere" ? `${victim} elsewhere` : at;
    kills[what] = (kills[what] ?? 0) + 1;
  }
  return { complaints, kills, calls, turns: turns.length, failedTurns: turns.filter(({ error }) => error).length, ticks, longestGapMs };
}

/** In a line. */
export function shownKills({ kills, turns, failedTurns, calls, ticks, longestGapMs }: KillsOutcome): string {
  const count = Object.values(kills).reduce((sum, times) => sum + times, 0);
  const told = Object.entries(calls).map(([what, times]) => `${what} ${times}`);
  const turned = failedTurns === 0 ? `${turns} turns` : `${turns} turns, ${failedTurns} of them ended with an error that says why`;
  return `${count} kills of plugins: ${turned}; calls: ${told.sort().join(", ")}; the bystander's stream: ${ticks} lines, at most ${Math.round(longestGapMs)} ms apart`;
}
