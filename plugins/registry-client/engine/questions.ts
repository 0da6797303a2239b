/** What a package is, and why it is here. */

import type { Manifest } from "@pincer/plugin-sdk/manifest";
import type { PackageName } from "@pincer/registry/name";
import { type Static, Type } from "@sinclair/typebox";
import { isPackageMissing, isRevoked } from "../errors.ts";
import { closed } from "../schema.ts";
import { shownOrigin } from "../sources/sources.ts";
import { type LockEntry, nameOf, type Packages } from "./home/lock.ts";
import type { EmbeddedPackages } from "./package/embedded.ts";
import { installedAbout } from "./package/installed.ts";
import { compare, shownPublisher } from "./package/review.ts";
import { PlanItem } from "./plan/plan.ts";
import { keeping } from "./plan/prepared.ts";
import { revokedNotices } from "./revocation/revoked.ts";
import type { Surroundings } from "./surroundings.ts";

const Text = Type.String();

export const Info = closed({
  item: PlanItem,
  /** Of those that can be had from its registry, newest first. */
  versions: Type.Array(closed({ version: Text, publishedAt: Text, yanked: Type.Union([Text, Type.Null()]) })),
  isInstalled: Type.Boolean(),
  pinned: Type.Boolean(),
  before: Type.Union([Text, Type.Null()]),
});
export type Info = Static<typeof Info>;

export const Reasons = closed({
  kind: PlanItem.properties.kind,
  id: Text,
  /** Sentences. */
  reasons: Type.Array(Text),
  /** Others that use what it provides. */
  neededBy: Type.Array(closed({ id: Text, contract: Text, optional: Type.Boolean() })),
  /** What it uses, and who provides that. */
  needs: Type.Array(closed({ contract: Text, optional: Type.Boolean(), providers: Type.Array(Text) })),
});
export type Reasons = Static<typeof Reasons>;

export async function infoOf(surroundings: Surroundings, name: PackageName, entry: LockEntry, signal: AbortSignal): Promise<Info> {
  const { home, sources } = surroundings;
  const about = installedAbout(home, name);
  const versions = entry.origin.from === "registry" ? await versionsIn(sources, name, entry.origin.registry, signal) : [];
  const { item } = keeping(name, entry, revokedNotices(home, sources.registries, name, entry));
  return {
    item: {
      ...item,
      digest: entry.digest,
      ...(entry.publisher && { publisher: shownPublisher(entry.publisher) }),
      ...(about && { summary: about.summary, ...compare(undefined, about) }),
    },
    versions,
    ...{ isInstalled: true, pinned: entry.pinned ?? false, before: entry.before?.version ?? null },
  };
}

/** None where nobody answers, or is asked any more: what is installed can be told all the same. */
async function versionsIn(
  { registries }: Surroundings["sources"],
  name: PackageName,
  registry: string,
  signal: AbortSignal,
): Promise<Info["versions"]> {
  if (!registries.names.includes(registry)) return [];
  try {
    const [found] = await registries.find(name, registry, signal);
    return (found?.releases ?? []).map(({ version, notes }) => ({
      ...{ version, publishedAt: notes.publishedAt, yanked: notes.yanked?.reason ?? null },
    }));
  } catch (error) {
    if (isPackageMissing(error) || isRevoked(error)) return [];
    throw error;
  }
}

export const infoOfItem = async (
  { sources }: Surroundings,
  item: PlanItem,
  registry: string | undefined,
  signal: AbortSignal,
): Promise<Info> => ({
  ...{ item, isInstalled: false, pinned: false, before: null },
  versions: registry === undefined ? [] : await versionsIn(sources, item, registry, signal),
});

type Manifests = ReadonlyMap<string, Manifest>;

/** Of what is installed, and of those plugins of this Pincer that are on. */
async function manifestsIn(
  { home, running }: Surroundings,
  embedded: EmbeddedPackages,
  packages: Packages,
  signal: AbortSignal,
): Promise<Manifests> {
  const found = new Map<string, Manifest>();
  for (const key of Object.keys(packages)) {
    const name = nameOf(key);
    const manifest = installedAbout(home, name)?.manifest;
    if (manifest) found.set(name.id, manifest);
  }
  const on = (await running?.enabled(signal)) ?? Object.keys(packages).map((key) => nameOf(key).id);
  for (const id of on) {
    const own = embedded.find(id);
    if (own) found.set(id, own.manifest);
  }
  return found;
}

export async function reasonsFor(
  surroundings: Surroundings,
  embedded: EmbeddedPackages,
  name: PackageName,
  packages: Packages,
  signal: AbortSignal,
): Promise<Reasons> {
  const { kind, id } = name;
  const entry = packages[`${kind}/${id}`];
  const manifests = await manifestsIn(surroundings, embedded, packages, signal);
  const own = manifests.get(id) ?? embedded.find(id)?.manifest;
  const providersOf = (contract: string) =>
    [...manifests].flatMap(([other, { generated }]) => (generated?.provides?.[contract] ? [other] : []));
  const provided = Object.keys(own?.generated?.provides ?? {});
  const usesOf = (manifest: Manifest | undefined) => Object.entries(manifest?.generated?.uses ?? {});
  return {
    ...{ kind, id },
    reasons: [
      ...(entry ? [`you installed it, version ${entry.version}, from ${shownOrigin(entry.origin)}`] : []),
      ...(entry?.pinned ? ["you pinned it to that version"] : []),
      ...(!entry && embedded.has(id)
        ? [manifests.has(id) ? "it is a plugin of this Pincer, and on" : "it is a plugin of this Pincer"]
        : []),
    ],
    neededBy: [...manifests].flatMap(([other, manifest]) =>
      other === id
        ? []
        : usesOf(manifest).flatMap(([contract, { optional = false }]) =>
            provided.includes(contract) ? [{ id: other, contract, optional }] : [],
          ),
    ),
    needs: usesOf(own).map(([contract, { optional = false }]) => ({
      contract,
      optional,
      providers: providersOf(contract).filter((other) => other !== id),
    })),
  };
}
