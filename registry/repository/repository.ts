/** A registry's own side: names are claimed, releases accepted, revocations told. What a publisher signs is taken as it is, or not at all. */
import { RegistryError } from "../error.ts";
import { placeOf } from "../layout.ts";
import { checkedName, type PackageName, releaseAt } from "../name.ts";
import type { Revocation } from "../revocations.ts";
import type { Finding } from "../scan/finding.ts";
import type { PublicKey, Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata, type Signed } from "../trust/metadata.ts";
import { isSameOwner, type Owner, ownerIn } from "../trust/owner.ts";
import { publisherOf, publisherRole } from "../trust/role.ts";
import { acceptList } from "./accept.ts";
import { applyStaged } from "./apply.ts";
import { countedAnew, nextCatalogue } from "./catalogue.ts";
import { type Claim, claimedIn } from "./claim.ts";
import { currentRoles, currentRoot, currentSnapshot, withChanged } from "./current.ts";
import { repositoryFiles } from "./files.ts";
import { findingsIn, keepFindings } from "./findings.ts";
import { ownerOf, rekeyed, requireTransfer, transferred } from "./hand-over.ts";
import { stamp } from "./lifetime.ts";
import { namesRoleOf, namesRolesWith, signNames } from "./names.ts";
import { type Renewal, renewed } from "./renew.ts";
import { currentRevocations } from "./revoke.ts";
import { stage } from "./stage.ts";
import { type Staged, type StagedRole, signStaged } from "./staged.ts";
import { sweep } from "./sweep.ts";

export interface RepositoryOptions {
  readonly online: Signer;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** How often a package was downloaded, which the catalogue tells roughly; absent where nobody counts. */
  readonly downloads?: (name: PackageName) => number;
}

/** What comes with a publication. */
export interface PublishedWith {
  readonly claim?: Claim;
  /** What a scan found in the archives, by path. */
  readonly findings?: ReadonlyMap<string, readonly Finding[]>;
}

export interface Repository {
  /** That this name is this publisher's from now on. Throws `REGISTRY_NAME_INVALID`, `REGISTRY_NAME_TAKEN`, also for a publisher with other keys. */
  claim(name: PackageName, publisher: string, keys: readonly PublicKey[], threshold?: number): void;
  /** Undefined when the name is nobody's. */
  ownerOf(name: PackageName): string | undefined;
  /** With which keys a publisher signs; undefined when nothing is registered for that name. */
  publisher(publisher: string): Owner | undefined;
  /** Whom a role `names-<prefix>` speaks of; nobody for any other role. */
  publishersIn(role: string): readonly string[];
  /** What the publisher has signed last; undefined before the first release. */
  signedBy(publisher: string): Metadata<"targets"> | undefined;
  /** Paths of releases in that whose names are another's by now: the next list is without them. */
  handedOver(publisher: string): readonly string[];
  /**
   * The publisher's new list of releases, with the archives that are new in it, by path. Throws `REGISTRY_METADATA_*`, `REGISTRY_VERSION_TAKEN`,
   * `REGISTRY_FILE_WRONG`, `REGISTRY_NOT_FOUND` for a name that is not the publisher's. Names that are claimed with it are the publisher's in the same
   * step, or nothing has happened.
   */
  publish(publisher: string, metadata: Uint8Array, archives: ReadonlyMap<string, Uint8Array>, also?: PublishedWith): void;
  /** What a scan found in that archive when it was published; undefined when nobody has looked. */
  findingsOf(sha256: string): readonly Finding[] | undefined;
  /**
   * Hands a name over, as a statement of its publisher's or of the founders' wants it, with the list of who gets it: all releases are in that. For one
   * of whom nothing is registered yet the keys are needed. Throws as `publish`.
   */
  transfer(statement: Uint8Array, list: Uint8Array, newcomer?: Owner): void;
  /** That such a statement would be done. Throws as `transfer`. */
  requireTransfer(statement: Uint8Array): void;
  /**
   * Other keys for a publisher, in all parts at once, with the list signed by them. Where the old ones have signed it too no statement is needed; without
   * them one of the founders'. Throws as `publish`.
   */
  rekey(publisher: string, owner: Owner, list: Uint8Array, statement?: Uint8Array): void;
  /** That it would be done. Throws as `rekey`. */
  requireRekey(publisher: string, owner: Owner, list: Uint8Array, statement?: Uint8Array): void;
  /** What nobody should run. */
  revocations(): readonly Revocation[];
  /** That this is the whole list from now on. Throws `REGISTRY_METADATA_UNSIGNED` for keys that have no say in it. */
  revoke(revocations: readonly Revocation[], signers: readonly Signer[]): void;
  /** What the founders have signed counts from now on. Throws as `applyStaged`, also when the server's own key would be another. */
  apply(staged: Staged): readonly StagedRole[];
  /** Signs anew what expires soon, as far as the server's key and these can, and says what else does; removes what nobody asks for any more. To be called
   * every few hours. */
  renew(signers?: readonly Signer[]): Renewal & { readonly removed: readonly string[] };
}

