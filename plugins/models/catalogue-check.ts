/** Whether a text is a catalogue of models that may be used: its form, its dates, and what it says that models cost. */
import { requireValid } from "@pincer/plugin-sdk/check";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { type CatalogueEntry, CatalogueFile, type Entries } from "./catalogue.ts";
import type { Price } from "./config.ts";

/** As much as one value of the store holds, and some thousands of models. */
export const LARGEST = 900_000;
const DAY_MS = 86_400_000;
/** Below this part of what Pincer came with a price is one that somebody has to look at. */
const LEAST_PART = 0.1;
const MOST_NAMED = 5;

/** Its entries, each once. Throws in words for people. */
export async function entriesIn(text: string, now: number): Promise<readonly CatalogueEntry[]> {
  if (text.length > LARGEST) throw new Error(`it has ${text.length} characters; at most ${LARGEST} are read`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(errorMessage(error));
  }
  requireValid(CatalogueFile, value, (how) => new Error(how));
  const { models } = value as (typeof CatalogueFile)["static"];
  const names = new Set<string>();
  for (const { ref, date } of models) {
    if (names.has(ref)) throw new Error(`${ref} stands there twice`);
    const at = Date.parse(date);
    if (Number.isNaN(at)) throw new Error(`${ref} has the date ${date}, which is none`);
    // Somewhere it is tomorrow already.
    if (at > now + DAY_MS) throw new Error(`${ref} has the date ${date}, which is yet to come`);
    names.add(ref);
  }
  return models;
}

const KINDS = ["input", "output", "cacheRead", "cacheWrite"] as const;

/** Why a price must not simply be believed; `undefined`: it may. */
function fallOf(before: Price, now: Price | null): string | undefined {
  if (now === null) return "is not known any more";
  const fallen = KINDS.find((kind) => (now[kind] ?? before[kind] ?? 0) < (before[kind] ?? 0) * LEAST_PART);
  return fallen === undefined ? undefined : `of ${fallen} falls from $${before[fallen]} to $${now[fallen]}`;
}

/**
 * The models whose prices would fall by more than nine tenths, to nothing or out of sight, against those that Pincer came with, each with how.
 * Budgets count by them: whoever serves a catalogue must not be able to turn one off.
 */
export function fallenPrices(entries: readonly CatalogueEntry[], shipped: Entries["find"]): readonly string[] {
  return entries.flatMap(({ ref, date, price, tiers = [] }) => {
    const known = shipped(ref);
    const before = known?.price;
    // What is older does not hold anyway.
    if (!before || (known.ref === ref && date < known.date)) return [];
    const fall = [price, ...tiers.map((tier) => tier.price)].map((now) => fallOf(before, now)).find((one) => one !== undefined);
    return fall === undefined ? [] : [`the price of ${ref} ${fall}`];
  });
}

export const described = (fallen: readonly string[]): string => {
  const rest = fallen.length - MOST_NAMED;
  return [...fallen.slice(0, MOST_NAMED), ...(rest > 0 ? [`${rest} more`] : [])].join("; ");
};
