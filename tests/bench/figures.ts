/** What a bench found: figures, each beside its target and beside a bare server of the same run. */

export type Target = { readonly atMost: number } | { readonly atLeast: number };

export interface Figure {
  readonly part: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** What a bare `Bun.serve`, or a bare Bun process, needs for the same. */
  readonly bare?: number;
  /** Those of `docs/proof.md`. */
  readonly target?: Target;
}

interface Verdict extends Figure {
  /** Absent: there is no target. */
  readonly met?: boolean;
}

export const judge = (figure: Figure): Verdict => {
  const { target, value } = figure;
  if (target === undefined) return figure;
  return { ...figure, met: "atMost" in target ? value <= target.atMost : value >= target.atLeast };
};

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
export const quantile = (values: readonly number[], share: number): number => {
  const all = sorted(values);
  return all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? Number.NaN;
};
export const median = (values: readonly number[]): number => quantile(values, 0.5);

const shown = (value: number): string => {
  if (!Number.isFinite(value)) return "-";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
};
const targetText = (target: Target): string => ("atMost" in target ? `<= ${shown(target.atMost)}` : `>= ${shown(target.atLeast)}`);

/** A table for people: a block for each part. */
export function print(verdicts: readonly Verdict[], say: (line: string) => void): void {
  const width = Math.max(...verdicts.map(({ what }) => what.length));
  let part = "";
  for (const { part: of, what, value, unit, bare, target, met } of verdicts) {
    if (of !== part)
      say(`\n${of.padEnd(width + 2)} ${"measured".padStart(12)} ${"".padEnd(9)} ${"bare".padStart(10)}  ${"target".padStart(10)}`);
    part = of;
    const verdict = met === undefined ? "" : met ? "met" : "MISSED";
    const columns = [
      `  ${what}`.padEnd(width + 2),
      shown(value).padStart(12),
      unit.padEnd(9),
      (bare === undefined ? "" : shown(bare)).padStart(10),
      ` ${(target === undefined ? "" : targetText(target)).padStart(10)}`,
      verdict,
    ];
    say(columns.join(" ").trimEnd());
  }
}
