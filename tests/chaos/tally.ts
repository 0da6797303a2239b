/** What many trials came to. */
import { type Outcome, type Plan, planOf, replay, runTrial } from "./trial.ts";

interface Failure {
  readonly replay: string;
  readonly plan: Plan;
  readonly complaints: readonly string[];
}

export interface Tally {
  homes: number;
  /** Deaths by SIGKILL, each of which was followed by a start. */
  trials: number;
  /** Messages. */
  accepted: number;
  /** Deaths by where they came. */
  readonly kills: Record<string, number>;
  readonly readyMs: number[];
  /** From the start of the process until the first interrupted job went on. */
  readonly resumedMs: number[];
  readonly failures: Failure[];
}

export const emptyTally = (): Tally => ({ homes: 0, trials: 0, accepted: 0, kills: {}, readyMs: [], resumedMs: [], failures: [] });

export function count(tally: Tally, { plan, complaints, kills, accepted, readyMs, resumedMs }: Outcome): void {
  tally.homes += 1;
  tally.trials += kills.length;
  tally.accepted += accepted;
  for (const where of kills) tally.kills[where] = (tally.kills[where] ?? 0) + 1;
  tally.readyMs.push(...readyMs);
  tally.resumedMs.push(...resumedMs);
  if (complaints.length > 0) tally.failures.push({ replay: replay(plan), plan, complaints });
}

/** @param share 0.5 for the median. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

interface Many {
  readonly first: number;
  readonly trials: number;
  readonly kills: number;
  readonly channels?: readonly string[];
  readonly atOnce: number;
  readonly after?: () => boolean;
}

/** Goes through seeds from `first` on until there are so many trials, a few homes at a time. `after` may end it early by answering false. */
export async function runMany(tally: Tally, { first, trials, kills, channels, atOnce, after }: Many): Promise<void> {
  let seed = first;
  let goesOn = true;
  const worker = async () => {
    while (goesOn && tally.trials < trials) {
      count(tally, await runTrial(planOf(seed++, kills, channels)));
      goesOn &&= after?.() ?? true;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export const described = ({ replay: how, plan, complaints }: Failure): string =>
  [`${how}   (${plan.deaths.map(({ at, nth }) => `${at} ${nth}`).join(", ")})`, ...complaints.map((complaint) => `  ${complaint}`)].join(
    "\n",
  );