/** Throws `REGISTRY_NOT_FOUND` where there is none, and `REGISTRY_KEY_INVALID` for a key that is not the server's. */
export function openRepository(folder: string, { online, now, downloads }: RepositoryOptions): Repository {
  const files = repositoryFiles(folder);
  const { roles: top } = currentRoot(files).signed;
  if (![top.snapshot, top.timestamp].every(({ keyids }) => keyids.includes(online.id)))
    throw new RegistryError("REGISTRY_KEY_INVALID", `that key does not sign what changes in the registry in ${folder}`);
  const current = currentRoles(files);

  /** All of it counts from now on, the catalogue with it. */
  const commit = (changed: ReadonlyMap<string, Uint8Array>, packages: readonly PackageName[]): void => {
    const roles = withChanged(current, changed);
    const catalogue =
      packages.length > 0 ? nextCatalogue(files, { roles, revocations: known(), packages, online, now, downloads }) : undefined;
    stamp(files, { online, now, changed: catalogue ? new Map([...changed, ["catalogue", catalogue]]) : changed });
  };
  const known = (): readonly Revocation[] => currentRevocations(files, current);
  const handOver = () => ({ files, roles: current, revocations: known(), online, now });

  /** The roles that say whose names are, with these registered too, signed. */
  const claimed = (publisher: string, { names, keys, threshold = 1 }: Claim): ReadonlyMap<string, Uint8Array> => {
    checkedName(publisher);
    const before = ownerOf(current, publisher);
    if (before && !isSameOwner(before, { keys, threshold }))
      throw new RegistryError("REGISTRY_NAME_TAKEN", `${publisher} signs with other keys here: a publisher's keys are changed by a rekey`);
    const changed = new Map<string, Signed<"targets">>();
    for (const name of names) {
      checkedName(name.id);
      const role = namesRoleOf(current, name);
      const signed = changed.get(role) ?? current(role)!.signed;
      changed.set(role, { ...signed, delegations: claimedIn(signed, name, publisher, { keys, threshold }) });
    }
    return new Map([...changed].map(([role, { delegations }]) => [role, signNames(current(role)!, delegations, online, now)]));
  };

  const nameOwner = (name: PackageName) => ownerIn(current(namesRoleOf(current, name))!.signed, name);

  return {
    claim(name, publisher, keys, threshold = 1) {
      stamp(files, { online, now, changed: claimed(publisher, { names: [name], keys, threshold }) });
    },

    ownerOf: nameOwner,
    publisher: (publisher) => ownerOf(current, publisher),
    publishersIn: (role) =>
      role.startsWith("names-") ? (current(role)?.signed.delegations?.roles ?? []).flatMap(({ name }) => publisherOf(name) ?? []) : [],
    signedBy: (publisher) => current(publisherRole(publisher)),
    handedOver: (publisher) =>
      Object.keys(current(publisherRole(publisher))?.signed.targets ?? {}).filter((path) => nameOwner(releaseAt(path)!) !== publisher),

    publish(publisher, bytes, archives, { claim, findings } = {}) {
      const claims = claim ? claimed(publisher, claim) : new Map<string, Uint8Array>();
      const roles = withChanged(current, claims);
      const role = publisherRole(publisher);
      const list = parseMetadata("targets", role, bytes);
      const before = current(role);
      const namesOf = (name: PackageName) => roles(namesRoleOf(roles, name))!;
      const delegators = namesRolesWith(roles, publisher).map((one) => roles(one)!);
      const fresh = acceptList({ publisher, list, before, archives, namesOf, delegators, revocations: known(), now });
      const places = fresh.map((path) => [path, list.signed.targets[path]!.hashes.sha256] as const);
      try {
        for (const [path, sha256] of places) {
          const found = findings?.get(path);
          if (found) keepFindings(files, sha256, found);
          files.write(placeOf(path, sha256), archives.get(path)!);
        }
        commit(new Map([...claims, [role, bytes]]), packagesThatDiffer(before, list));
      } catch (error) {
        // Nothing names them yet: the timestamp, which is written last, was not.
        for (const [path, sha256] of places) files.remove(placeOf(path, sha256));
        throw error;
      }
    },

    findingsOf: (sha256) => findingsIn(files, sha256),

    transfer(statement, list, newcomer) {
      const { changed, packages } = transferred(handOver(), statement, list, newcomer);
      commit(changed, packages);
    },

    requireTransfer: (statement) => void requireTransfer(handOver(), statement),

    rekey(publisher, owner, list, statement) {
      const { changed, packages } = rekeyed(handOver(), publisher, owner, list, statement);
      commit(changed, packages);
    },

    requireRekey: (publisher, owner, list, statement) => void rekeyed(handOver(), publisher, owner, list, statement),

    revocations: known,

    revoke(revocations, signers) {
      const signed = { root: currentRoot(files), targets: current("targets")!, revocations: current("revocations")! };
      applyStaged(folder, signStaged(stage(signed, { revocations, now }), signers), { online, now });
    },

    apply: (staged) => applyStaged(folder, staged, { online, now }),

    renew(signers = []) {
      const names = Object.keys(currentSnapshot(files)!.snapshot.meta).map((file) => file.replace(/\.json$/, ""));
      const { changed, ...renewal } = renewed({ files, roles: current, names, signers: [online, ...signers], now });
      commit(changed, downloads ? countedAnew(files, withChanged(current, changed), downloads) : []);
      return { ...renewal, removed: sweep(files, current, now) };
    },
  };
}

function packagesThatDiffer(before: Metadata<"targets"> | undefined, after: Metadata<"targets">): readonly PackageName[] {
  const [then, now] = [before?.signed.targets ?? {}, after.signed.targets];
  const paths = Object.keys({ ...then, ...now }).filter((path) => !Bun.deepEquals(then[path], now[path]));
  return [...new Map(paths.map((path) => releaseAt(path)!).map((name) => [`${name.kind}/${name.id}`, name])).values()];
}
