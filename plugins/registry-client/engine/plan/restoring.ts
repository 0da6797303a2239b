/** `pincer install --frozen`: exactly what the lock says, or an error that says in what the home, or a source, is different. */

import { join } from "node:path";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import type { Candidate } from "../../sources/source.ts";
import { exactly, shownOrigin } from "../../sources/sources.ts";
import { keptArchive } from "../home/cache.ts";
import { folderOf, isLinked, namesIn, pointedAt } from "../home/layout.ts";
import { keyOf, type LockEntry, nameOf, type Packages } from "../home/lock.ts";
import { driftIn, shownDrift } from "../home/record.ts";
import type { About } from "../package/about.ts";
import type { EmbeddedPackages } from "../package/embedded.ts";
import { readPackage } from "../package/package.ts";
import { compare, shownPublisher } from "../package/review.ts";
import { requireUnrevoked } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Notice } from "./plan.ts";
import { enabling, keeping, type Prepared } from "./planning.ts";

export async function restoring(
  surroundings: Surroundings,
  embedded: EmbeddedPackages,
  packages: Packages,
  mend: boolean,
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
    const found = await driftOf(home, name, entry);
    if (found === undefined || (mend && found.length > 0)) prepared.push(await fetchedAgain(surroundings, name, entry, signal, found));
    else if (found.length > 0) drift.push(`${name.id}: ${shownDrift(found)}`);
    else prepared.push(keeping(name, entry));
  }
  if (drift.length > 0)
    throw clientErrors.REGISTRY_CLIENT_DRIFT(
      `what is installed is not what pincer.lock says:\n${drift.map((line) => `  ${line}`).join("\n")}${mend ? "" : mending}`,
      {
        data: { drift },
      },
    );
  return prepared;
}

/** What lies there without being in the lock. What is linked is its author's affair. */
export function* unlocked(home: string, packages: Packages): Generator<string, void, void> {
  for (const kind of ["plugins", "skills"] as const)
    for (const id of namesIn(join(home, kind)))
      if (!packages[keyOf({ kind, id })] && !isLinked(home, { kind, id }) && pointedAt(home, { kind, id }, "current") !== undefined)
        yield `${id}: it is installed, and not in the lock`;
}

const mending = '\nto have it as the lock says: "pincer install --frozen --mend"';

/** In what the version that counts, or its files, differ from the lock, for people; undefined: nothing of it is there. */
export async function driftOf(home: string, name: PackageName, entry: LockEntry): Promise<readonly string[] | undefined> {
  const { version, digest } = entry;
  const current = pointedAt(home, name, "current");
  if (current === undefined) return undefined;
  if (current !== digest) return [`expected version ${version} (${digest.slice(0, 12)}), installed is ${current.slice(0, 12)}`];
  return driftIn(folderOf(home, name, digest), entry);
}

export interface FetchedAgain extends Prepared {
  readonly about: About;
  readonly files: readonly ArchiveEntry[];
  /** Where it came from, for people. */
  readonly source: string;
}

/** From the cache, where it is kept, and otherwise from where it came. `drift`: in what that which lies there differs. */
export async function fetchedAgain(
  surroundings: Surroundings,
  name: PackageName,
  entry: LockEntry,
  signal: AbortSignal,
  drift: readonly string[] = [],
): Promise<FetchedAgain> {
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
  const source = kept ? "the cache" : shownOrigin(entry.origin);
  const notices: Notice[] = drift.length > 0 ? [{ code: "drift", level: "warning", text: `not as it was: ${shownDrift(drift)}` }] : [];
  return {
    ...{ about: found.about, files: found.files, source },
    item: {
      ...{ ...name, action: "restore", summary: found.about.summary, to: entry.version, source },
      ...{ size: found.files.reduce((sum, { bytes }) => sum + bytes.length, 0), files: found.files.length, digest: entry.digest },
      ...(entry.publisher && { publisher: shownPublisher(entry.publisher) }),
      ...compare(undefined, found.about),
      ...{ notices, needs: [] },
    },
    step: { do: "place", name, entry, files: found.files },
  };
}
