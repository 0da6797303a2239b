/** What a lock does not say yet of the packages that plugins need: one of an earlier version of Pincer, or of another system. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesOf } from "@pincer/plugin-kit/archive";
import { packagesFolder } from "@pincer/plugin-kit/runnable";
import type { PackageName } from "@pincer/registry/name";
import { contentSha256 } from "../../sources/contents.ts";
import type { EmbeddedPackages } from "../package/embedded.ts";
import { needsOf } from "../package/package.ts";
import { folderOf, readText } from "./layout.ts";
import { type LockEntry, type LockedVersion, nameOf, type Packages, readLock, writeLock } from "./lock.ts";
import { driftIn, driftOfOthers } from "./record.ts";
import { system, treeOf, withTree } from "./tree.ts";

/**
 * From what lies here as it was installed; of anything else nothing is added. Only what was asked for changes a lock, so not for `--frozen`. Never throws: by
 * then that is done, and the next installation adds what this one could not.
 */
export async function supplementLock(home: string, embedded: EmbeddedPackages): Promise<void> {
  const packages = readLock(home);
  const next: Record<string, LockEntry> = {};
  for (const [key, entry] of Object.entries(packages)) {
    const { before } = entry;
    const name = nameOf(key);
    try {
      next[key] = {
        ...(await supplemented(home, embedded, name, entry)),
        ...(before && { before: await supplemented(home, embedded, name, before) }),
      };
    } catch {
      next[key] = entry; // silent-ok: whoever compares with the lock says what cannot be read
    }
  }
  try {
    if (!Bun.deepEquals(next as Packages, packages)) writeLock(home, next);
  } catch {
    // silent-ok: the lock says what was asked for, and says it still
  }
}

async function supplemented<Of extends LockedVersion>(
  home: string,
  embedded: EmbeddedPackages,
  name: PackageName,
  locked: Of,
): Promise<Of> {
  if (locked.dependencies === undefined || (locked.packages && locked.trees?.[system] !== undefined)) return locked;
  const own = locked.origin.from === "embedded" ? embedded.find(name.id)?.folder : undefined;
  const folder = own ?? folderOf(home, name, locked.digest);
  const lockfile = readText(join(folder, "bun.lock"));
  const { packages } = lockfile === undefined ? {} : needsOf(Buffer.from(lockfile));
  if (!packages) return locked;
  const known = { ...locked, packages };
  if (own === undefined) return (await driftIn(folder, known)).length > 0 ? locked : withTree(known, await treeOf(folder));
  if (contentSha256(filesOf(own)) !== locked.digest) return locked;
  const others = packagesFolder(own, home);
  if (others === undefined || !existsSync(others) || (await driftOfOthers(others, known)).length > 0) return known;
  return withTree(known, await treeOf(others));
}
