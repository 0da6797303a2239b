/** What a call cost: unknown when any part of its price is. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import type { Usage } from "@pincer/plugin-sdk/message";
import type { CatalogueEntry } from "./catalogue.ts";

export interface Cost {
  readonly total: number;
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

type Tokens = Pick<Usage, "input" | "output" | "cacheRead" | "cacheWrite">;
type Price = ModelInfo["price"];

/** The price of a request of that size: a long prompt may have another. */
export function priceFor(tokens: Tokens, price: Price, tiers: CatalogueEntry["tiers"] = []): Price {
  const prompt = tokens.input + tokens.cacheRead + tokens.cacheWrite;
  const tier = [...tiers].sort((a, b) => b.above - a.above).find(({ above }) => prompt > above);
  return tier ? tier.price : price;
}

/** At most, for whoever must not be surprised: what a vendor says no price of for its cache costs twice what other input does. */
export function mostOf(tokens: Tokens, price: Price): number | undefined {
  if (!price) return undefined;
  const { input, cacheRead = input, cacheWrite = 2 * input } = price;
  return costOf(tokens, { ...price, cacheRead, cacheWrite })?.total;
}

/** US dollars. Tokens without a price of their own make the whole unknown, unless there are none of them. */
export function costOf(tokens: Tokens, price: Price): Cost | undefined {
  if (!price) return undefined;
  const parts = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  for (const kind of ["input", "output", "cacheRead", "cacheWrite"] as const) {
    const each = price[kind];
    if (tokens[kind] === 0) continue;
    if (each === undefined) return undefined;
    parts[kind] = (tokens[kind] * each) / 1e6;
  }
  return { ...parts, total: parts.input + parts.output + parts.cacheRead + parts.cacheWrite };
}
