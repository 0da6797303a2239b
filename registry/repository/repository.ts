/** A registry's own side: names are claimed, releases accepted, revocations told. What a publisher signs is taken as it is, or not at all. */
import { RegistryError } from "../error.ts";
import { placeOf } from "../layout.ts";
import { checkedName, folderOf, type PackageName, releaseAt } from "../name.ts";
import { readNotes } from "../notes.ts";
import type { PublicKey, Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata, type Signed, signMetadata, type TargetFile } from "../trust/metadata.ts";
import { isInPattern } from "../trust/pattern.ts";
import { publisherOf, publisherRole } from "../trust/role.ts";
import { requireSigned } from "../trust/verify.ts";
import { type Claim, claimedIn, type Owner, ownerIn, publisherIn } from "./claim.ts";
import { repositoryFiles } from "./files.ts";
import { currentSnapshot, lives, stamp, unsigned } from "./lifetime.ts";

export interface RepositoryOptions {
  readonly online: Signer;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Repository {
  /** That this name is this publisher's from now on. Throws `REGISTRY_NAME_INVALID`, `REGISTRY_NAME_TAKEN`. */
  claim(name: PackageName, publisher: string, keys: readonly PublicKey[], threshold?: number): void;
  /** Undefined when the name is nobody's. */
  ownerOf(name: PackageName): string | undefined;
  /** With which keys a publisher signs; undefined when nothing is registered for that name. */
  publisher(publisher: string): Owner | undefined;
  /** Whom a role `names-<prefix>` speaks of; nobody for any other role. */
  publishersIn(role: string): readonly string[];
  /** What the publisher has signed last; undefined before the first release. */
  signedBy(publisher: string): Metadata<"targets"> | undefined;
  /**
   * The publisher's new list of releases, with the archives that are new in it, by path. Throws `REGISTRY_METADATA_*`, `REGISTRY_VERSION_TAKEN`,
   * `REGISTRY_FILE_WRONG`, `REGISTRY_NOT_FOUND` for a name that is not the publisher's. Names that are claimed with it are the publisher's in the same
   * step, or nothing has happened.
   */
  publish(publisher: string, metadata: Uint8Array, archives: ReadonlyMap<string, Uint8Array>, claim?: Claim): void;
  /** Signs anew what expires otherwise. */
  renew(): void;
}

export function openRepository(folder: string, { online, now }: RepositoryOptions): Repository {
  const files = repositoryFiles(folder);
  /** By role, the version that was read last: many roles are asked for one publisher. */
  const known = new Map<string, Metadata<"targets">>();
  const current = (role: string): Metadata<"targets"> | undefined => {
    const version = currentSnapshot(files)?.snapshot.meta[`${role}.json`]?.version;
    if (version === undefined) return undefined;
    const before = known.get(role);
    if (before?.signed.version === version) return before;
    const read = parseMetadata("targets", role, files.read(`metadata/${version}.${role}.json`)!);
    known.set(role, read);
    return read;
  };
  /** The role that says whose a name is. */
  const namesOf = (name: PackageName): readonly [role: string, metadata: Metadata<"targets">] => {
    const { delegations } = current("targets")!.signed;
    const role = delegations!.roles.find(({ paths }) => paths.some((pattern) => isInPattern(pattern, `${folderOf(name)}/any`)))!.name;
    return [role, current(role)!];
  };
  const next = ({ signed }: Metadata<"targets">): Signed<"targets"> => ({
    ...signed,
    ...unsigned("targets", signed.version + 1, lives.names, now),
  });

  /** The roles that say whose names are, with these registered too, signed. */
  const claimed = (publisher: string, { names, keys, threshold = 1 }: Claim): ReadonlyMap<string, Uint8Array> => {
    checkedName(publisher);
    const changed = new Map<string, Metadata<"targets">>();
    for (const name of names) {
      checkedName(name.id);
      const [role, metadata] = namesOf(name);
      const { signed, signatures } = changed.get(role) ?? { ...metadata, signed: next(metadata) };
      changed.set(role, { signatures, signed: { ...signed, delegations: claimedIn(signed, name, publisher, { keys, threshold }) } });
    }
    return new Map([...changed].map(([role, { signed }]) => [role, signMetadata(signed, [online])]));
  };

  return {
    claim(name, publisher, keys, threshold = 1) {
      stamp(files, { online, now, changed: claimed(publisher, { names: [name], keys, threshold }) });
    },

    ownerOf: (name) => ownerIn(namesOf(name)[1].signed, name),

    publisher(publisher) {
      const roles = current("targets")!.signed.delegations!.roles.filter(({ name }) => name.startsWith("names-"));
      for (const { name } of roles) {
        const owner = publisherIn(current(name)!.signed, publisher);
        if (owner) return owner;
      }
      return undefined;
    },

    publishersIn: (role) =>
      role.startsWith("names-") ? (current(role)?.signed.delegations?.roles ?? []).flatMap(({ name }) => publisherOf(name) ?? []) : [],

    signedBy: (publisher) => current(publisherRole(publisher)),

    publish(publisher, bytes, archives, claim) {
      const claims = claim ? claimed(publisher, claim) : new Map<string, Uint8Array>();
      const role = publisherRole(publisher);
      const metadata = parseMetadata("targets", role, bytes);
      const before = current(role);
      const { version, targets, delegations, expires } = metadata.signed;
      const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `${role}.json: ${why}`);
      if (version !== (before?.signed.version ?? 0) + 1)
        throw refuse(`expected version ${(before?.signed.version ?? 0) + 1}, came ${version}`);
      if (delegations) throw refuse("a publisher hands nothing on to others");
      if (now() >= Date.parse(expires)) throw refuse(`it has expired at ${expires}`);
      for (const [path, { length, hashes }] of Object.entries(before?.signed.targets ?? {})) {
        const kept = targets[path];
        if (kept?.length !== length || kept.hashes.sha256 !== hashes.sha256)
          throw new RegistryError(
            "REGISTRY_VERSION_TAKEN",
            `${path} is published: a version stays as it is, and is yanked when it should not be used`,
          );
      }
      for (const [path, target] of Object.entries(targets)) requireOwn(metadata, publisher, path, target, claims);
      const fresh = Object.keys(targets).filter((path) => before?.signed.targets[path] === undefined);
      for (const path of fresh) requireArchive(path, targets[path]!, archives.get(path));
      for (const path of fresh) files.write(placeOf(path, targets[path]!.hashes.sha256), archives.get(path)!);
      stamp(files, { online, now, changed: new Map([...claims, [role, bytes]]) });
    },

    renew() {
      stamp(files, { online, now, changed: new Map() });
    },
  };

