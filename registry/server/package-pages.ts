/** What the server says of packages and publishers. All of it can be had from the signed files too, but for counts and findings, which are its own word. */
import type { Database } from "bun:sqlite";
import { RegistryError } from "../error.ts";
import { type PackageName, type Release, wordOf } from "../name.ts";
import type { Repository } from "../repository/repository.ts";
import type { Finding } from "../scan/finding.ts";
import { severities } from "../scan/severity.ts";
import { hexKeysOf } from "../trust/owner.ts";
import type { Downloads } from "./downloads.ts";
import type { ServerSettings } from "./settings.ts";
import { newestOf, type Shelf, type ShelvedRelease, withdrawalOf } from "./shelf.ts";

export interface PackagePagesOptions {
  readonly database: Database;
  readonly repository: Repository;
  readonly shelf: Shelf;
  readonly downloads: Downloads;
  readonly settings: ServerSettings;
}

export interface PublisherPage {
  readonly publisher: string;
  /** In hex; none for one whose names are all another's by now. */
  readonly keys: readonly string[];
  readonly threshold: number;
  /** Paths of releases in the list whose names are another's by now: the next list is without them. */
  readonly handedOver: readonly string[];
  readonly list: { readonly version: number; readonly path: string } | null;
}

export type PackagePages = ReturnType<typeof createPackagePages>;

const missing = (what: string) => new RegistryError("REGISTRY_NOT_FOUND", `there is no ${what} here`);

export function createPackagePages({ database, repository, shelf, downloads, settings }: PackagePagesOptions) {
  const counted = (found: readonly Finding[] | undefined) =>
    found && Object.fromEntries(severities.map((severity) => [severity, found.filter((one) => one.severity === severity).length]));
  const shown = ({ version, path, sha256, length, notes, revoked }: ShelvedRelease) => ({
    ...{ version, path, sha256, length, notes },
    revoked: revoked ? { reason: revoked.reason, at: revoked.at, lastGood: revoked.lastGood ?? null } : null,
  });
  const publisherOf = (name: PackageName) => {
    const owner = repository.ownerOf(name);
    const keys = owner === undefined ? undefined : repository.publisher(owner);
    return keys && { name: owner!, keys: hexKeysOf(keys), threshold: keys.threshold };
  };

  const count = (table: "packages" | "held") =>
    database.query<{ count: number }, []>(`SELECT count(*) AS count FROM ${table}`).get()!.count;

  return {
    overview: () => ({
      registry: "pincer",
      api: 1,
      claims: settings.claims,
      packages: count("packages"),
      /** For a name, until the operator gives it; who and which is nobody else's. */
      waiting: count("held"),
    }),

    /** What the next list builds on: the version that was signed last, and where it lies. */
    publisher(publisher: string): PublisherPage {
      const owner = repository.publisher(publisher);
      const version = repository.signedBy(publisher)?.signed.version ?? 0;
      if (!owner && version === 0) throw missing(`publisher ${publisher.slice(0, 100)}`);
      return {
        publisher,
        keys: owner ? hexKeysOf(owner) : [],
        threshold: owner?.threshold ?? 0,
        handedOver: repository.handedOver(publisher),
        list: version === 0 ? null : { version, path: `metadata/${version}.publisher-${publisher}.json` },
      };
    },

    package(name: PackageName) {
      const releases = shelf.releases(name);
      const newest = newestOf(releases) ?? releases[0];
      if (!newest) throw missing(`${wordOf(name.kind)} ${name.id}`);
      const { total, versions } = downloads.of(name);
      return {
        ...name,
        summary: newest.notes.summary,
        version: newest.version,
        /** Where no version is left for anybody. */
        withdrawn: withdrawalOf(newest) ?? null,
        publisher: publisherOf(name),
        downloads: total,
        releases: releases.map((release) => ({
          ...shown(release),
          downloads: versions[release.version] ?? 0,
          findings: counted(repository.findingsOf(release.sha256)),
        })),
      };
    },

    release({ version, ...name }: Release) {
      const release = shelf.releases(name).find((one) => one.version === version);
      if (!release) throw missing(`${wordOf(name.kind)} ${name.id} ${version.slice(0, 64)}`);
      return {
        ...name,
        ...shown(release),
        publisher: publisherOf(name),
        downloads: downloads.of(name).versions[version] ?? 0,
        findings: repository.findingsOf(release.sha256) ?? null,
      };
    },
  };
}
