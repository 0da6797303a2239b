/** What a key has signed that is revoked, and others have signed since: who stands by the same bytes today is asked, and the lock follows. */
import type { PackageName } from "@pincer/registry/name";
import type { Revocation } from "@pincer/registry/revocations";
import { isRevoked } from "../../errors.ts";
import type { FoundPackage, RegistrySources } from "../../sources/registry.ts";
import { type LockEntry, type LockedVersion, nameOf, type Packages, readLock, versionsIn, withEntry, writeLock } from "../home/lock.ts";
import { turnNow } from "../home/turn.ts";
import { inRegistry, isSignedToday, keyRevocationIn, type Said } from "./revoked.ts";

/** Throws what keeps the registry from being asked. */
export async function signedToday(
  packages: Packages,
  registry: string,
  list: readonly Revocation[],
  registries: Pick<RegistrySources, "find">,
  signal: AbortSignal,
): Promise<Said["today"]> {
  const today = new Map<string, FoundPackage | undefined>();
  for (const [key, entry] of Object.entries(packages)) {
    if (!versionsIn(entry).some((locked) => inRegistry(registry, locked) && keyRevocationIn(list, locked))) continue;
    try {
      today.set(key, (await registries.find(nameOf(key), registry, signal))[0]);
    } catch (error) {
      if (!isRevoked(error)) throw error;
      today.set(key, undefined);
    }
  }
  return today;
}

/** Gives the lock the keys that sign today. While somebody installs, it stays as it is until the next look. */
export function followKeys(home: string, { registry, list, today }: Said, now: number): void {
  const following = (packages: Packages): readonly (readonly [PackageName, LockEntry])[] =>
    [...today].flatMap(([key, found]) => {
      const entry = packages[key];
      if (!entry || !found) return [];
      const follow = <Of extends LockedVersion>(locked: Of): Of =>
        inRegistry(registry, locked) && keyRevocationIn(list, locked) && isSignedToday(found, locked)
          ? { ...locked, publisher: { ...found.publisher, keys: [...found.publisher.keys] }, taken: locked.taken ?? locked.publisher }
          : locked;
      const next: LockEntry = { ...follow(entry), ...(entry.before && { before: follow(entry.before) }) };
      return Bun.deepEquals(next, entry) ? [] : [[nameOf(key), next] as const];
    });
  if (following(readLock(home)).length === 0) return;
  using turn = turnNow(home, "keep up with new keys", now);
  if (!turn) return;
  const packages = readLock(home);
  writeLock(
    home,
    following(packages).reduce((all, [name, entry]) => withEntry(all, name, entry), packages),
  );
}
