/** From what is asked for to the steps that would do it, with everything that there is to know before. Nothing is written. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { filesOf } from "@pincer/plugin-kit/archive";
import { needsDependencies } from "@pincer/plugin-kit/install";
import { isObject, jsonOf, parseJson5, valueAt } from "@pincer/plugin-sdk/json5";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { compareVersions, type PackageName } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import type { Candidate } from "../../sources/source.ts";
import { isSamePlace, shownOrigin } from "../../sources/sources.ts";
import { readFiles } from "../home/files.ts";
import { folderOf, isLinked, pointedAt, readText } from "../home/layout.ts";
import { inheriting, keptWhere, leftOf } from "../home/left.ts";
import { type LockEntry, type LockedVersion, versionIn } from "../home/lock.ts";
import { changedFolder, writesOver } from "../home/unchanged.ts";
import { type About, aboutPackage, aboutPlugin, manifestFile } from "../package/about.ts";
import type { Embedded } from "../package/embedded.ts";
import { bytesOf, digestsOf, type Package, readPackage } from "../package/package.ts";
import { compare, compareFiles, comparePublishers, shownPublisher } from "../package/review.ts";
import { isKeyRevoked } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Notice, PlanItem } from "./plan.ts";

import type { Step } from "./step.ts";

export interface Prepared {
  readonly item: PlanItem;
  readonly step: Step;
}

/** Of the version that counts now, or of another that is kept; undefined when there is none, or it cannot be read. */
export function installedAbout(home: string, name: PackageName, digest = pointedAt(home, name, "current")): About | undefined {
  if (digest === undefined) return undefined;
  const file = join(folderOf(home, name, digest), manifestFile[name.kind]);
  const text = readText(file);
  try {
    return text === undefined ? undefined : aboutPackage(name.kind, name.id, text, file);
  } catch {
    return undefined; // silent-ok: whoever compares takes it for one that may do nothing
  }
}

/** In the place of an installed one that cannot be read: all that a newer one may do is new. */
const unread: Pick<About, "permissions" | "told"> = { permissions: [], told: new Map() };

export const nothing: Pick<PlanItem, "permissions" | "gained" | "lost" | "modelText" | "notices" | "needs"> = {
  ...{ permissions: [], gained: [], lost: [], modelText: [], notices: [], needs: [] },
};

/** As the lock will have it, the version that it replaces behind it. */
function entryAfter(before: LockEntry | undefined, locked: LockedVersion): LockEntry {
  if (!before) return locked;
  const kept = before.digest === locked.digest ? before.before : versionIn(before);
  return { ...locked, ...(before.pinned && { pinned: true }), ...(kept && { before: kept }) };
}

export interface Placing {
  readonly action: PlanItem["action"];
  /** What is to be known of how it was chosen. */
  readonly notices?: readonly Notice[];
  readonly signal: AbortSignal;
}

