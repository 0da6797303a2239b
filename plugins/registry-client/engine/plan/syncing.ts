/** `pincer skills sync`: the skills as a lock has them. What somebody has changed in one of them is told, and never written over. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import type { Candidate } from "../../sources/source.ts";
import { exactly, resolved } from "../../sources/sources.ts";
import { unlockedIn } from "../home/drift.ts";
import { folderOf, isLinked, pointedAt, versionsOf } from "../home/layout.ts";
import { keyOf, type LockEntry, nameOf, type Packages, packagesIn } from "../home/lock.ts";
import { changedFolder, isUnchanged } from "../home/unchanged.ts";
import { comparePublishers } from "../package/review.ts";
import { requireUnrevoked } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";
import { changed, changedHere } from "./changed-here.ts";
import { placing } from "./placing.ts";
import { keeping, type Prepared, standing } from "./prepared.ts";
import { fetchedAgain } from "./restoring.ts";

type Fetched = (candidate: Candidate) => Promise<readonly ArchiveEntry[]>;

const skillsIn = (packages: Packages): readonly (readonly [PackageName, LockEntry])[] =>
  Object.entries(packages).flatMap(([key, entry]) => (nameOf(key).kind === "skills" ? [[nameOf(key), entry] as const] : []));

/** `lock`: the file of another gateway, whose skills come beside those that are here. Throws what keeps any of them from being had, all of it at once. */
export async function syncing(
  surroundings: Surroundings,
  packages: Packages,
  lock: string | undefined,
  fetched: Fetched,
  signal: AbortSignal,
): Promise<readonly Prepared[]> {
  const { home } = surroundings;
  const theirs = lock === undefined ? packages : packagesIn(lock);
  if (!theirs) throw clientErrors.REGISTRY_CLIENT_LOCK_INVALID(`expected the pincer.lock of another gateway at ${lock}, came no such file`);
  const trouble: string[] = [];
  const prepared: Prepared[] = [];
  for (const [name, entry] of skillsIn(theirs)) {
    try {
      const own = packages[keyOf(name)];
      prepared.push(
        changedIn(home, name, own) ??
          (own?.digest === entry.digest
            ? await asLocked(surroundings, name, own, signal)
            : await asElsewhere(surroundings, name, entry, own, fetched, signal)),
      );
    } catch (error) {
      signal.throwIfAborted();
      trouble.push(`${name.id} ${entry.version}: ${errorMessage(error)}`);
    }
  }
  if (trouble.length > 0)
    throw clientErrors.REGISTRY_CLIENT_DRIFT(
      `not every skill of the lock can be had here, so nothing was changed:\n${trouble.map((line) => `  ${line}`).join("\n")}`,
      {
        data: { trouble },
      },
    );
  return [...prepared, ...unlocked(home, packages)];
}

/** What is there and not as anybody published it, or is linked, belongs to whoever made it so. */
function changedIn(home: string, name: PackageName, own: LockEntry | undefined): Prepared | undefined {
  const digest = pointedAt(home, name, "current");
  if (!own || digest === undefined) return undefined;
  if (isLinked(home, name)) return keeping(name, own, [changed("it is linked from the folder in which it is written, and stays so")]);
  const folder = /^[0-9a-f]{64}$/.test(digest) ? changedFolder(home, name) : versionsOf(home, name);
  if (folder === undefined) return undefined;
  const how = `copy what you want to keep, then "pincer skills install ${name.id} --accept ${changedHere}" writes over it`;
  return keeping(name, own, [changed(`it was changed in ${folder}, and stays so: ${how}`)]);
}

async function asLocked(surroundings: Surroundings, name: PackageName, entry: LockEntry, signal: AbortSignal): Promise<Prepared> {
  const { home, sources } = surroundings;
  requireUnrevoked(home, sources.registries, name, entry);
  const current = pointedAt(home, name, "current");
  const isKept = isUnchanged(folderOf(home, name, entry.digest), entry.digest);
  if (isKept) return current === entry.digest ? keeping(name, entry) : standing(home, name, entry);
  try {
    return await fetchedAgain(surroundings, name, entry, signal);
  } catch (error) {
    signal.throwIfAborted();
    const [known] = [entry, entry.before].filter((one) => one?.digest === current);
    const stays = current === undefined ? "none is here" : `here is ${known?.version ?? current.slice(0, 12)}, which stays in use`;
    throw clientErrors.REGISTRY_CLIENT_DRIFT(`${errorMessage(error)}; ${stays}`, { cause: error });
  }
}

/** Looked at as if it were wanted for the first time: another gateway's lock says which it is, and not that it is good. */
async function asElsewhere(
  surroundings: Surroundings,
  name: PackageName,
  { version, origin, digest, publisher, taken = publisher }: LockEntry,
  own: LockEntry | undefined,
  fetched: Fetched,
  signal: AbortSignal,
): Promise<Prepared> {
  const candidate =
    origin.from === "registry"
      ? await resolved(surroundings.sources, { from: "registry", ...name, range: version, registry: origin.registry }, signal)
      : exactly(surroundings.sources, origin, { ...name, version });
  const other = own === undefined ? comparePublishers(taken, candidate.publisher) : undefined;
  const next = await placing(surroundings, candidate, own, fetched, {
    signal,
    action: own ? "update" : "install",
    notices: other ? [other] : [],
  });
  if (next.item.digest === digest) return next;
  throw clientErrors.REGISTRY_CLIENT_DRIFT(`expected ${digest}, which the lock names, came ${next.item.digest}`);
}

/** What is installed, and not in the lock. */
function unlocked(home: string, packages: Packages): readonly Prepared[] {
  return [...unlockedIn(home, packages)]
    .filter(({ kind }) => kind === "skills")
    .map((name): Prepared => {
      const path = versionsOf(home, name);
      const nobody: LockEntry = { version: "", origin: { from: "folder", path, sha256: "" }, digest: "", manifest: "" };
      return keeping(name, nobody, [changed(`it lies in ${path}, and the lock does not name it`)]);
    });
}
