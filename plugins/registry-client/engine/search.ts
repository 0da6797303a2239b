/** Looking for a package by what it is about. */
import { type Static, Type } from "@sinclair/typebox";
import type { RegistrySources } from "../sources/registry.ts";
import type { EmbeddedPackages } from "./package/embedded.ts";
import { PlanItem } from "./plan/plan.ts";

export const Hit = Type.Object(
  {
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
  },
  { additionalProperties: false },
);
export type Hit = Static<typeof Hit>;

export const usualHits = 20;

const wordsIn = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The mean over the words asked for; none of them may be missing. */
function scoreOf(asked: readonly string[], id: string, summary: string): number {
  const [name, said] = [wordsIn(id), wordsIn(summary)];
  const scores = asked.map((word): number => {
    if (name.includes(word)) return 1;
    if (name.some((other) => other.startsWith(word))) return 0.8;
    if (said.includes(word)) return 0.6;
    return said.some((other) => other.startsWith(word)) ? 0.4 : 0;
  });
  return scores.includes(0) ? 0 : scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length);
}

export async function search(
  embedded: EmbeddedPackages,
  registries: RegistrySources,
  { query, limit }: { readonly query: string; readonly limit: number },
  signal: AbortSignal,
): Promise<readonly Hit[]> {
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
  const others = (await registries.catalogue(signal))
    .filter(({ kind, id }) => kind !== "plugins" || !embedded.has(id))
    .map((entry) => ({ ...entry, source: `registry ${entry.registry}` }));
  return [...own, ...ownSkills, ...others]
    .map((found) => ({ ...found, score: scoreOf(asked, found.id, found.summary) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.id.length - b.id.length || (a.id < b.id ? -1 : 1))
    .slice(0, limit);
}
