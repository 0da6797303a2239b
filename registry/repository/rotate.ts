/** Other keys for a registry, or more life for its root: signed by those that counted before and by those that count from now on. */

import type { PublicKey, Signer } from "../trust/key.ts";
import { type MetadataKind, parseMetadata, type Signed, signMetadata } from "../trust/metadata.ts";
import { requireSigned } from "../trust/verify.ts";
import { type Authority, keysOf, rootOf } from "./create.ts";
import { currentRoles, currentRoot, currentSnapshot } from "./current.ts";
import { repositoryFiles } from "./files.ts";
import { lives, stamp, unsigned } from "./lifetime.ts";

export interface RotateOptions {
  /** Whose keys count from now on. */
  readonly next: Authority;
  /** All that are at hand, of then and of now; each signs what it may. */
  readonly signers: readonly Signer[];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Answers with the new root; clients follow from theirs. Throws `REGISTRY_METADATA_UNSIGNED` when a signature is missing, and then nothing has
 * happened. One that was interrupted is begun anew.
 */
export function rotateRoot(folder: string, { next, signers, now }: RotateOptions): Uint8Array {
  const files = repositoryFiles(folder);
  const before = currentRoot(files);
  const roles = currentRoles(files);
  const all = [...signers, next.online];
  const sign = <Of extends MetadataKind>(signed: Signed<Of>, keyids: readonly string[]) => {
    const able = new Map(all.flatMap((signer) => (keyids.includes(signer.id) ? [[signer.id, signer] as const] : [])));
    return signMetadata(signed, [...able.values()]);
  };
  const rootBytes = sign(rootOf(next, before.signed.version + 1, now), [
    ...before.signed.roles.root.keyids,
    ...next.root.map(({ id }) => id),
  ]);
  const root = parseMetadata("root", "root", rootBytes);
  requireSigned(before, "root", root);
  requireSigned(root, "root", root);

  const changed = new Map<string, Uint8Array>();
  const targets = roles("targets")!;
  const revocations: readonly PublicKey[] = next.revocations.length === 0 ? [next.online] : next.revocations;
  const delegations = {
    keys: keysOf([next.online, ...revocations]),
    roles: targets.signed.delegations!.roles.map((role) => ({
      ...role,
      keyids: (role.name === "revocations" ? revocations : [next.online]).map(({ id }) => id),
    })),
  };
  const isSame = (a: readonly string[], b: readonly string[]) => Bun.deepEquals([...a].sort(), [...b].sort());
  let delegator = targets;
  const { targets: then } = before.signed.roles;
  const { targets: later } = root.signed.roles;
  if (
    !Bun.deepEquals(delegations, targets.signed.delegations) ||
    !isSame(then.keyids, later.keyids) ||
    then.threshold !== later.threshold
  ) {
    const version = targets.signed.version + 1;
    const bytes = sign({ ...targets.signed, ...unsigned("targets", version, lives.targets, now), delegations }, later.keyids);
    delegator = parseMetadata("targets", "targets", bytes);
    requireSigned(root, "targets", delegator);
    changed.set("targets", bytes);
  }
  const { meta } = currentSnapshot(files)!.snapshot;
  for (const { name, keyids } of delegations.roles) {
    const known = targets.signed.delegations!.roles.find((role) => role.name === name)!;
    if (isSame(known.keyids, keyids) || !meta[`${name}.json`]) continue;
    const { signed } = roles(name)!;
    const life = name === "revocations" ? lives.revocations : lives.names;
    const bytes = sign({ ...signed, ...unsigned("targets", signed.version + 1, life, now) }, keyids);
    requireSigned(delegator, name, parseMetadata("targets", name, bytes));
    changed.set(name, bytes);
  }
  stamp(files, { online: next.online, now, changed, root: { version: root.signed.version, bytes: rootBytes } });
  return rootBytes;
}

/** More life for the root, with the keys that it names. False when these do not suffice. */
export function extendRoot(folder: string, { online, signers, now }: Omit<RotateOptions, "next"> & { readonly online: Signer }): boolean {
  const files = repositoryFiles(folder);
  const { keys, roles: top } = currentRoot(files).signed;
  const { delegations } = currentRoles(files)("targets")!.signed;
  const publicKeys = (of: Readonly<Record<string, PublicKey["json"]>>, ids: readonly string[]) => ids.map((id) => ({ id, json: of[id]! }));
  const next: Authority = {
    root: publicKeys(keys, top.root.keyids),
    rootThreshold: top.root.threshold,
    targets: publicKeys(keys, top.targets.keyids),
    targetsThreshold: top.targets.threshold,
    online,
    revocations: publicKeys(delegations!.keys, delegations!.roles.find(({ name }) => name === "revocations")!.keyids),
  };
  const able = signers.filter(({ id }) => top.root.keyids.includes(id));
  if (new Set(able.map(({ id }) => id)).size < top.root.threshold) return false;
  rotateRoot(folder, { next, signers: able, now });
  return true;
}
