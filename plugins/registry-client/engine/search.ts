/** Looking for a package by what it is about. */
import { isSlipOf } from "@pincer/registry/lookalike";
import { type Static, Type } from "@sinclair/typebox";
import { closed } from "../schema.ts";
import type { RegistrySources } from "../sources/registry.ts";
import type { EmbeddedPackages } from "./package/embedded.ts";
import { PlanItem } from "./plan/plan.ts";

const Hit = closed({
  kind: PlanItem.properties.kind,
  id: Type.String(),
  version: Type.String(),
  summary: Type.String(),
  /** For people. */
  source: Type.String(),
  /** The registry's name; null: it is of this Pincer. */
  registry: Type.Union([Type.String(), Type.Null()]),
  publisher: Type.Union([Type.String(), Type.Null()]),
  /** From 0 to 1. */
  score: Type.Number(),
});
export type Hit = Static<typeof Hit>;

export const Searched = closed({
  /** The likeliest first. */
  hits: Type.Array(Hit),
  /** The registries that did not answer, and why: what they have is not among the hits. */
  unheard: Type.Array(closed({ registry: Type.String(), why: Type.String() })),
});
export type Searched = Static<typeof Searched>;

export const usualHits = 20;

const wordsIn = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** From 0, not at all, to 1. */
function scoreOf(word: string, name: readonly string[], said: readonly string[], withSlips: boolean): number {
  if (name.includes(word)) return 1;
  if (name.some((other) => other.startsWith(word))) return 0.8;
  if (said.includes(word)) return 0.6;
  if (said.some((other) => other.startsWith(word))) return 0.4;
  return withSlips && word.length >= shortestSlip && name.some((other) => isSlipOf(word, other)) ? 0.2 : 0;
}

/** Of two letters nobody says what was meant. */
const shortestSlip = 3;

/** The mean over the words asked for; none of them may be missing. */
function meanScore(asked: readonly string[], id: string, summary: string, withSlips: boolean): number {
  const [name, said] = [wordsIn(id), wordsIn(summary)];
  let sum = 0;
  for (const word of asked) {
    const score = scoreOf(word, name, said, withSlips);
    if (score === 0) return 0;
    sum += score;
  }
  return sum / Math.max(1, asked.length);
}

export async function search(
  embedded: EmbeddedPackages,
  registries: RegistrySources,
  { query, limit }: { readonly query: string; readonly limit: number },
  signal: AbortSignal,
): Promise<Searched> {
  const asked = wordsIn(query);
  const own = embedded.ids().flatMap((id) => {
    const found = embedded.find(id);
    if (!found) return [];
    const { version, summary } = found.manifest;
    return { kind: "plugins" as const, id, version, summary, source: "this Pincer", registry: null, publisher: null };
  });
  const ownSkills = embedded.skills().map(({ id, version = "", summary }) => ({
    ...{ kind: "skills" as const, id, version, summary, source: "this Pincer", registry: null, publisher: null },
  }));
  const { entries, unheard } = await registries.catalogue(signal);
  const others = entries
    .filter(({ kind, id }) => kind !== "plugins" || !embedded.has(id))
    // A row of a catalogue says more than a hit does.
    .map(({ kind, id, version, summary, registry, publisher }) => ({
      ...{ kind, id, version, summary, source: `registry ${registry}`, registry, publisher },
    }));
  const all = [...own, ...ownSkills, ...others];
  const hits = (withSlips: boolean): Hit[] =>
    all.map((one) => ({ ...one, score: meanScore(asked, one.id, one.summary, withSlips) })).filter(({ score }) => score > 0);
  const written = hits(false);
  // As on a server: guesses come only where nothing was found as it is written.
  const found = (written.length > 0 ? written : hits(true))
    .sort((a, b) => b.score - a.score || a.id.length - b.id.length || (a.id < b.id ? -1 : 1))
    .slice(0, limit);
  return { hits: found, unheard: [...unheard] };
}
