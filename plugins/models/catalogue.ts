/** What is known of models without asking anybody: context windows and prices, from `catalogue.json`. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { Type } from "@sinclair/typebox";
import file from "./catalogue.json" with { type: "json" };
import { Price } from "./config.ts";

const Known = Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]);

export const CatalogueFile = Type.Object({
  note: Type.Optional(Type.String()),
  models: Type.Array(
    Type.Object(
      {
        ref: Type.String({ pattern: "^[a-z0-9_-]+/.+$" }),
        name: Type.String({ minLength: 1 }),
        contextWindow: Known,
        maxOutputTokens: Known,
        reasoning: Type.Boolean(),
        vision: Type.Boolean(),
        documents: Type.Optional(Type.Boolean()),
        tools: Type.Boolean(),
        price: Type.Union([Price, Type.Null()]),
        /** Prices of prompts with more than so many tokens; null: not known. */
        tiers: Type.Optional(Type.Array(Type.Object({ above: Type.Integer({ minimum: 0 }), price: Type.Union([Price, Type.Null()]) }))),
        source: Type.String({ pattern: "^https://" }),
        date: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }),
      },
      { additionalProperties: false },
    ),
  ),
});
export type CatalogueEntry = (typeof CatalogueFile)["static"]["models"][number];

/** What came later than the one that Pincer comes with. */
interface Addition {
  readonly entries: readonly CatalogueEntry[];
  /** The operator's own word holds whatever its date; any other only where it is not older. */
  readonly isOperators: boolean;
}

export interface Entries {
  readonly all: readonly CatalogueEntry[];
  /** Those of them that were added. */
  readonly added: number;
  /** Also finds a dated version of a model that is listed without its date, and Amazon's profiles, which send to the regions of a continent. */
  find(ref: string): CatalogueEntry | undefined;
}

const PROFILE = /^([^/]+\/)(?:us|us-gov|eu|apac|au|ca|jp|global)\.(?=[a-z0-9]+\.)/;

/** An entry holds as a whole: what a newer one says is not known is not known. */
export function mergeEntries(additions: readonly Addition[]): Entries {
  // The file ships with the plugin, whose tests check it: it is not checked again each time.
  const { models } = file as (typeof CatalogueFile)["static"];
  const byRef = new Map(models.map((entry) => [entry.ref, entry]));
  const own = new Set<CatalogueEntry>(models);
  for (const { entries, isOperators } of additions) {
    for (const entry of entries) {
      const known = byRef.get(entry.ref);
      if (isOperators || known === undefined || entry.date >= known.date) byRef.set(entry.ref, entry);
    }
  }
  const all = [...byRef.values()];
  return {
    all,
    added: all.filter((entry) => !own.has(entry)).length,
    find: (ref) => byRef.get(ref) ?? byRef.get(ref.replace(/-\d{4}-?\d{2}-?\d{2}$/, "")) ?? byRef.get(ref.replace(PROFILE, "$1")),
  };
}

export const infoOf = ({
  ref,
  name,
  contextWindow,
  maxOutputTokens,
  reasoning,
  vision,
  documents,
  tools,
  price,
}: CatalogueEntry): ModelInfo => {
  const { endpoint, model: id } = splitRef(ref);
  return {
    ref,
    endpoint,
    id,
    name,
    contextWindow,
    maxOutputTokens,
    reasoning,
    vision,
    ...(documents === undefined ? {} : { documents }),
    tools,
    price,
  };
};
