/** Which calls a limit counts, and together with which others. */
import type { BudgetPeriod } from "@pincer/plugin-sdk/contracts/budgets";
import type { BudgetsConfig, LimitConfig } from "./config.ts";
import { DIMENSIONS, type Dimension, meantBy, partOf, type Whose } from "./whose.ts";

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

/** Between the time and whose it is. */
const BETWEEN = "\0";
export const keyWith = (period: string, name: string): string => `${period}${BETWEEN}${name}`;
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
  const conditions: ((whose: Whose) => boolean)[] = [];
  for (const dimension of DIMENSIONS) {
    const wanted = rest[dimension];
    if (wanted === undefined) continue;
    only[dimension] = wanted;
    conditions.push(meantBy(dimension, wanted));
  }
  return {
    ...{ name, per, usd, tokens, soft, hard, each, only },
    mark: Bun.hash.xxHash64(JSON.stringify(config)).toString(36),
    needsCall: each === "model" || each === "profile" || only.model !== undefined || only.profile !== undefined,
    counts: (whose) => conditions.every((holds) => holds(whose)),
    keyOf(whose, place) {
      const period = periodOf(per, place);
      if (period === "") return undefined;
      return each === undefined ? period : keyWith(period, partOf(whose, each));
    },
  };
}

export const limitsOf = ({ limits }: BudgetsConfig): readonly Limit[] =>
  Object.entries(limits).map(([name, limit]) => limitOf(name, limit));
