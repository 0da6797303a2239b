/** A registry as whoever installs from it sees it: whose a name is, which versions there are, and exactly the bytes that were published. */
import { type ArchiveEntry, type ArchiveLimits, archiveLimits, readArchive } from "../archive/read.ts";
import {
  type CatalogueEntry,
  cataloguePath,
  findingsBeside,
  findingsPath,
  type Gist,
  longestCatalogue,
  type PackageFindings,
  readFindings,
} from "../catalogue.ts";
import { RegistryError } from "../error.ts";
import { archiveOf, compareVersions, folderOf, type PackageName, type Release, releaseAt, wordOf } from "../name.ts";
import { type ReleaseNotes, readNotes } from "../notes.ts";
import { type KeyRevocation, keyRevocationOf, type PackageRevocation, type Revocation, revocationOf } from "../revocations.ts";
import { type Expected, joined, readTarget } from "../source.ts";
import type { Metadata, TargetFile } from "../trust/metadata.ts";
import { hexKeysOf, publisherIn } from "../trust/owner.ts";
import { isInPattern } from "../trust/pattern.ts";
import { requireSignedByUnrevoked, shortOfKeys } from "../trust/revoked-keys.ts";
import { mayDelegate, publisherOf, type RoleName } from "../trust/role.ts";
import { readParts } from "./catalogue.ts";
import { createKnownRevocations, revokedError } from "./revoked.ts";
import {
  type Found,
  hasRevocations,
  keptAuthority,
  keptUntil,
  refreshRevocations,
  refreshTrust,
  type Trusted,
  type TrustOptions,
} from "./trust.ts";

/** Who publishes under a name. */
export interface Publisher {
  readonly name: string;
  /** Ed25519 public keys in hex, sorted, without those that are revoked, and how many of them must sign. */
  readonly keys: readonly string[];
  readonly threshold: number;
}

export interface Published extends Release {
  readonly path: string;
  readonly length: number;
  readonly sha256: string;
  readonly notes: ReleaseNotes;
}

export interface Package {
  readonly publisher: Publisher;
  /** Newest first, without those that are revoked; with those that are yanked, which their notes say. */
  readonly releases: readonly Published[];
  /** Why there are fewer than were published. */
  readonly revoked: readonly Revoked[];
}

export interface Revoked {
  readonly version: string;
  readonly revocation: PackageRevocation;
}

