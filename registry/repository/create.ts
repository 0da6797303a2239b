/** A new registry: who may say what in it, signed by the keys of its founders. */

import { cataloguePaths } from "../catalogue.ts";
import { revocationsPath } from "../revocations.ts";
import type { PublicKey, Signer } from "../trust/key.ts";
import { type RoleKeys, type Signed, signMetadata } from "../trust/metadata.ts";
import { namesPatterns, namesRole, prefixes } from "../trust/role.ts";
import { repositoryFiles } from "./files.ts";
import { lives, stamp, unsigned } from "./lifetime.ts";
import { signRevocations } from "./revoke.ts";

/** Whose keys count, for what. */
export interface Authority {
  /** They say whose keys count; kept offline. */
  readonly root: readonly PublicKey[];
  readonly rootThreshold: number;
  /** They say how the names are divided, and who revokes; kept offline. */
  readonly targets: readonly PublicKey[];
  readonly targetsThreshold: number;
  /** The server's: it registers names, and says what belongs together today. */
  readonly online: PublicKey;
  /** Each may say what nobody should run; without any the server may. */
  readonly revocations: readonly PublicKey[];
}

export interface Founders extends Authority {
  readonly online: Signer;
  readonly root: readonly Signer[];
  readonly targets: readonly Signer[];
  readonly revocations: readonly Signer[];
}

export interface CreateOptions {
  readonly founders: Founders;
  /** Among how many roles the names are divided: so many parts a client has to fetch less of when a name is added. */
  readonly parts: 1 | 16 | 256;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export const rolesOf = (keys: readonly PublicKey[], threshold: number): RoleKeys => ({ keyids: keys.map(({ id }) => id), threshold });
export const keysOf = (keys: readonly PublicKey[]) => Object.fromEntries(keys.map(({ id, json }) => [id, json]));

/** Answers with the root, which whoever installs from this registry has to trust to begin with. */
export function createRepository(folder: string, { founders, parts, now }: CreateOptions): Uint8Array<ArrayBuffer> {
  const files = repositoryFiles(folder);
  const { root, targets, online } = founders;
  const rootBytes = signMetadata(rootOf(founders, 1, now), root);
  const revocations = founders.revocations.length === 0 ? [online] : founders.revocations;
  const targetsSigned = targetsOf(founders, 1, parts, now);
  files.write("metadata/1.root.json", rootBytes);
  stamp(files, {
    online,
    now,
    changed: new Map([
      ["targets", signMetadata(targetsSigned, targets)],
      ["revocations", signRevocations(files, [], 1, revocations, now)],
      ...prefixes(parts).map(
        (prefix) => [namesRole(prefix), signMetadata({ ...unsigned("targets", 1, lives.names, now), targets: {} }, [online])] as const,
      ),
    ]),
  });
  return rootBytes;
}

/** Also for the root that follows it, with other keys: signed by those of both. */
export function rootOf(
  { root, rootThreshold, targets, targetsThreshold, online }: Authority,
  version: number,
  now: () => number,
): Signed<"root"> {
  return {
    ...unsigned("root", version, lives.root, now),
    consistent_snapshot: true,
    keys: keysOf([...root, ...targets, online]),
    roles: {
      root: rolesOf(root, rootThreshold),
      targets: rolesOf(targets, targetsThreshold),
      snapshot: rolesOf([online], 1),
      timestamp: rolesOf([online], 1),
    },
  };
}

/** How the names are divided among so many roles, and who revokes. */
export function targetsOf(
  { online, revocations }: Authority,
  version: number,
  parts: CreateOptions["parts"],
  now: () => number,
): Signed<"targets"> {
  const revoking = revocations.length === 0 ? [online] : revocations;
  const delegations = { keys: keysOf([online, ...revoking]), roles: delegatedRoles(online, revoking, parts) };
  return { ...unsigned("targets", version, lives.targets, now), targets: {}, delegations };
}

function delegatedRoles(online: PublicKey, revocations: readonly PublicKey[], parts: CreateOptions["parts"]) {
  const role = (name: string, keys: readonly PublicKey[], paths: readonly string[]) => ({
    name,
    ...rolesOf(keys, 1),
    terminating: true as const,
    paths: [...paths],
  });
  return [
    role("revocations", revocations, [revocationsPath]),
    role("catalogue", [online], [cataloguePaths]),
    ...prefixes(parts).map((prefix) => role(namesRole(prefix), [online], namesPatterns(prefix))),
  ];
}