/** A package of others. Throws `REGISTRY_CLIENT_NAME_RESERVED`, `REGISTRY_CLIENT_ORIGIN_CHANGED`, `REGISTRY_CLIENT_PACKAGE_INVALID`. */
export async function placing(
  surroundings: Surroundings,
  candidate: Candidate,
  before: LockEntry | undefined,
  fetched: (candidate: Candidate) => Promise<readonly ArchiveEntry[]>,
  { action, notices = [], signal }: Placing,
): Promise<Prepared> {
  const { home, sources, scanned } = surroundings;
  const { kind, id, version, origin } = candidate;
  const name: PackageName = { kind, id };
  if (before && !isSamePlace(before.origin, origin))
    throw clientErrors.REGISTRY_CLIENT_ORIGIN_CHANGED(
      `${id} was installed from ${shownOrigin(before.origin)}, and ${shownOrigin(origin)} may be somebody else: "pincer remove ${id}" first`,
    );
  if (isLinked(home, name))
    throw clientErrors.REGISTRY_CLIENT_ORIGIN_CHANGED(
      `${id} is linked from the folder in which it is written: "pincer plugin unlink ${id}" first`,
    );
  const found = readPackage(candidate, await fetched(candidate));
  const { locked, about, files } = found;
  const old = before ? (readFiles(folderOf(home, name, before.digest)) ?? []) : [];
  const compared = compare(before && (installedAbout(home, name) ?? unread), about);
  const changed = { ...compared, modelText: [...compared.modelText, ...(before && kind === "skills" ? compareFiles(id, old, files) : [])] };
  const publisher = before && comparePublishers(before.taken ?? before.publisher, locked.publisher);
  const changedAt = before && changedFolder(home, name);
  const all = [
    ...notices,
    ...(changedAt === undefined ? [] : [writesOver(changedAt)]),
    ...(candidate.notices ?? []),
    ...(publisher ? [publisher] : []),
    ...(before || kind === "skills" ? [] : inheriting(home, id, locked)),
    ...noticesOf(found),
    ...hiding(surroundings, name),
    ...(await scanned(found, before && { digest: before.digest, files: old }, signal)),
  ];
  const isSame = before?.digest === locked.digest && pointedAt(home, name, "current") === locked.digest;
  const isWhole = isSame && changedAt === undefined && existsSync(folderOf(home, name, locked.digest));
  // The bytes stay, and who stands by them does not: whoever has a yes to that has it run again.
  const isSigned = isWhole && isKeyRevoked(sources.registries, before);
  const isThere = isWhole && !isSigned;
  const item: PlanItem = {
    ...{
      kind,
      id,
      action: isThere ? "keep" : isSame ? "restore" : action,
      summary: about.summary,
      to: version,
      source: shownOrigin(origin),
    },
    ...(before && { from: before.version }),
    ...{ size: files.reduce((sum, { bytes }) => sum + bytes.length, 0), files: files.length, digest: locked.digest },
    dependencies: dependenciesIn(files.find(({ path }) => path === "bun.lock")?.bytes),
    ...(locked.publisher && { publisher: shownPublisher(locked.publisher) }),
    ...changed,
    notices: all,
    needs: isThere ? [] : [...changed.gained, ...all.flatMap(({ level, code }) => (level === "yes" ? [code] : []))],
  };
  const step: Step = isThere
    ? { do: "nothing" }
    : { do: "place", name, entry: entryAfter(before, locked), ...(isSigned ? { isSigned } : { files }) };
  return { item, step };
}

/** Of the skills that ship with Pincer, one that was installed takes the place. */
function hiding({ embedded }: Surroundings, { kind, id }: PackageName): readonly Notice[] {
  if (kind !== "skills" || !existsSync(join(dirname(embedded), "skills", id, "SKILL.md"))) return [];
  return [{ code: "hides-own", level: "warning", text: `it takes the place of the skill ${id} that ships with Pincer` }];
}

function noticesOf({ candidate: { notes, publisher, origin }, about: { manifest } }: Package): readonly Notice[] {
  const unsigned = origin.from !== "folder" && !publisher;
  return [
    ...(notes?.yanked
      ? [{ code: "yanked", level: "warning" as const, text: `its publisher has taken it back: ${notes.yanked.reason}` }]
      : []),
    ...(unsigned ? [{ code: "unsigned", level: "note" as const, text: "nobody has signed it" }] : []),
    ...(manifest?.activate === "start" ? [{ code: "starts", level: "note" as const, text: "it starts with the gateway" }] : []),
  ];
}

/** By a lock of Bun's; what cannot be read is refused when it is installed from. */
function dependenciesIn(lockfile: Uint8Array | undefined): number {
  if (!lockfile) return 0;
  try {
    const packages = valueAt(jsonOf(parseJson5(new TextDecoder().decode(lockfile))), ["packages"]);
    return isObject(packages) ? Object.keys(packages).length : 0;
  } catch {
    return 0; // silent-ok: the installer says what is wrong with it
  }
}