export interface RegistryClient {
  /** Asks for what is new; everything else answers from what was seen then. Throws as `refreshTrust`. */
  refresh(signal?: AbortSignal): Promise<void>;
  /** Throws `REGISTRY_NOT_FOUND`, and `REGISTRY_REVOKED` where nothing is left that somebody may run. */
  find(name: PackageName, signal?: AbortSignal): Promise<Package>;
  /** Asks what nobody should run any more: cheap, so that it can be asked every minute. Throws as `refreshTrust`. */
  revocations(signal?: AbortSignal): Promise<readonly Revocation[]>;
  /** The same as it was heard last, without asking, and however long ago that was. */
  knownRevocations(): readonly Revocation[];
  /** Until when what was heard last counts; undefined: nothing was heard. */
  knownUntil(): string | undefined;
  /** Why nothing of this registry counts any more, by what was heard last: too few keys of its targets are left. */
  knownAuthority(): KeyRevocation | undefined;
  /** What there is to choose from, kept between runs; a hint, and what `find` says counts. */
  catalogue(signal?: AbortSignal): Promise<readonly CatalogueEntry[]>;
  /** What the registry's scan found in that release; undefined when nobody has looked. */
  findings(release: Release, signal?: AbortSignal): Promise<Gist | undefined>;
  /** A file that a role of the top level speaks of (`revocations.json`). Throws `REGISTRY_NOT_FOUND`. */
  file(path: string, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * The archive as it comes; it is what was published only when it has come to its end without an error. Throws `REGISTRY_REVOKED` for one of which
   * that was heard, and asks nobody anew.
   */
  download(release: Published, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** The archive's files, once all of it was seen to be what was published. */
  unpack(
    release: Published,
    options?: { readonly limits?: ArchiveLimits; readonly signal?: AbortSignal },
  ): Promise<readonly ArchiveEntry[]>;
}

export function createRegistryClient(options: TrustOptions): RegistryClient {
  let trusted: Promise<Trusted> | undefined;
  const now = (): Promise<Trusted> => {
    trusted ??= refreshTrust(options);
    const asked = trusted;
    asked.catch(() => {
      if (trusted === asked) trusted = undefined;
    });
    return asked;
  };

  /** The roles that speak of a path, from the most general to the one that nobody stands below. */
  async function* rolesFor(path: string, signal: AbortSignal | undefined): AsyncGenerator<Found, void, void> {
    const { targets, below } = await now();
    let at: { readonly role: RoleName; readonly metadata: Metadata<"targets"> } | undefined = { role: "targets", metadata: targets };
    while (at) {
      const { role, metadata }: { readonly role: RoleName; readonly metadata: Metadata<"targets"> } = at;
      const next = metadata.signed.delegations?.roles.find(
        ({ name, paths }) => mayDelegate(role, name) && paths.some((pattern) => isInPattern(pattern, path)),
      );
      if (!next) return;
      const name = next.name as RoleName;
      at = { role: name, metadata: await below(metadata, name, signal) };
      yield { ...at, delegator: metadata };
    }
  }

  async function last(path: string, signal: AbortSignal | undefined): Promise<Found> {
    let found: Found | undefined;
    for await (const role of rolesFor(path, signal)) found = role;
    if (!found) throw new RegistryError("REGISTRY_NOT_FOUND", `${options.source.name} has nothing at ${path}`);
    return found;
  }

  const fetched = (path: string, { length, sha256 }: Expected, signal: AbortSignal | undefined) =>
    readTarget(options.source, { path, length, sha256 }, signal);

  const known = createKnownRevocations(options, fetched);
  const revocationsNow = async (signal: AbortSignal | undefined): Promise<readonly Revocation[]> => {
    const { targets, below } = await now();
    return known.read(hasRevocations(targets) ? await below(targets, "revocations", signal) : undefined, signal);
  };

  const knownAuthority = (): KeyRevocation | undefined => {
    const revocations = known.last();
    if (!revocations.some((one) => "key" in one)) return undefined;
    const { root, targets } = keptAuthority(options);
    return targets && shortOfKeys(root, "targets", targets, revocations)?.revocation;
  };

  /** What was found, by the digest of where it stands. */
  const foundIn = new Map<string, Promise<readonly PackageFindings[]>>();
  const client: RegistryClient = {
    async refresh(signal) {
      const asked = refreshTrust(options, signal);
      trusted = asked;
      await now();
      await asked;
    },

    async find(name, signal) {
      const unknown = () => new RegistryError("REGISTRY_NOT_FOUND", `${options.source.name} has no ${wordOf(name.kind)} ${name.id}`);
      const found = await last(`${folderOf(name)}/any`, signal);
      const publisher = publisherOf(found.role);
      if (publisher === undefined) throw unknown();
      const revocations = await revocationsNow(signal);
      const { root, targets } = await now();
      requireSignedByUnrevoked(root, "targets", targets, revocations);
      requireSignedByUnrevoked(found.delegator, found.role, found.metadata, revocations);
      const all = Object.entries(found.metadata.signed.targets)
        .flatMap(([path, target]) => publishedAt(path, target, name))
        .sort((a, b) => compareVersions(b.version, a.version));
      if (all.length === 0) throw unknown();
      const revoked = all.flatMap((release) => {
        const revocation = revocationOf(revocations, release);
        return revocation ? [{ version: release.version, revocation }] : [];
      });
      if (revoked.length === all.length) throw revokedError(all[0]!, revoked[0]!.revocation);
      const releases = all.filter(({ version }) => !revoked.some((one) => one.version === version));
      const owner = publisherIn(found.delegator.signed, publisher)!;
      const keys = hexKeysOf(owner).filter((key) => !keyRevocationOf(revocations, key));
      return { publisher: { name: publisher, threshold: owner.threshold, keys }, releases, revoked };
    },

    async revocations(signal) {
      const list = await known.read(await refreshRevocations(options, signal), signal);
      // The targets that were seen last may have been signed anew since, by keys that count.
      if (knownAuthority()) await refreshTrust(options, signal);
      return list;
    },
    knownRevocations: () => known.last(),
    knownUntil: () => keptUntil(options),
    knownAuthority,

    async catalogue(signal) {
      const { targets, snapshot, below } = await now();
      if (!snapshot.signed.meta["catalogue.json"]) return [];
      return readParts(await below(targets, "catalogue", signal), options.state, (path, expected) => fetched(path, expected, signal));
    },

    async findings({ version, ...name }, signal) {
      const { targets, snapshot, below } = await now();
      if (!snapshot.signed.meta["catalogue.json"]) return undefined;
      const names = targets.signed.delegations?.roles.find(
        (role) => role.name.startsWith("names-") && role.paths.some((pattern) => isInPattern(pattern, `${folderOf(name)}/any`)),
      );
      if (!names) return undefined;
      const path = cataloguePath(names.name.slice("names-".length));
      const beside = findingsBeside((await below(targets, "catalogue", signal)).signed.targets[path]?.custom, path);
      if (!beside) return undefined;
      const parts = foundIn.getOrInsertComputed(beside.sha256, async () => {
        const place = findingsPath(path);
        if (beside.length > longestCatalogue.packed)
          throw new RegistryError(
            "REGISTRY_TOO_LARGE",
            `${place}: expected at most ${longestCatalogue.packed} bytes, came ${beside.length}`,
          );
        return readFindings(await joined(fetched(place, beside, signal)), place);
      });
      parts.catch(() => foundIn.delete(beside.sha256));
      return (await parts).find((one) => one.kind === name.kind && one.id === name.id)?.versions[version];
    },

    async file(path, signal) {
      const { metadata } = await last(path, signal);
      const target = metadata.signed.targets[path];
      if (!target) throw new RegistryError("REGISTRY_NOT_FOUND", `${options.source.name} has no ${path}`);
      return joined(fetched(path, { length: target.length, sha256: target.hashes.sha256 }, signal));
    },

    async *download(release, signal) {
      const revocation = revocationOf(known.last(), release);
      if (revocation) throw revokedError(release, revocation);
      yield* fetched(release.path, release, signal);
    },
    unpack: (release, { limits = archiveLimits, signal } = {}) => readArchive(client.download(release, signal), { limits }),
  };
  return client;
}

function publishedAt(path: string, { length, hashes: { sha256 }, custom }: TargetFile, name: PackageName): readonly Published[] {
  const release = releaseAt(path);
  if (release?.kind !== name.kind || release.id !== name.id || path !== archiveOf(release)) return [];
  return [{ ...release, path, length, sha256, notes: readNotes(custom, path) }];
}
