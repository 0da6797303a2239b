/** Which calls a limit counts, and together with which others. */
import type { BudgetPeriod } from "@pincer/plugin-sdk/contracts/budgets";
import { type BudgetsConfig, DIMENSIONS, type Dimension, type LimitConfig } from "./config.ts";

/** Whose call it is; an empty text where nobody knows. */
export type Whose = Readonly<Record<Dimension, string>>;

/** Where a call belongs in time: the day it began on, and what it is a part of. */
export interface Place {
  readonly date: string;
  readonly session: string;
  readonly run: string;
}

export interface Limit {
  readonly name: string;
  /** The same for limits that say the same. */
  readonly mark: string;
  readonly per: BudgetPeriod;
  readonly usd: number | undefined;
  readonly tokens: number | undefined;
  readonly soft: number;
  readonly hard: boolean;
  readonly each: Dimension | undefined;
  readonly only: Readonly<Partial<Record<Dimension, string>>>;
  /** It cannot be said to hold before it is known which model and profile answer. */
  readonly needsCall: boolean;
  counts(whose: Whose): boolean;
  /** Calls of the same key are counted together; undefined: the call is no part of such a thing. */
  keyOf(whose: Whose, place: Place): string | undefined;
}

const patternOf = (text: string): RegExp => new RegExp(`^${text.split("*").map(RegExp.escape).join(".*")}$`, "s");

/** Between the time and whose it is. */
const BETWEEN = "\0";
export const nameIn = (key: string): string => key.slice(key.indexOf(BETWEEN) + 1);
export const periodIn = (key: string): string => key.split(BETWEEN, 1)[0] as string;

export function periodOf(per: BudgetPeriod, { date, session, run }: Place): string {
  if (per === "day") return date;
  if (per === "month") return date.slice(0, 7);
  return per === "session" ? session : run;
}

function limitOf(name: string, config: LimitConfig): Limit {
  const { per, usd, tokens, soft, hard, each, ...rest } = config;
  const only: Partial<Record<Dimension, string>> = {};
  const patterns: (readonly [Dimension, RegExp])[] = [];
  for (const dimension of DIMENSIONS) {
    const wanted = rest[dimension];
    if (wanted === undefined) continue;
    only[dimension] = wanted;
    patterns.push([dimension, patternOf(wanted)]);
  }
  const isOfCall = (dimension: string | undefined) => dimension === "model" || dimension === "profile";
  return {
    ...{ name, per, usd, tokens, soft, hard, each, only },
    mark: Bun.hash.xxHash64(JSON.stringify(config)).toString(36),
    needsCall: isOfCall(each) || patterns.some(([dimension]) => isOfCall(dimension)),
    counts: (whose) => patterns.every(([dimension, pattern]) => pattern.test(whose[dimension])),
    keyOf(whose, place) {
      const period = periodOf(per, place);
      if (period === "") return undefined;
      return each === undefined ? period : `${period}${BETWEEN}${whose[each]}`;
    },
  };
}

export const limitsOf = ({ limits }: BudgetsConfig): readonly Limit[] =>
  Object.entries(limits).map(([name, limit]) => limitOf(name, limit));
