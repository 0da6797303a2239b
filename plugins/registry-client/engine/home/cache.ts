/** Archives of what the lock names, so that it can be had again when nobody can be asked. */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack } from "@pincer/plugin-kit/archive";
import { type ArchiveEntry, readArchive } from "@pincer/registry/archive/read";
import { sha256Of } from "@pincer/registry/sha256";
import { namesIn } from "./layout.ts";
import { type Packages, versionsIn } from "./lock.ts";

const folderOf = (home: string): string => join(home, "cache", "archives");

export function keepArchive(home: string, digest: string, files: readonly ArchiveEntry[]): void {
  const folder = folderOf(home);
  const next = join(folder, `${digest}.${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(next, pack(files));
    renameSync(next, join(folder, `${digest}.tgz`));
  } catch {
    // silent-ok: what it is of is installed, and is fetched again when it is needed
    rmSync(next, { force: true });
  }
}

/** Undefined when it is not kept, or is not what it was. */
export async function keptArchive(home: string, digest: string): Promise<readonly ArchiveEntry[] | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(folderOf(home), `${digest}.tgz`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  if (sha256Of(bytes) !== digest) return undefined;
  return readArchive([bytes]);
}

/** What no lock names goes. */
export function sweepArchives(home: string, packages: Packages): void {
  const named = new Set(Object.values(packages).flatMap((entry) => versionsIn(entry).map(({ digest }) => `${digest}.tgz`)));
  for (const name of namesIn(folderOf(home))) if (!named.has(name)) rmSync(join(folderOf(home), name), { force: true });
}
