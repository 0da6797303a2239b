/** One home that dies again and again under load, is left alone until it rests, and is then looked at. Each death is a trial. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock as clock } from "@pincer/plugin-sdk/system-clock";
import { createAudit } from "../../kernel/access/audit.ts";
import { openKeys } from "../../kernel/access/keys.ts";
import { lanePoints } from "../../kernel/lanes/jobs.ts";
import { openStore, storePoints } from "../../store/sqlite.ts";
import { autopsy } from "./autopsy.ts";
import { complaintsOf } from "./checks.ts";
import { type HomeOptions, homeConfig } from "./home-config.ts";
import { Life } from "./life.ts";
import { Load } from "./load.ts";
import { untilHeard } from "./patience.ts";
import { Random } from "./random.ts";
import { Witness } from "./witness.ts";
import { type OutsidePoint, outsidePoints, World } from "./world.ts";

export const points: readonly string[] = [
  ...lanePoints.map((point) => `lanes:${point}`),
  ...storePoints.map((point) => `store:${point}`),
  ...Object.keys(outsidePoints).map((point) => `outside:${point}`),
];
/** Passed hundreds of times in a life, tens of times, and a few times. */
const often = /^store:|run$|settle$|begin$/;
const seldom = /cancel|release|recover|claim|take|interrupt/;

/** How one life ends. */
interface Death {
  /** A named point, or `any` for a random moment. A point that is not passed leaves a death in the middle of the work. */
  readonly at: string;
  /** At which passing; the milliseconds after the start, for `any`. */
  readonly nth: number;
  /** Only what was left from before goes on. */
  readonly quiet: boolean;
  /** Whether the gateway is told to stop when everything was said. */
  readonly stops: boolean;
}

export interface Plan extends HomeOptions {
  readonly seed: number;
  readonly commitDelayMs: number;
  /** The channels that are connected, by name. */
  readonly channels: readonly string[];
  readonly deaths: readonly Death[];
}

export interface Outcome {
  readonly plan: Plan;
  readonly complaints: readonly string[];
  /** Deaths by SIGKILL, by where they came. */
  readonly kills: readonly string[];
  readonly accepted: number;
  readonly readyMs: readonly number[];
  readonly resumedMs: readonly number[];
}

/** Where nothing else is said, the platform of no vendor alone, with which a gateway starts soonest. */
export const fewest: readonly string[] = ["scripted"];

/** The same for the same seed. Neighbouring seeds go through all points. */
export function planOf(seed: number, kills: number, channels = fewest): Plan {
  const random = new Random(seed);
  const named = kills - Math.floor(kills / 3);
  const deaths = Array.from({ length: kills }, (_, n): Death => {
    const quiet = n > 0 && random.isTrue(0.25);
    if (n >= named) return { at: "any", nth: 40 + random.upTo(channels.length > 1 ? 1_500 : 400), quiet, stops: false };
    return deathAt(points[(seed * named + n) % points.length] ?? "any", random, quiet);
  });
  // Nothing is resumed in the first life.
  if (deaths[0]?.at.endsWith("claim")) deaths.push(...deaths.splice(0, 1));
  return {
    seed,
    commitDelayMs: random.pick([0, 0, 1, 5]),
    continues: random.isTrue(0.5),
    blockIdleMs: random.pick([10, 1_000]),
    channels,
    ...(channels.length > 1 && random.isTrue(0.2) ? { apart: `channel-${random.pick(["telegram", "discord", "slack"])}` } : {}),
    deaths,
  };
}

export function deathAt(at: string, random: Random, quiet: boolean): Death {
  const most = often.test(at) ? 60 : seldom.test(at) ? 1 : 12;
  const nth = 1 + Math.floor(random.next() ** 2 * most);
  return { at, nth, quiet: quiet && !/cancel|admit|take|poll/.test(at), stops: at.includes("release") };
}

/** What is needed to have it again. */
export const replay = ({ seed, deaths, channels }: Plan) =>
  `bun run chaos --seed ${seed} --kills ${deaths.length} --channels ${channels.join(",")}`;

const mostWaves = 3;

