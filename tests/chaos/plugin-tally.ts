/** Many gateways, one after another, each with so many kills of its plugins. */
import { type KillsOutcome, runPluginKills, shownKills } from "./plugin-kills.ts";

const killsOfOne = 50;

interface KilledMany {
  /** Each with the command that has it again. */
  readonly failures: readonly string[];
  readonly summary: string;
}

const summed = (all: readonly Readonly<Record<string, number>>[]): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const counts of all) for (const [what, times] of Object.entries(counts)) sums[what] = (sums[what] ?? 0) + times;
  return sums;
};

/** `told` is given a line for each gateway. Ends early when ten of them had a complaint. */
export async function killMany(given: { readonly kills: number; readonly first: number; told?(line: string): void }): Promise<KilledMany> {
  const outcomes: KillsOutcome[] = [];
  const failures: string[] = [];
  for (let [left, seed] = [given.kills, given.first]; left > 0 && failures.length < 10; left -= killsOfOne, seed++) {
    const kills = Math.min(left, killsOfOne);
    const outcome = await runPluginKills({ seed, kills });
    outcomes.push(outcome);
    given.told?.(`seed ${seed}: ${shownKills(outcome)}`);
    if (outcome.complaints.length === 0) continue;
    failures.push([`bun run chaos --plugins --seed ${seed} --kills ${kills}`, ...outcome.complaints.slice(0, 20)].join("\n  "));
    given.told?.(failures.at(-1)!);
  }
  const whole: KillsOutcome = {
    complaints: [],
    kills: summed(outcomes.map(({ kills }) => kills)),
    calls: summed(outcomes.map(({ calls }) => calls)),
    turns: outcomes.reduce((sum, { turns }) => sum + turns, 0),
    failedTurns: outcomes.reduce((sum, { failedTurns }) => sum + failedTurns, 0),
    ticks: outcomes.reduce((sum, { ticks }) => sum + ticks, 0),
    longestGapMs: Math.max(...outcomes.map(({ longestGapMs }) => longestGapMs)),
  };
  return { failures, summary: shownKills(whole) };
}
