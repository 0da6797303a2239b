/** A registry's own side: names are claimed, releases accepted, revocations told. What a publisher signs is taken as it is, or not at all. */
import { RegistryError } from "../error.ts";
import { placeOf } from "../layout.ts";
import { checkedName, folderOf, type PackageName, releaseAt } from "../name.ts";
import { readNotes } from "../notes.ts";
import type { Revocation } from "../revocations.ts";
import type { PublicKey, Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata, type Signed, signMetadata, type TargetFile } from "../trust/metadata.ts";
import { isInPattern } from "../trust/pattern.ts";
import { publisherRole } from "../trust/role.ts";
import { requireSigned } from "../trust/verify.ts";
import { keysOf, rolesOf } from "./create.ts";
import { currentRole, sha256Of } from "./current.ts";
import { repositoryFiles } from "./files.ts";
import { lives, stamp, unsigned } from "./lifetime.ts";
import { currentRevocations, nextRevocations } from "./revoke.ts";

export interface RepositoryOptions {
  readonly online: Signer;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Repository {
  /** That this name is this publisher's from now on. Throws `REGISTRY_NAME_INVALID`, `REGISTRY_NAME_TAKEN`. */
  claim(name: PackageName, publisher: string, keys: readonly PublicKey[], threshold?: number): void;
  /** What the publisher has signed last; undefined before the first release. */
  signedBy(publisher: string): Metadata<"targets"> | undefined;
  /**
   * The publisher's new list of releases, with the archives that are new in it, by path. Throws `REGISTRY_METADATA_*`, `REGISTRY_VERSION_TAKEN`,
   * `REGISTRY_FILE_WRONG`, `REGISTRY_NOT_FOUND` for a name that is not the publisher's.
   */
  publish(publisher: string, metadata: Uint8Array, archives: ReadonlyMap<string, Uint8Array>): void;
  /** What nobody should run. */
  revocations(): readonly Revocation[];
  /** That this is the whole list from now on. Throws `REGISTRY_METADATA_UNSIGNED` for keys that have no say in it. */
  revoke(revocations: readonly Revocation[], signers: readonly Signer[]): void;
  /** Signs anew what expires otherwise. */
  renew(): void;
}

export function openRepository(folder: string, { online, now }: RepositoryOptions): Repository {
  const files = repositoryFiles(folder);
  const current = (role: string) => currentRole(files, role);
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

  return {
    claim(name, publisher, keys, threshold = 1) {
      checkedName(name.id);
      checkedName(publisher);
      const [role, metadata] = namesOf(name);
      const pattern = `${folderOf(name)}/*`;
      const { keys: known = {}, roles = [] } = metadata.signed.delegations ?? {};
      const owner = roles.find(({ paths }) => paths.includes(pattern));
      const own = publisherRole(publisher);
      if (owner && owner.name !== own)
        throw new RegistryError("REGISTRY_NAME_TAKEN", `${name.id} is ${owner.name.replace(/^publisher-/, "")}'s`);
      const before = roles.find((one) => one.name === own)?.paths ?? [];
      const delegated = {
        name: own,
        ...rolesOf(keys, threshold),
        terminating: true as const,
        paths: [...new Set([...before, pattern])].sort(),
      };
      const all = [...roles.filter((one) => one.name !== own), delegated].sort((a, b) => (a.name < b.name ? -1 : 1));
      const used = new Set(all.flatMap(({ keyids }) => keyids));
      const kept = Object.fromEntries(Object.entries({ ...known, ...keysOf(keys) }).filter(([id]) => used.has(id)));
      const changed = new Map([[role, signMetadata({ ...next(metadata), delegations: { keys: kept, roles: all } }, [online])]]);
      stamp(files, { online, now, changed });
    },

    signedBy: (publisher) => current(publisherRole(publisher)),

    publish(publisher, bytes, archives) {
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
      for (const [path, target] of Object.entries(targets)) requireOwn(metadata, publisher, path, target);
      const fresh = Object.keys(targets).filter((path) => before?.signed.targets[path] === undefined);
      for (const path of fresh) requireArchive(path, targets[path]!, archives.get(path));
      for (const path of fresh) files.write(placeOf(path, targets[path]!.hashes.sha256), archives.get(path)!);
      stamp(files, { online, now, changed: new Map([[role, bytes]]) });
    },

    revocations: () => currentRevocations(files),

    revoke(revocations, signers) {
      const bytes = nextRevocations(files, revocations, signers, now);
      requireSigned(current("targets")!, "revocations", parseMetadata("targets", "revocations", bytes));
      stamp(files, { online, now, changed: new Map([["revocations", bytes]]) });
    },

    renew() {
      stamp(files, { online, now, changed: new Map() });
    },
  };

  function requireOwn(metadata: Metadata<"targets">, publisher: string, path: string, { custom }: TargetFile): void {
    const release = releaseAt(path);
    if (!release) throw new RegistryError("REGISTRY_METADATA_INVALID", `${path} is no place of a release`);
    readNotes(custom, path);
    const [, names] = namesOf(release);
    const role = publisherRole(publisher);
    const owned = names.signed.delegations?.roles.find(({ name }) => name === role)?.paths.includes(`${folderOf(release)}/*`);
    if (!owned) throw new RegistryError("REGISTRY_NOT_FOUND", `${release.id} is not registered for ${publisher}`);
    requireSigned(names, role, metadata);
  }
}

function requireArchive(path: string, { length, hashes }: TargetFile, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) throw new RegistryError("REGISTRY_NOT_FOUND", `${path} is new, and its archive did not come`);
  const sha256 = sha256Of(bytes);
  if (bytes.length !== length || sha256 !== hashes.sha256)
    throw new RegistryError(
      "REGISTRY_FILE_WRONG",
      `${path}: expected SHA-256 ${hashes.sha256} of ${length} bytes, came ${sha256} of ${bytes.length}`,
    );
}
