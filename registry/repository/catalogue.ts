/** The catalogue of a registry, kept in step with what is published. */
import {
  type CatalogueEntry,
  catalogueFile,
  cataloguePath,
  compareEntries,
  findingsBeside,
  findingsFile,
  findingsPath,
  type Gist,
  gistOf,
  log2Of,
  type PackageFindings,
  readCatalogue,
  readFindings,
} from "../catalogue.ts";
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
  /** How often a package was downloaded; absent where nobody counts: then it stays as it was told. */
  readonly downloads?: ((name: PackageName) => number) | undefined;
}

/** Writes the parts that change, which nothing names yet, and answers with the metadata that does; undefined when nothing changes. */
export function nextCatalogue(files: RepositoryFiles, change: CatalogueChange): Uint8Array | undefined {
  const { roles, packages, online, now } = change;
  const before = roles("catalogue")?.signed;
  const targets = { ...before?.targets };
  for (const [role, changed] of Map.groupBy(packages, (name) => namesRoleOf(roles, name))) {
    const path = cataloguePath(role.slice("names-".length));
    const known = targets[path];
    const isChanged = (row: PackageName) => changed.some(({ kind, id }) => row.kind === kind && row.id === id);
    const rows = known ? readCatalogue(files.read(placeOf(path, known.hashes.sha256))!, path) : [];
    const listed = changed.flatMap((name) => entryOf(name, files, change, rows.find(isSame(name))));
    const main = written(path, catalogueFile([...rows.filter((row) => !isChanged(row)), ...listed].sort(compareEntries)));

    const beside = findingsPath(path);
    const foundBefore = findingsBeside(known?.custom, path);
    const found = foundBefore ? readFindings(files.read(placeOf(beside, foundBefore.sha256))!, beside) : [];
    const foundNow = changed.flatMap((name) => findingsOf(name, files, roles, found.find(isSame(name))));
    const all = [...found.filter((row) => !isChanged(row)), ...foundNow].sort(compareEntries);
    targets[path] = {
      length: main.length,
      hashes: { sha256: main.sha256 },
      ...(all.length > 0 && { custom: { findings: written(beside, findingsFile(all)) } }),
    };
  }
  if (Bun.deepEquals(targets, before?.targets ?? {})) return undefined;
  return signMetadata({ ...unsigned("targets", (before?.version ?? 0) + 1, lives.names, now), targets }, [online]);

  function written(path: string, bytes: Uint8Array): { readonly length: number; readonly sha256: string } {
    const sha256 = sha256Of(bytes);
    files.write(placeOf(path, sha256), bytes);
    return { length: bytes.length, sha256 };
  }
}

/** Those of which a row would say otherwise by now how often they were downloaded. */
export function countedAnew(files: RepositoryFiles, roles: Roles, downloads: (name: PackageName) => number): readonly PackageName[] {
  return Object.entries(roles("catalogue")?.signed.targets ?? {}).flatMap(([path, { hashes }]) =>
    readCatalogue(files.read(placeOf(path, hashes.sha256))!, path).filter((row) => log2Of(downloads(row)) !== row.downloadsLog2),
  );
}

const isSame =
  ({ kind, id }: PackageName) =>
  (row: PackageName): boolean =>
    row.kind === kind && row.id === id;

/** What its publisher has signed of it. */
function releasesOf(name: PackageName, roles: Roles) {
  const publisher = ownerIn(roles(namesRoleOf(roles, name))!.signed, name);
  if (publisher === undefined) return undefined;
  const releases = Object.entries(roles(publisherRole(publisher))?.signed.targets ?? {}).flatMap(([path, { custom, hashes }]) => {
    const release = releaseAt(path);
    return release && isSame(name)(release) ? [{ ...release, path, custom, sha256: hashes.sha256 }] : [];
  });
  return { publisher, releases };
}

/** A version does not change: what is known of one is not read again. */
function findingsOf(
  name: PackageName,
  files: RepositoryFiles,
  roles: Roles,
  before: PackageFindings | undefined,
): readonly PackageFindings[] {
  const versions: Record<string, Gist> = {};
  for (const { version, sha256 } of releasesOf(name, roles)?.releases ?? []) {
    const known = before?.versions[version];
    const found = known ? undefined : findingsIn(files, sha256);
    if (known ?? found) versions[version] = known ?? gistOf(found!);
  }
  return Object.keys(versions).length > 0 ? [{ kind: name.kind, id: name.id, versions }] : [];
}

/** None for a package of which nobody should install anything. */
function entryOf(
  name: PackageName,
  files: RepositoryFiles,
  { roles, revocations, downloads }: CatalogueChange,
  before: CatalogueEntry | undefined,
): readonly CatalogueEntry[] {
  const { publisher, releases = [] } = releasesOf(name, roles) ?? {};
  const offered = releases.flatMap((release) => {
    if (revocationOf(revocations, release)) return [];
    const notes = readNotes(release.custom, release.path);
    return notes.yanked ? [] : [{ version: release.version, summary: notes.summary, sha256: release.sha256 }];
  });
  offered.sort((a, b) => compareVersions(b.version, a.version));
  const newest = offered.find(({ version }) => !version.includes("-")) ?? offered[0];
  if (publisher === undefined || !newest) return [];
  const { sha256, ...said } = newest;
  const found = findingsIn(files, sha256);
  const downloadsLog2 = downloads ? log2Of(downloads(name)) : before?.downloadsLog2;
  return [
    {
      ...{ kind: name.kind, id: name.id, publisher, ...said },
      ...(found && { findings: gistOf(found) }),
      ...(downloadsLog2 !== undefined && { downloadsLog2 }),
    },
  ];
}
