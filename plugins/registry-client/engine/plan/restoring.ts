/** `pincer install --frozen`: exactly what the lock says, or an error that says in what the home, or a source, is different. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { filesOf } from "@pincer/plugin-kit/archive";
import { needsDependencies } from "@pincer/plugin-kit/install";
import { packagesFolder } from "@pincer/plugin-kit/runnable";
import { valueAt } from "@pincer/plugin-sdk/json5";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import type { Notice } from "../../notice.ts";
import type { Candidate } from "../../sources/source.ts";
import { exactly, shownOrigin } from "../../sources/sources.ts";
import { keptArchive } from "../home/cache.ts";
import { driftOf, saidUnlocked, unlockedIn } from "../home/drift.ts";
import { type LockEntry, lockFileOf, nameOf, type Packages } from "../home/lock.ts";
import { driftOfOthers, misnamedIn, shownDrift } from "../home/record.ts";
import type { About } from "../package/about.ts";
import type { EmbeddedPackages } from "../package/embedded.ts";
import { bytesOf, readPackage } from "../package/package.ts";
import { compare, shownPublisher } from "../package/review.ts";
import { requireUnrevoked } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";
import { enabling } from "./enabling.ts";
import { keeping, type Prepared } from "./prepared.ts";
import type { StepOf } from "./step.ts";

export async function restoring(
  surroundings: Surroundings,
  embedded: EmbeddedPackages,
  packages: Packages,
  mend: boolean,
  signal: AbortSignal,
): Promise<readonly Prepared[]> {
  const { home } = surroundings;
  if (!existsSync(lockFileOf(home)))
    throw clientErrors.REGISTRY_CLIENT_LOCK_INVALID(`${lockFileOf(home)}: there is none; copy it from the home that is to be had again`);
  const drift = [...unlockedIn(home, packages)].map(saidUnlocked);
  const prepared: Prepared[] = [];
  const config = await surroundings.settings.read(signal);
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
      else {
        const misnamed = misnamedIn(entry, bytesOf(filesOf(own.folder), "bun.lock"));
        const others = await othersOf(own.folder, home, entry);
        drift.push(...[...misnamed, ...(mend ? [] : others)].map((line) => `${name.id}: ${line}`));
        const isOn = valueAt(config, ["plugins", name.id, "enabled"]) === true && areOthersThere(own.folder, home);
        if (isOn && others.length === 0) prepared.push(keeping(name, entry, uncomparedIn(own.folder, home, entry)));
        else
          prepared.push({
            item: { ...next.item, action: "restore", notices: [...driftNotices(others), ...uncomparedIn(own.folder, home, entry)] },
            step: { ...next.step, entry, isFrozen: true, ...(others.length > 0 && { isMended: true }) },
          });
      }
      continue;
    }
    requireUnrevoked(home, surroundings.sources.registries, name, entry);
    const found = await driftOf(home, name, entry);
    if (found === undefined || (mend && found.length > 0)) {
      const again = await fetchedAgain(surroundings, name, entry, signal, found);
      prepared.push({ ...again, step: { ...again.step, isFrozen: true } });
    } else if (found.length > 0) drift.push(`${name.id}: ${shownDrift(found)}`);
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

const areOthersThere = (plugin: string, home: string): boolean => {
  const own = packagesFolder(plugin, home);
  return own === undefined ? !needsDependencies(plugin) : existsSync(own);
};

/** In what differs that which a plugin of a published Pincer needs of others, where it was laid out before. */
async function othersOf(plugin: string, home: string, entry: LockEntry): Promise<readonly string[]> {
  const own = packagesFolder(plugin, home);
  return own !== undefined && existsSync(own) ? driftOfOthers(own, entry) : [];
}

const driftNotices = (drift: readonly string[]): Notice[] =>
  drift.length > 0 ? [{ code: "drift", level: "warning", text: `not as it was: ${shownDrift(drift)}` }] : [];

/** In a clone its authors install and link packages as they need them. */
const uncomparedIn = (plugin: string, home: string, { packages }: LockEntry): Notice[] =>
  packages && packagesFolder(plugin, home) === undefined
    ? [
        {
          code: "clone",
          level: "note",
          text: `what it needs of others lies in ${join(plugin, "node_modules")} of this clone, and is not compared with the lock`,
        },
      ]
    : [];

const mending = '\nto have it as the lock says: "pincer install --frozen --mend"';

export interface FetchedAgain extends Prepared {
  readonly step: StepOf<"place">;
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
  const misnamed = misnamedIn(entry, bytesOf(found.files, "bun.lock"));
  if (misnamed.length > 0) throw clientErrors.REGISTRY_CLIENT_DRIFT(`${name.id} ${entry.version}: ${misnamed.join("; ")}`);
  return {
    ...{ about: found.about, files: found.files, source },
    item: {
      ...{ ...name, action: "restore", summary: found.about.summary, to: entry.version, source },
      ...{ size: found.files.reduce((sum, { bytes }) => sum + bytes.length, 0), files: found.files.length, digest: entry.digest },
      ...(entry.publisher && { publisher: shownPublisher(entry.publisher) }),
      ...compare(undefined, found.about),
      ...{ notices: driftNotices(drift), needs: [] },
    },
    step: { do: "place", name, entry, files: found.files },
  };
}