/** A plugin of this repository. */
export function enabling(plugin: Embedded, before: LockEntry | undefined): Prepared {
  const { id, folder, manifest } = plugin;
  const files = filesOf(folder);
  const lockfile = bytesOf(files, "bun.lock");
  const locked: LockedVersion = {
    ...{ version: manifest.version, origin: { from: "embedded" } },
    ...digestsOf(files, bytesOf(files, manifestFile.plugins)!),
  };
  const item: PlanItem = {
    ...nothing,
    ...{
      kind: "plugins",
      id,
      action: before ? "update" : "enable",
      summary: manifest.summary,
      to: manifest.version,
      source: "this Pincer",
    },
    ...(before && { from: before.version }),
    ...{ size: files.reduce((sum, { bytes }) => sum + bytes.length, 0), files: files.length, digest: locked.digest },
    dependencies: needsDependencies(folder) ? dependenciesIn(lockfile) : 0,
    ...compare(undefined, aboutPlugin(manifest)),
  };
  return { item, step: { do: "enable", plugin, entry: { ...locked, ...(before?.pinned && { pinned: true }) } } };
}

const kept = (home: string, id: string, data: boolean): Notice =>
  data
    ? { code: "data", level: "warning", text: `what it kept is deleted: ${keptWhere(home, id)}` }
    : { code: "data", level: "note", text: `what it kept stays: ${keptWhere(home, id)}; "pincer remove ${id} --data" deletes that too` };

/** What takes it away again. */
export function removing(home: string, name: PackageName, entry: LockEntry, data: boolean): Prepared {
  const about = installedAbout(home, name);
  const item: PlanItem = {
    ...nothing,
    ...{ ...name, action: "remove", summary: about?.summary ?? "", from: entry.version, source: shownOrigin(entry.origin) },
    // A skill keeps nothing: what lies there is of a plugin that has its name.
    notices: name.kind === "skills" ? [] : [kept(home, name.id, data)],
  };
  return { item, step: { do: "remove", name, data, manifest: about?.manifest } };
}

/** What a plugin kept that was removed before, if it did. */
export function forgetting(home: string, id: string): Prepared | undefined {
  const left = leftOf(home, id);
  if (!left) return undefined;
  const { version } = left;
  const item: PlanItem = {
    ...nothing,
    ...{ kind: "plugins", id, action: "remove", summary: "", source: version ? shownOrigin(version.origin) : "nobody knows where" },
    ...(version && { from: version.version }),
    notices: [kept(home, id, true)],
  };
  return { item, step: { do: "forget", id } };
}

export function disabling(home: string, { id, folder, manifest }: Embedded, data: boolean): Prepared {
  const item: PlanItem = {
    ...nothing,
    ...{ kind: "plugins", id, action: "disable", summary: manifest.summary, from: manifest.version, source: "this Pincer" },
    notices: [kept(home, id, data)],
  };
  return { item, step: { do: "disable", plugin: { id, folder, manifest }, data } };
}

/** What the lock says, which lies there still beside another version that counts. */
export function standing(home: string, name: PackageName, entry: LockEntry): Prepared {
  const about = installedAbout(home, name, entry.digest);
  const item: PlanItem = {
    ...nothing,
    ...{ ...name, action: "restore", summary: about?.summary ?? "", to: entry.version, source: "the version that was kept" },
    ...{ digest: entry.digest, ...(entry.publisher && { publisher: shownPublisher(entry.publisher) }) },
    ...(about && compare(undefined, about)),
  };
  return { item, step: { do: "place", name, entry } };
}

/** What stays as it is, and why. */
export const keeping = (name: PackageName, { version, origin }: LockEntry, notices: readonly Notice[] = []): Prepared => ({
  item: {
    ...nothing,
    ...name,
    action: "keep",
    summary: "",
    from: version,
    to: version,
    source: shownOrigin(origin),
    notices: [...notices],
  },
  step: { do: "nothing" },
});

/** Newest first, of what may be taken without being asked for by its version. */
export const isNewer = (a: string, b: string): boolean => compareVersions(a, b) > 0;
