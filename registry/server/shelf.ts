/** What a registry's files say, in the database, where it can be searched. The files have the last word: whatever changes in them is read anew. */
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import { compareVersions, type PackageName, type Release, releaseAt } from "../name.ts";
import { type ReleaseNotes, readNotes } from "../notes.ts";
import { currentSnapshot } from "../repository/current.ts";
import { repositoryFiles } from "../repository/files.ts";
import type { Repository } from "../repository/repository.ts";
import { type PackageRevocation, revocationOf } from "../revocations.ts";
import { publisherOf } from "../trust/role.ts";
import type { SearchIndex, Withdrawal } from "./search-index.ts";

export interface ShelvedRelease extends Release {
  readonly path: string;
  readonly length: number;
  readonly sha256: string;
  readonly notes: ReleaseNotes;
  /** Why nobody should run it. */
  readonly revoked?: PackageRevocation;
}

export interface Shelf {
  /** Reads what has changed in the files since the last time. */
  refresh(): void;
  /** Newest first; empty for what is not there. */
  releases(name: PackageName): readonly ShelvedRelease[];
}

export function createShelf(folder: string, database: Database, repository: Repository, index: SearchIndex): Shelf {
  const files = repositoryFiles(folder);
  const timestamp = join(folder, "metadata", "timestamp.json");
  let seen: bigint | undefined;

  const releasesOf = (publisher: string): readonly ShelvedRelease[] => {
    // Whose a name is costs a look at the files, and of one name there may be thousands of releases.
    const revocations = repository.revocations();
    const owners = new Map<string, string | undefined>();
    const ownerOf = (name: PackageName) => owners.getOrInsertComputed(`${name.kind}/${name.id}`, () => repository.ownerOf(name));
    return Object.entries(repository.signedBy(publisher)?.signed.targets ?? {}).flatMap(
      ([
        path,
        {
          length,
          hashes: { sha256 },
          custom,
        },
      ]) => {
        const release = releaseAt(path);
        if (!release || ownerOf(release) !== publisher) return [];
        const revoked = revocationOf(revocations, release);
        return [{ ...release, path, length, sha256, notes: readNotes(custom, path), ...(revoked && { revoked }) }];
      },
    );
  };

  /** Everything of one publisher, as it is now. */
  function put(publisher: string): void {
    const all = releasesOf(publisher);
    const bytes = all.reduce((sum, { length }) => sum + length, 0);
    database.query("INSERT OR REPLACE INTO sizes (publisher, bytes) VALUES (?, ?)").run(publisher, bytes);
    const packages = Map.groupBy(all, ({ kind, id }) => `${kind}/${id}`);
    const before = database.query<PackageName, [string]>("SELECT kind, id FROM packages WHERE publisher = ?").all(publisher);
    for (const { kind, id } of before) if (!packages.has(`${kind}/${id}`)) index.remove(kind, id);
    for (const releases of packages.values()) {
      const newest = newestOf(releases) ?? releases.sort(newestFirst)[0]!;
      const { kind, id, version, notes } = newest;
      index.put({ kind, id, publisher, version, ...notes, withdrawn: withdrawalOf(newest) ?? null });
    }
  }

  /** Of whom something is revoked, or was when this was asked before. */
  function concerned(): readonly string[] {
    const before = database.query<{ publisher: string }, []>("DELETE FROM revoked RETURNING publisher").all();
    const owners = new Set(repository.revocations().flatMap((one) => ("id" in one ? (repository.ownerOf(one) ?? []) : [])));
    for (const owner of owners) database.query("INSERT INTO revoked (publisher) VALUES (?)").run(owner);
    return [...before.map(({ publisher }) => publisher), ...owners];
  }

  return {
    refresh() {
      const at = statSync(timestamp, { bigint: true }).mtimeNs;
      if (at === seen) return;
      const meta = currentSnapshot(files)!.snapshot.meta;
      database.transaction(() => {
        const known = new Map(
          database
            .query<{ name: string; version: number }, []>("SELECT name, version FROM roles")
            .all()
            .map((row) => [row.name, row.version]),
        );
        const changed = Object.entries(meta)
          .map(([file, { version }]) => [file.slice(0, -".json".length), version] as const)
          .filter(([role, version]) => known.get(role) !== version);
        const publishers = new Set(changed.flatMap(([role]) => publisherOf(role) ?? repository.publishersIn(role)));
        if (changed.some(([role]) => role === "revocations")) for (const publisher of concerned()) publishers.add(publisher);
        for (const publisher of publishers) put(publisher);
        for (const [role, version] of changed)
          database.query("INSERT OR REPLACE INTO roles (name, version) VALUES (?, ?)").run(role, version);
      })();
      seen = at;
    },

    releases(name) {
      const owner = repository.ownerOf(name);
      if (owner === undefined) return [];
      return releasesOf(owner)
        .filter(({ kind, id }) => kind === name.kind && id === name.id)
        .sort(newestFirst);
    },
  };
}

const newestFirst = (a: { readonly version: string }, b: { readonly version: string }): number => compareVersions(b.version, a.version);

export function withdrawalOf({ notes, revoked }: Pick<ShelvedRelease, "notes" | "revoked">): Withdrawal | undefined {
  if (revoked) return { as: "revoked", reason: revoked.reason, at: revoked.at };
  return notes.yanked && { as: "yanked", ...notes.yanked };
}

/** What somebody gets who says nothing of a version; undefined when all are taken back. */
export function newestOf(releases: readonly ShelvedRelease[]): ShelvedRelease | undefined {
  const left = releases.filter((release) => !withdrawalOf(release)).sort(newestFirst);
  return left.find(({ version }) => !version.includes("-")) ?? left[0];
}