  function requireOwn(
    metadata: Metadata<"targets">,
    publisher: string,
    path: string,
    { custom }: TargetFile,
    claims: ReadonlyMap<string, Uint8Array>,
  ): void {
    const release = releaseAt(path);
    if (!release) throw new RegistryError("REGISTRY_METADATA_INVALID", `${path} is no place of a release`);
    readNotes(custom, path);
    const [by, registered] = namesOf(release);
    const claim = claims.get(by);
    const names = claim ? parseMetadata("targets", by, claim) : registered;
    const role = publisherRole(publisher);
    const owned = names.signed.delegations?.roles.find(({ name }) => name === role)?.paths.includes(`${folderOf(release)}/*`);
    if (!owned) throw new RegistryError("REGISTRY_NOT_FOUND", `${release.id} is not registered for ${publisher}`);
    requireSigned(names, role, metadata);
  }
}

function requireArchive(path: string, { length, hashes }: TargetFile, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) throw new RegistryError("REGISTRY_NOT_FOUND", `${path} is new, and its archive did not come`);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  if (bytes.length !== length || sha256 !== hashes.sha256)
    throw new RegistryError(
      "REGISTRY_FILE_WRONG",
      `${path}: expected SHA-256 ${hashes.sha256} of ${length} bytes, came ${sha256} of ${bytes.length}`,
    );
}
