/**
 * `bun run chaos [--trials 10000]`: kills gateways until there are so many trials. It can be ended and started again: trials add up as long as
 * what they try is the same. `--write` writes what came of it into docs/proof.md. `--seed <n>` has the lives of one home again.
 *
 * Every channel is connected, or with `--channels <names>` those: `scripted` alone is the quickest.
 *
 * `bun run chaos --plugins [--kills 1000]`: kills plugins' processes instead, under a gateway that lives on. `--seed <n>` has one gateway again.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { together } from "./channels/all.ts";
import { runPluginKills } from "./plugin-kills.ts";
import { killMany } from "./plugin-tally.ts";
import { writeProof } from "./proof.ts";
import { described, emptyTally, percentile, runMany, type Tally } from "./tally.ts";
import { planOf, runTrial } from "./trial.ts";
import { commitOf, digestOf } from "./tried.ts";

const repository = dirname(dirname(import.meta.dir));

interface State {
  /** Of what is tried. */
  readonly digest: string;
  /** The commit of the first trial. */
  readonly since: string;
  nextSeed: number;
  readonly tally: Tally;
}

const { values } = parseArgs({
  options: {
    trials: { type: "string", default: "10000" },
    kills: { type: "string" },
    plugins: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    seed: { type: "string" },
    channels: { type: "string", default: together.join(",") },
    write: { type: "boolean", default: false },
  },
});
const channels = values.channels.split(",");
const stateFile = join(repository, ".build", `chaos-${channels.join("-")}.json`);

function load(now: string): State {
  const kept = existsSync(stateFile) ? (JSON.parse(readFileSync(stateFile, "utf8")) as State) : undefined;
  return kept?.digest === now ? kept : { digest: now, since: commitOf(repository), nextSeed: 1, tally: emptyTally() };
}

const save = (state: State) => {
  mkdirSync(dirname(stateFile), { recursive: true });
  writeFileSync(stateFile, JSON.stringify(state));
};

if (values.plugins && values.seed !== undefined) {
  const outcome = await runPluginKills({ seed: Number(values.seed), kills: Number(values.kills ?? 50) });
  console.log(JSON.stringify(outcome, null, 2));
  process.exit(outcome.complaints.length === 0 ? 0 : 1);
}
if (values.plugins) {
  const { failures, summary } = await killMany({ kills: Number(values.kills ?? 1_000), first: 1, told: console.log });
  console.log(`${summary}\n${failures.length} gateways with a complaint`);
  process.exit(failures.length === 0 ? 0 : 1);
}

const kills = Number(values.kills ?? 7);

if (values.seed !== undefined) {
  const outcome = await runTrial(planOf(Number(values.seed), kills, channels));
  console.log(JSON.stringify(outcome, null, 2));
  process.exit(outcome.complaints.length === 0 ? 0 : 1);
}

const trials = Number(values.trials);
const now = digestOf(repository);
const state = load(now);
const { tally } = state;
const before = tally.trials;
const before0 = tally.failures.length;
if (before > 0) console.log(`${before} trials of this code were made before; going on`);
const [ready, resumed] = [tally.readyMs, tally.resumedMs];
let told = tally.failures.length;

await runMany(tally, {
  first: state.nextSeed,
  trials,
  kills,
  channels,
  atOnce: Number(values.jobs),
  after() {
    if (digestOf(repository) !== now) {
      console.error(
        "kernel/, store/ or the plugins agent, delivery and channel-* have changed meanwhile: what was tried is no longer what is there",
      );
      process.exit(1);
    }
    for (; told < tally.failures.length; told++) console.error(described(tally.failures[told]!));
    state.nextSeed = Math.max(state.nextSeed, tally.homes + 1);
    save(state);
    const times = `ready ${percentile(ready, 0.5)} / ${percentile(ready, 0.99)} ms, resumed ${percentile(resumed, 0.5)} / ${percentile(resumed, 0.99)} ms`;
    console.log(`${tally.trials} of ${trials} trials, ${tally.accepted} accepted, ${tally.failures.length} failed homes, ${times}`);
    return tally.failures.length < before0 + 10;
  },
});
if (values.write) writeProof(join(repository, "docs", "proof.md"), { tally, channels, since: state.since, commit: commitOf(repository) });
console.log(`${tally.trials} trials, ${tally.failures.length} failed homes${values.write ? "; written to docs/proof.md" : ""}`);
process.exit(tally.failures.length === 0 ? 0 : 1);
