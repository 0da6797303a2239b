/** Skills that could be installed, of the configured registries and of sites that speak ClawHub's API. */
import { RegistryError } from "@pincer/registry/error";
import { isName } from "@pincer/registry/name";
import type { Static } from "@sinclair/typebox";
import type { Hit } from "./engine/search.ts";
import type { FoundSkill, skillsDetail } from "./skills-methods.ts";
import { siteNamed } from "./sources/clawhub.ts";
import { parseReference, shownReference } from "./sources/clawhub-reference.ts";
import { type ClawHubSite, type ListedSkill, plain } from "./sources/clawhub-site.ts";
import { chosen, type RegistrySources } from "./sources/registry.ts";

type Found = Static<typeof FoundSkill>;
type Detail = Static<typeof skillsDetail.result>;

export interface SkillPlaces {
  readonly sites: readonly ClawHubSite[];
  readonly registries: RegistrySources;
  /** In the registries. */
  search(query: string, limit: number, signal: AbortSignal): Promise<readonly Hit[]>;
  /** Told of a place that does not answer, where others do. */
  readonly onTrouble: (place: string, error: unknown) => void;
}

/** How a skill of a registry is named among those of sites. */
const ofRegistry = /^registry:([^/:@]+)\/([^/:@]+)$/;

export async function searchSkills(
  { sites, search, onTrouble }: SkillPlaces,
  query: string | undefined,
  limit: number,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const asked = [
    ...(query === undefined ? [] : [{ name: "registries", find: async () => (await search(query, limit, signal)).flatMap(inRegistry) }]),
    ...sites.map((site, index) => ({
      name: site.name,
      find: async () => (await site.search(query, limit, signal)).map((skill) => onSite(skill, index === 0 ? "" : `${site.name}:`)),
    })),
  ];
  const answers = await Promise.allSettled(asked.map(({ find }) => find()));
  signal.throwIfAborted();
  const failed = answers.flatMap((answer, index) =>
    answer.status === "rejected" ? [{ name: asked[index]!.name, error: answer.reason }] : [],
  );
  if (failed[0] && failed.length === answers.length) throw failed[0].error;
  for (const { name, error } of failed) onTrouble(name, error);
  return answers
    .flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []))
    .sort((a, b) => b.score - a.score)
    .slice(0, limit);
}

const inRegistry = ({ kind, id, version, summary, registry, score }: Hit): readonly Found[] =>
  kind === "skills" && registry !== null
    ? [{ score, slug: id, installRef: `registry:${registry}/${id}`, displayName: id, summary, version }]
    : [];

const onSite = ({ score, slug, displayName, summary, version, updatedAt, owner }: ListedSkill, prefix: string): Found => ({
  ...{ score, slug, displayName, installRef: `${prefix}${shownReference({ slug, ...(owner !== undefined && { owner }) })}` },
  ...(summary !== undefined && { summary }),
  ...(version !== undefined && { version }),
  ...(updatedAt !== undefined && { updatedAt }),
});

/** `skill` is null for one that is not there. */
export async function skillDetail(places: SkillPlaces, reference: string, signal: AbortSignal): Promise<Detail> {
  try {
    const [, registry, id] = ofRegistry.exec(reference) ?? [];
    return registry !== undefined && isName(id!)
      ? await registryDetail(places.registries, registry, id!, signal)
      : await siteDetail(places.sites, reference, signal);
  } catch (error) {
    if (error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND") return { skill: null };
    throw error;
  }
}

async function siteDetail(sites: readonly ClawHubSite[], reference: string, signal: AbortSignal): Promise<Detail> {
  const { site, ...of } = parseReference(reference);
  const { skill, latestVersion, metadata, owner } = await siteNamed(sites, site).skill(of, signal);
  const systems = (list: readonly string[] | null | undefined) => (list ? list.map(plain) : null);
  return {
    skill: {
      ...{ slug: plain(skill.slug) || of.slug, displayName: plain(skill.displayName) || of.slug },
      ...{ createdAt: Math.round(skill.createdAt), updatedAt: Math.round(skill.updatedAt), tags: tagsIn(skill.tags) },
      ...(skill.summary && { summary: plain(skill.summary) }),
    },
    latestVersion: latestVersion && {
      ...{ version: plain(latestVersion.version) || "?", createdAt: Math.round(latestVersion.createdAt) },
      ...(latestVersion.changelog && { changelog: plain(latestVersion.changelog) }),
    },
    metadata: metadata ? { os: systems(metadata.os), systems: systems(metadata.systems) } : null,
    owner: owner && { handle: plain(owner.handle ?? "") || null, displayName: plain(owner.displayName ?? "") || null },
  };
}

const tagsIn = (tags: unknown): Record<string, string> =>
  typeof tags === "object" && tags !== null
    ? Object.fromEntries(
        Object.entries(tags).flatMap(([tag, version]) => (typeof version === "string" ? [[plain(tag), plain(version)]] : [])),
      )
    : {};

async function registryDetail(registries: RegistrySources, registry: string, id: string, signal: AbortSignal): Promise<Detail> {
  const [found] = await registries.find({ kind: "skills", id }, registry, signal);
  if (!found) return { skill: null };
  const { version, notes } = chosen(found, id, undefined);
  const times = found.releases.map((release) => Date.parse(release.notes.publishedAt));
  return {
    skill: {
      ...{ slug: id, displayName: id, summary: notes.summary, tags: { latest: version } },
      ...{ createdAt: Math.min(...times), updatedAt: Math.max(...times) },
    },
    latestVersion: { version, createdAt: Date.parse(notes.publishedAt) },
    metadata: null,
    owner: { handle: found.publisher.name, displayName: found.publisher.name },
  };
}
