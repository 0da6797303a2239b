/** `pincer install --frozen`: exactly what the lock says, or an error that says in what the home, or a source, is different. */

import { join } from "node:path";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import { contentSha256 } from "../sources/contents.ts";
import type { Candidate } from "../sources/source.ts";
import { keptArchive } from "./cache.ts";
import type { EmbeddedPackages } from "./embedded.ts";
import { readFiles } from "./files.ts";
import { folderOf, isLinked, namesIn, pointedAt } from "./layout.ts";
import { keyOf, type LockEntry, nameOf, type Packages } from "./lock.ts";
import { readPackage } from "./package.ts";
import { enabling, keeping, type Prepared } from "./planning.ts";
import { compare, shownPublisher } from "./review.ts";
import { requireUnrevoked } from "./revoked.ts";
import { exactly, shownOrigin } from "./sources.ts";
import type { Surroundings } from "./surroundings.ts";

export async function restoring(
  surroundings: Surroundings,
  embedded: EmbeddedPackages,
  packages: Packages,
  signal: AbortSignal,
): Promise<readonly Prepared[]> {
  const { home } = surroundings;
  const drift = [...unlocked(home, packages)];
  const prepared: Prepared[] = [];
  for (const [key, entry] of Object.entries(packages)) {
    const name = nameOf(key);
    if (entry.origin.from === "embedded") {
      const own = embedded.find(name.id);
      const next = own && enabling(own, entry);
      if (!next) drift.push(`${name.id}: this Pincer does not have it`);
      else if (next.item.digest !== entry.digest)
        drift.push(
          `${name.id}: expected version ${entry.version} (${entry.digest.slice(0, 12)}), this Pincer has ${next.item.to} (${next.item.digest!.slice(0, 12)})`,
        );
      else prepared.push({ ...next, item: { ...next.item, action: "restore" } });
      continue;
    }
    requireUnrevoked(home, surroundings.sources.registries, name, entry);
    const state = stateOf(home, name, entry);
    if (state === "there") prepared.push(keeping(name, entry));
    else if (state !== "missing") drift.push(`${name.id}: ${state}`);
    else prepared.push(await fetchedAgain(surroundings, name, entry, signal));
  }
  if (drift.length > 0)
    throw clientErrors.REGISTRY_CLIENT_DRIFT(
      `what is installed is not what pincer.lock says:\n${drift.map((line) => `  ${line}`).join("\n")}`,
      {
        data: { drift },
      },
    );
  return prepared;
}

/** What lies there without being in the lock. What is linked is its author's affair. */
function* unlocked(home: string, packages: Packages): Generator<string, void, void> {
  for (const kind of ["plugins", "skills"] as const)
    for (const id of namesIn(join(home, kind)))
      if (!packages[keyOf({ kind, id })] && !isLinked(home, { kind, id }) && pointedAt(home, { kind, id }, "current") !== undefined)
        yield `${id}: it is installed, and not in the lock`;
}

function stateOf(home: string, name: PackageName, { version, digest }: LockEntry): string {
  const current = pointedAt(home, name, "current");
  if (current === undefined) return "missing";
  if (current !== digest) return `expected version ${version} (${digest.slice(0, 12)}), installed is ${current.slice(0, 12)}`;
  const files = readFiles(folderOf(home, name, digest));
  const found = files && contentSha256(files);
  return found === digest
    ? "there"
    : `its files were changed: expected ${digest.slice(0, 12)}, they come to ${found?.slice(0, 12) ?? "nothing that a package consists of"}`;
}

/** From the cache, where it is kept, and otherwise from where it came. */
export async function fetchedAgain(
  surroundings: Surroundings,
  name: PackageName,
  entry: LockEntry,
  signal: AbortSignal,
): Promise<Prepared> {
  const { home, sources } = surroundings;
  const locked = { ...name, version: entry.version };
  const kept = await keptArchive(home, entry.digest);
  const candidate: Candidate = kept
    ? { ...locked, origin: entry.origin, files: async (): Promise<readonly ArchiveEntry[]> => kept }
    : exactly(sources, entry.origin, locked);
  const found = readPackage(candidate, await candidate.files(signal));
  if (found.locked.digest !== entry.digest || found.locked.manifest !== entry.manifest)
    throw clientErrors.REGISTRY_CLIENT_DRIFT(
      `${name.id} ${entry.version} from ${shownOrigin(entry.origin)} is not what pincer.lock says: expected ${entry.digest}, came ${found.locked.digest}`,
    );
  return {
    item: {
      ...{
        ...name,
        action: "restore",
        summary: found.about.summary,
        to: entry.version,
        source: kept ? "the cache" : shownOrigin(entry.origin),
      },
      ...{ size: found.files.reduce((sum, { bytes }) => sum + bytes.length, 0), files: found.files.length, digest: entry.digest },
      ...(entry.publisher && { publisher: shownPublisher(entry.publisher) }),
      ...compare(undefined, found.about),
      ...{ notices: [], needs: [] },
    },
    step: { do: "place", name, entry, files: found.files },
  };
}
