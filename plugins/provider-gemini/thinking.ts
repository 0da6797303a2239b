/** How a model of the Gemini API is told to think: with a level since Gemini 3, within a budget of tokens before. */

import type { ThinkingConfig, ThinkingLevel } from "@google/genai";
import type { Thinking } from "@pincer/plugin-sdk/contracts/provider";

type Level = `${ThinkingLevel.MINIMAL | ThinkingLevel.LOW | ThinkingLevel.MEDIUM | ThinkingLevel.HIGH}`;

/** What a model accepts, told by its name: the list of models says only that it thinks. */
type ThinkingAbility =
  | { readonly mode: "level"; readonly levels: readonly Level[] }
  | { readonly mode: "budget"; readonly least: number; readonly most: number; readonly canStop: boolean }
  | { readonly mode: "none" };

const LEVELS: readonly Level[] = ["LOW", "MEDIUM", "HIGH"];

export function thinkingAbility(id: string): ThinkingAbility {
  // Names that follow the newest model.
  if (/^gemini-(pro|flash|flash-lite)-latest$/.test(id)) return { mode: "level", levels: LEVELS };
  const [, major = "0", minor = "0", family = ""] = /^gemini-(\d+)(?:\.(\d+))?-(pro|flash-lite|flash|[a-z]+)/.exec(id) ?? [];
  const version = Number(major) + Number(minor) / 100;
  if (version < 2.05) return { mode: "none" };
  if (version < 3) {
    if (family === "pro") return { mode: "budget", least: 128, most: 32_768, canStop: false };
    return { mode: "budget", least: family === "flash-lite" ? 512 : 1, most: 24_576, canStop: true };
  }
  // What is beyond a model's levels it refuses.
  if (family === "pro" && version < 3.01) return { mode: "level", levels: ["LOW", "HIGH"] };
  return { mode: "level", levels: family.startsWith("flash") && version < 3.07 ? ["MINIMAL", ...LEVELS] : LEVELS };
}

/** Since Gemini 3 a tool call without the model's own proof of what it thought is refused. */
export const needsSignatures = (id: string): boolean => thinkingAbility(id).mode === "level";

const WANTED: Readonly<Record<Thinking, Level>> = {
  off: "MINIMAL",
  minimal: "MINIMAL",
  low: "LOW",
  medium: "MEDIUM",
  high: "HIGH",
  xhigh: "HIGH",
};
const ORDER: readonly Level[] = ["MINIMAL", ...LEVELS];
const BUDGETS: Readonly<Record<Exclude<Thinking, "off">, number>> = { minimal: 512, low: 2048, medium: 8192, high: 16_384, xhigh: 32_768 };
/** What a budget leaves for the answer, since one limit holds for both. */
const LEAST_ANSWER = 1024;

/** `undefined`: nothing is said of it. */
export function thinkingConfig(
  level: Thinking | undefined,
  ability: ThinkingAbility,
  maxOutputTokens: number | undefined,
): (Omit<ThinkingConfig, "thinkingLevel"> & { readonly thinkingLevel?: Level }) | undefined {
  if (level === undefined || ability.mode === "none") return undefined;
  const shown = level === "off" ? {} : { includeThoughts: true };
  if (ability.mode === "level") {
    const wanted = ORDER.indexOf(WANTED[level]);
    const thinkingLevel = ability.levels.find((one) => ORDER.indexOf(one) >= wanted) ?? ability.levels.at(-1);
    return { ...shown, ...(thinkingLevel === undefined ? {} : { thinkingLevel }) };
  }
  const { least, most, canStop } = ability;
  const room = (maxOutputTokens ?? Number.POSITIVE_INFINITY) - LEAST_ANSWER;
  const budget = Math.min(level === "off" ? 0 : BUDGETS[level], most, room);
  if (budget >= least) return { ...shown, thinkingBudget: budget };
  return canStop ? { thinkingBudget: 0 } : { ...shown, thinkingBudget: least };
}
