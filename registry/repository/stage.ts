/** Prepares what a registry's founders sign next: other keys, more life, or another list of revocations. */
import { type Revocation, revocationsFile, revocationsPath } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import { type PublicKey, publicKeyOf } from "../trust/key.ts";
import type { Metadata } from "../trust/metadata.ts";
import { type Authority, keysOf, rootOf } from "./create.ts";
import { lives, unsigned } from "./lifetime.ts";
import { delegationsOf, type Staged, type StagedRole } from "./staged.ts";

/** What the founders have signed last. */
export interface Signed {
  readonly root: Metadata<"root">;
  readonly targets: Metadata<"targets">;
  readonly revocations: Metadata<"targets">;
}

export interface StageOptions {
  /** Whose keys count from now on; absent: those that count today. */
  readonly next?: Authority;
  /** What counts longer, though it says nothing new. */
  readonly renew?: readonly StagedRole[];
  readonly revocations?: readonly Revocation[];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Whose keys count today. */
export function authorityOf({ root, targets }: Pick<Signed, "root" | "targets">): Authority {
  const { keys, roles } = root.signed;
  const delegations = delegationsOf(targets);
  const all = { ...delegations.keys, ...keys };
  const publicKeys = (ids: readonly string[]): readonly PublicKey[] => ids.map((id) => publicKeyOf(all[id]!.keyval.public));
  return {
    root: publicKeys(roles.root.keyids),
    rootThreshold: roles.root.threshold,
    targets: publicKeys(roles.targets.keyids),
    targetsThreshold: roles.targets.threshold,
    online: publicKeys(roles.timestamp.keyids)[0]!,
    revocations: publicKeys(delegations.roles.find(({ name }) => name === "revocations")!.keyids),
  };
}

/** Signed by nobody yet. */
export function stage({ root, targets, revocations }: Signed, options: StageOptions): Staged {
  const { next = authorityOf({ root, targets }), renew = [], now } = options;
  const isSame = (a: { readonly keyids: readonly string[] }, b: { readonly keyids: readonly string[] }) =>
    Bun.deepEquals([...a.keyids].sort(), [...b.keyids].sort());
  const rootNext = rootOf(next, root.signed.version + 1, now);
  const { roles: then } = root.signed;
  const isOther = (role: keyof typeof then) =>
    !isSame(then[role], rootNext.roles[role]) || then[role].threshold !== rootNext.roles[role].threshold;
  const isRootNew = renew.includes("root") || isOther("root") || isOther("targets") || isOther("timestamp");

  const revoking = next.revocations.length === 0 ? [next.online] : next.revocations;
  const delegations = {
    keys: keysOf([next.online, ...revoking]),
    roles: targets.signed.delegations!.roles.map((role) => ({
      ...role,
      keyids: (role.name === "revocations" ? revoking : [next.online]).map(({ id }) => id),
    })),
  };
  const known = targets.signed.delegations!.roles;
  const changed = delegations.roles.filter((role, at) => !isSame(role, known[at]!)).map(({ name }) => name);
  const isTargetsNew = renew.includes("targets") || isOther("targets") || changed.length > 0;

  const list = options.revocations && revocationsFile(options.revocations);
  const isRevocationsNew = renew.includes("revocations") || changed.includes("revocations") || list !== undefined;
  const listed = list ? { [revocationsPath]: { length: list.length, hashes: { sha256: sha256Of(list) } } } : revocations.signed.targets;
  const nobody = { signatures: [] };
  return {
    before: { root, targets },
    next: {
      ...(isRootNew && { root: { ...nobody, signed: rootNext } }),
      ...(isTargetsNew && {
        targets: {
          ...nobody,
          signed: { ...targets.signed, ...unsigned("targets", targets.signed.version + 1, lives.targets, now), delegations },
        },
      }),
      ...(isRevocationsNew && {
        revocations: {
          ...nobody,
          signed: {
            ...revocations.signed,
            ...unsigned("targets", revocations.signed.version + 1, lives.revocations, now),
            targets: listed,
          },
        },
      }),
    },
    ...(list && { list: Buffer.from(list).toString("utf8") }),
  };
}
