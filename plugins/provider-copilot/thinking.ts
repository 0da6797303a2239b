/** How a model of Copilot's is told to think, by what its list says of it: with an effort, or within a budget of tokens. */
import type { Thinking } from "@pincer/plugin-sdk/contracts/provider";

/** Absent: it is not told. */
export interface ThinkingAbility {
  readonly efforts?: readonly string[];
  readonly budget?: { readonly least: number; readonly most: number };
}

const ORDER = ["none", "minimal", "low", "medium", "high", "xhigh"] as const;
const BUDGETS: Readonly<Record<Exclude<Thinking, "off">, number>> = { minimal: 1024, low: 2048, medium: 8192, high: 16_384, xhigh: 32_000 };
/** What a budget leaves for the answer, since one limit holds for both. */
const LEAST_ANSWER = 1024;

export function thinkingParams(level: Thinking | undefined, { efforts, budget }: ThinkingAbility, maxOutputTokens: number | null): object {
  if (level === undefined) return {};
  if (efforts) {
    const wanted = ORDER.indexOf(level === "off" ? "none" : level);
    const known = ORDER.filter((effort) => efforts.includes(effort));
    const effort = known.find((one) => ORDER.indexOf(one) >= wanted) ?? known.at(-1);
    return effort === undefined ? {} : { reasoning_effort: effort };
  }
  if (!budget || level === "off") return {};
  const room = (maxOutputTokens ?? Number.POSITIVE_INFINITY) - LEAST_ANSWER;
  const tokens = Math.min(Math.max(BUDGETS[level], budget.least), budget.most, room);
  return tokens < budget.least ? {} : { thinking_budget: tokens };
}
