/** What a publisher signs next: everything that it has published, and what is new. */
import { RegistryError } from "../error.ts";
import { archiveOf, folderOf, type Release } from "../name.ts";
import { type ReleaseNotes, readNotes } from "../notes.ts";
import { lives, unsigned } from "../repository/lifetime.ts";
import { sha256Of } from "../sha256.ts";
import type { Signed, TargetFile } from "../trust/metadata.ts";

type List = Signed<"targets">;

export interface NewRelease extends Release {
  readonly archive: Uint8Array;
  readonly notes: ReleaseNotes;
}

/** `undefined` before the first release. Throws `REGISTRY_VERSION_TAKEN` when that version is there with other bytes. */
export function nextList(before: List | undefined, release: NewRelease, now: () => number): List {
  const path = archiveOf(release);
  const sha256 = sha256Of(release.archive);
  if (before?.targets[path])
    throw new RegistryError("REGISTRY_VERSION_TAKEN", `${release.id} ${release.version} is published already, and versions do not change`);
  const others = Object.entries(before?.targets ?? {}).map(
    ([at, target]) => [at, untagged(at, target, release, release.notes.tags)] as const,
  );
  return {
    ...unsigned("targets", (before?.version ?? 0) + 1, lives.publisher, now),
    targets: { ...Object.fromEntries(others), [path]: { length: release.archive.length, hashes: { sha256 }, custom: release.notes } },
  };
}

/** With what is said of one release changed: taken back, or tagged. Throws `REGISTRY_NOT_FOUND`. */
export function changedList(before: List, release: Release, change: (notes: ReleaseNotes) => ReleaseNotes, now: () => number): List {
  const path = archiveOf(release);
  const target = before.targets[path];
  if (!target) throw new RegistryError("REGISTRY_NOT_FOUND", `${release.id} ${release.version} was never published`);
  const notes = change(readNotes(target.custom, path));
  const others = Object.entries(before.targets).map(([at, other]) => [at, untagged(at, other, release, notes.tags)] as const);
  return {
    ...unsigned("targets", before.version + 1, lives.publisher, now),
    targets: { ...Object.fromEntries(others), [path]: { ...target, custom: notes } },
  };
}

/** A tag that another release of the package gets is this one's no more. */
function untagged(path: string, target: TargetFile, release: Release, tags: readonly string[] | undefined): TargetFile {
  if (!tags || !path.startsWith(`${folderOf(release)}/`)) return target;
  const { tags: own, ...notes } = readNotes(target.custom, path);
  const left = own?.filter((tag) => !tags.includes(tag)) ?? [];
  return own ? { ...target, custom: { ...notes, ...(left.length > 0 && { tags: left }) } } : target;
}
