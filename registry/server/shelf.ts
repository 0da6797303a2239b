/** What a registry's files say, in the database, where it can be searched. The files have the last word: whatever changes in them is read anew. */
import type { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import { join } from "node:path";
import { compareVersions, type PackageName, type Release, releaseAt } from "../name.ts";
import { type ReleaseNotes, readNotes } from "../notes.ts";
import { currentSnapshot } from "../repository/current.ts";
import { repositoryFiles } from "../repository/files.ts";
import type { Repository } from "../repository/repository.ts";
import { publisherOf } from "../trust/role.ts";
import type { SearchIndex } from "./search-index.ts";

export interface ShelvedRelease extends Release {
  readonly path: string;
  readonly length: number;
  readonly sha256: string;
  readonly notes: ReleaseNotes;
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
        return release && ownerOf(release) === publisher ? [{ ...release, path, length, sha256, notes: readNotes(custom, path) }] : [];
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
      const newest = newestOf(releases);
      const { kind, id } = releases[0]!;
      if (!newest) index.remove(kind, id);
      else
        index.put({ kind, id, publisher, version: newest.version, summary: newest.notes.summary, publishedAt: newest.notes.publishedAt });
    }
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
        .sort((a, b) => compareVersions(b.version, a.version));
    },
  };
}

/** What somebody gets who says nothing of a version; undefined when all are taken back. */
export function newestOf<R extends { readonly version: string; readonly notes: ReleaseNotes }>(releases: readonly R[]): R | undefined {
  const left = releases.filter(({ notes }) => notes.yanked === undefined).sort((a, b) => compareVersions(b.version, a.version));
  return left.find(({ version }) => !version.includes("-")) ?? left[0];
}
