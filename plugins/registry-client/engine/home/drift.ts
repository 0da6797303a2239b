/** In what a home differs from its lock. */
import { join } from "node:path";
import type { PackageName } from "@pincer/registry/name";
import { folderOf, isLinked, namesIn, pointedAt } from "./layout.ts";
import { keyOf, type LockEntry, type Packages } from "./lock.ts";
import { driftIn } from "./record.ts";

/** What is installed without being in the lock. What is linked is its author's affair. */
export function* unlockedIn(home: string, packages: Packages): Generator<PackageName, void, void> {
  for (const kind of ["plugins", "skills"] as const)
    for (const id of namesIn(join(home, kind))) {
      const name = { kind, id };
      if (!packages[keyOf(name)] && !isLinked(home, name) && pointedAt(home, name, "current") !== undefined) yield name;
    }
}

export const saidUnlocked = ({ id }: PackageName): string => `${id}: it is installed, and not in the lock`;

/** In what the version that counts, or its files, differ from the lock, for people; undefined: nothing of it is there. */
export async function driftOf(home: string, name: PackageName, entry: LockEntry): Promise<readonly string[] | undefined> {
  const { version, digest } = entry;
  const current = pointedAt(home, name, "current");
  if (current === undefined) return undefined;
  if (current !== digest) return [`expected version ${version} (${digest.slice(0, 12)}), installed is ${current.slice(0, 12)}`];
  return driftIn(folderOf(home, name, digest), entry);
}
