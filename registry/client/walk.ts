/** Everything that a registry says is there, from its root down, each part checked before what it speaks of is looked at. */
import { filesOf } from "../catalogue.ts";
import { folderOf, type PackageName, type Release, releaseAt } from "../name.ts";
import type { Expected } from "../source.ts";
import type { Metadata } from "../trust/metadata.ts";
import { isInPattern } from "../trust/pattern.ts";
import { mayDelegate, type RoleName } from "../trust/role.ts";
import type { Trusted } from "./trust.ts";

export interface NamedFile extends Expected {
  /** As the registry's metadata names it. */
  readonly path: string;
  /** What it is, where it is a release. */
  readonly release?: Release;
  readonly custom?: unknown;
}

export interface WalkOptions {
  /** These alone, and what belongs to no package; absent: all. */
  readonly packages?: readonly PackageName[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told of a role whose metadata cannot be had or believed, and where that lies; throws to end the walk. */
  onFailure(role: RoleName, place: string, error: unknown): void;
}

export async function* walk(trusted: Trusted, { packages, signal, onFailure }: WalkOptions): AsyncGenerator<NamedFile, void, void> {
  const { targets, snapshot, below } = trusted;
  const wanted = packages?.map((name) => `${folderOf(name)}/any`);
  const isWanted = (patterns: readonly string[]) => wanted?.some((path) => patterns.some((pattern) => isInPattern(pattern, path))) ?? true;
  const ask = async (delegator: Metadata<"targets">, role: RoleName): Promise<Metadata<"targets"> | undefined> => {
    // Nobody has signed it yet.
    if (!snapshot.signed.meta[`${role}.json`]) return undefined;
    try {
      return await below(delegator, role, signal);
    } catch (error) {
      signal?.throwIfAborted();
      onFailure(role, `metadata/${snapshot.signed.meta[`${role}.json`]!.version}.${role}.json`, error);
      return undefined;
    }
  };
  const roles = (targets.signed.delegations?.roles ?? []).filter(({ name }) => mayDelegate("targets", name));
  // First what is revoked, so that it is known when a release comes.
  for (const { name, paths } of roles) {
    const metadata = name.startsWith("names-") ? undefined : await ask(targets, name as RoleName);
    if (metadata) yield* filesIn(metadata, paths);
  }
  for (const { name, paths } of roles) {
    if (!name.startsWith("names-") || !isWanted(paths)) continue;
    const names = await ask(targets, name as RoleName);
    for (const publisher of names?.signed.delegations?.roles ?? []) {
      if (!mayDelegate(name as RoleName, publisher.name) || !isWanted(publisher.paths)) continue;
      const list = await ask(names!, publisher.name as RoleName);
      if (list) yield* [...filesIn(list, publisher.paths)].filter(({ path }) => isWanted([path.replace(/[^/]+$/, "*")]));
    }
  }
}

function* filesIn({ signed }: Metadata<"targets">, patterns: readonly string[]): Generator<NamedFile, void, void> {
  for (const file of filesOf(signed.targets)) {
    if (!patterns.some((pattern) => isInPattern(pattern, file.path))) continue;
    const release = releaseAt(file.path);
    yield { ...file, ...(release && { release }) };
  }
}
