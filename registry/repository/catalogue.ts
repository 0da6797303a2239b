/** The catalogue of a registry, kept in step with what is published. */
import { type CatalogueEntry, catalogueFile, cataloguePath, compareEntries, gistOf, readCatalogue } from "../catalogue.ts";
import { placeOf } from "../layout.ts";
import { compareVersions, type PackageName, releaseAt } from "../name.ts";
import { readNotes } from "../notes.ts";
import { type Revocation, revocationOf } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import type { Signer } from "../trust/key.ts";
import { signMetadata } from "../trust/metadata.ts";
import { ownerIn } from "../trust/owner.ts";
import { publisherRole } from "../trust/role.ts";
import type { Roles } from "./current.ts";
import type { RepositoryFiles } from "./files.ts";
import { findingsIn } from "./findings.ts";
import { lives, unsigned } from "./lifetime.ts";
import { namesRoleOf } from "./names.ts";

interface CatalogueChange {
  /** As they will be. */
  readonly roles: Roles;
  readonly revocations: readonly Revocation[];
  /** Of which something may be another now. */
  readonly packages: readonly PackageName[];
  readonly online: Signer;
  readonly now: () => number;
}

/** Writes the parts that change, which nothing names yet, and answers with the metadata that does; undefined when nothing changes. */
export function nextCatalogue(
  files: RepositoryFiles,
  { roles, revocations, packages, online, now }: CatalogueChange,
): Uint8Array | undefined {
  const before = roles("catalogue")?.signed;
  const targets = { ...before?.targets };
  for (const [role, changed] of Map.groupBy(packages, (name) => namesRoleOf(roles, name))) {
    const path = cataloguePath(role.slice("names-".length));
    const known = targets[path];
    const rows = known ? readCatalogue(files.read(placeOf(path, known.hashes.sha256))!, path) : [];
    const isChanged = (row: CatalogueEntry) => changed.some(({ kind, id }) => row.kind === kind && row.id === id);
    const next = [...rows.filter((row) => !isChanged(row)), ...changed.flatMap((name) => entryOf(name, files, roles, revocations))];
    const bytes = catalogueFile(next.sort(compareEntries));
    const sha256 = sha256Of(bytes);
    files.write(placeOf(path, sha256), bytes);
    targets[path] = { length: bytes.length, hashes: { sha256 } };
  }
  if (Bun.deepEquals(targets, before?.targets ?? {})) return undefined;
  return signMetadata({ ...unsigned("targets", (before?.version ?? 0) + 1, lives.names, now), targets }, [online]);
}

/** None for a package of which nobody should install anything. */
function entryOf(
  { kind, id }: PackageName,
  files: RepositoryFiles,
  roles: Roles,
  revocations: readonly Revocation[],
): readonly CatalogueEntry[] {
  const publisher = ownerIn(roles(namesRoleOf(roles, { kind, id }))!.signed, { kind, id });
  if (publisher === undefined) return [];
  const releases = Object.entries(roles(publisherRole(publisher))?.signed.targets ?? {}).flatMap(([path, { custom, hashes }]) => {
    const release = releaseAt(path);
    if (release?.kind !== kind || release.id !== id || revocationOf(revocations, release)) return [];
    const notes = readNotes(custom, path);
    return notes.yanked ? [] : [{ version: release.version, summary: notes.summary, sha256: hashes.sha256 }];
  });
  releases.sort((a, b) => compareVersions(b.version, a.version));
  const newest = releases.find(({ version }) => !version.includes("-")) ?? releases[0];
  if (!newest) return [];
  const { sha256, ...said } = newest;
  const found = findingsIn(files, sha256);
  return [{ kind, id, publisher, ...said, ...(found && { findings: gistOf(found) }) }];
}