export async function runTrial(plan: Plan): Promise<Outcome> {
  const home = mkdtempSync(join(tmpdir(), "pincer-chaos-"));
  const world = await World.start(plan.channels);
  const load = new Load(world, new Random(plan.seed + 1_000_003));
  const witness = new Witness(world);
  const found: string[] = [];
  const kills: string[] = [];
  const readyMs: number[] = [];
  const resumedMs: number[] = [];
  writeFileSync(join(home, "pincer.json5"), JSON.stringify(homeConfig(world, plan)), { mode: 0o600 });

  const live = async (death: Death): Promise<void> => {
    const { at, nth, quiet, stops } = death;
    const inside = /^(lanes|store):/.test(at) ? { point: at, nth } : {};
    const life = new Life({ home, commitDelayMs: plan.commitDelayMs, more: world.plugins, ...inside });
    let where = at;
    const kill = async (reason: string) => {
      where = reason;
      await life.kill();
    };
    const isGone = () => kill(at).then(() => true);
    if (at.startsWith("outside:")) world.arm(at.slice("outside:".length) as OutsidePoint, nth, isGone);
    using _random = clock.after(at === "any" ? nth : 60_000, () => void kill("any"));
    const ready = await life.ready;
    if (ready !== undefined) {
      await load.wave(ready.url, !quiet, () => life.isOver);
      // A stop comes in the middle of the work. Otherwise that goes on, and when it is done more is said, until the point is passed.
      for (let wave = 1; wave < mostWaves && !stops && !life.isOver; wave++) {
        await life.idle().catch(() => undefined); // silent-ok: it has ended, which is what is waited for
        if (!life.isOver) await load.wave(ready.url, true, () => life.isOver);
      }
      if (stops) await life.stop();
      else if (!life.isOver) await kill("work");
    }
    world.disarm();
    const end = await life.ended;
    for (const channel of world.channels) channel.moved?.(undefined);
    if (end.by === "SIGKILL") kills.push(where);
    else if (end.code !== 0) found.push(`the gateway ended by itself with ${end.code}: ${life.refusal?.message ?? ""} ${end.stderr}`);
    if (life.readyMs !== undefined) readyMs.push(life.readyMs);
    if (life.resumedMs !== undefined) resumedMs.push(life.resumedMs);
    witness.look(autopsy(home, false), load, end.by === "itself" && end.code === 0);
  };

  try {
    for (const death of plan.deaths) await live(death);
    found.push(...(await rest(home, plan, world, load, readyMs, resumedMs)));
    const remains = autopsy(home, true);
    if (remains === undefined) found.push("the store is gone");
    else found.push(...complaintsOf({ remains, load, world, witness }));
    found.push(...(await auditComplaints(home, load)));
  } catch (error) {
    found.push(`the driver failed: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    await world.stop();
    if (found.length === 0) rmSync(home, { recursive: true });
  }
  const accepted = load.said.filter(({ isAccepted }) => isAccepted).length + load.notes.length;
  return { plan, complaints: found.length === 0 ? [] : [...found, `(kept in ${home})`], kills, accepted, readyMs, resumedMs };
}

/** Left alone until nothing is open any more, then stopped as it should be. */
async function rest(home: string, plan: Plan, world: World, load: Load, readyMs: number[], resumedMs: number[]): Promise<string[]> {
  const life = new Life({ home, commitDelayMs: plan.commitDelayMs, more: world.plugins });
  const ready = await life.ready;
  if (ready === undefined) {
    const end = await life.ended;
    return [`the gateway does not start any more: ${life.refusal?.message ?? JSON.stringify(end)}`];
  }
  const found: string[] = [];
  const missing = await untilHeard(
    () => load.missing(),
    async () => {
      await load.wave(ready.url, false, () => life.isOver);
      await life.idle();
    },
  );
  if (missing.length > 0) found.push(`not accepted, however often it is repeated: ${missing.join(", ")}`);
  readyMs.push(life.readyMs ?? 0);
  if (life.resumedMs !== undefined) resumedMs.push(life.resumedMs);
  const end = await life.stop();
  if (end.by !== "itself" || end.code !== 0) found.push(`the gateway did not stop as it should: ${JSON.stringify(end)}`);
  return found;
}

/** The audit log is whole, and holds what was acknowledged. */
async function auditComplaints(home: string, load: Load): Promise<string[]> {
  const lines: string[] = [];
  const note = (event: string, fields?: unknown) => void lines.push(`${event} ${JSON.stringify(fields)}`);
  const log = { debug: () => {}, info: () => {}, warn: note, error: note };
  const keys = await openKeys(home, log);
  const store = await openStore({ path: join(home, "pincer.db"), migrations: [] });
  try {
    const audit = createAudit(store, clock, log, keys, () => 1_000_000);
    const verdict = await audit.verify();
    if (!verdict.ok) return [`the audit log is broken at ${verdict.seq}: ${verdict.reason}`, ...lines];
    const links = (await audit.page({ limit: 1_000 })).filter(({ action }) => action === "access.bootstrap");
    return links.length < load.audited ? [`${load.audited} audited actions were acknowledged, ${links.length} are in the log`] : lines;
  } finally {
    await store.close();
  }
}
