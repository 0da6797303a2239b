/** A package of others takes its place: everything that there is to know before. Nothing is written. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import type { PackageName } from "@pincer/registry/name";
import { clientErrors } from "../../errors.ts";
import type { Notice } from "../../notice.ts";
import type { Candidate } from "../../sources/source.ts";
import { isSamePlace, shownOrigin } from "../../sources/sources.ts";
import { readFiles } from "../home/files.ts";
import { folderOf, isLinked, pointedAt } from "../home/layout.ts";
import { type LockEntry, type LockedVersion, versionIn } from "../home/lock.ts";
import { changedFolder } from "../home/unchanged.ts";
import type { About } from "../package/about.ts";
import { installedAbout } from "../package/installed.ts";
import { bytesOf, dependenciesIn, type Package, readPackage } from "../package/package.ts";
import { compare, compareFiles, comparePublishers, shownPublisher } from "../package/review.ts";
import { isKeyRevoked } from "../revocation/revoked.ts";
import type { Surroundings } from "../surroundings.ts";
import { writesOver } from "./changed-here.ts";
import { inherited } from "./inherited.ts";
import type { PlanItem } from "./plan.ts";
import type { Prepared } from "./prepared.ts";
import type { Step } from "./step.ts";

/** In the place of an installed one that cannot be read: all that a newer one may do is new. */
const unread: Pick<About, "permissions" | "told"> = { permissions: [], told: new Map() };

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
    ...(before || kind === "skills" ? [] : inherited(home, id, locked)),
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
    dependencies: dependenciesIn(bytesOf(files, "bun.lock")),
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
