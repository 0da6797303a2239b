/** Signatures by keys that are revoked count no more. */
import { RegistryError } from "../error.ts";
import { type KeyRevocation, keyRevocationOf, type Revocation } from "../revocations.ts";
import type { Metadata } from "./metadata.ts";
import { requireSigned } from "./verify.ts";

/** Throws `REGISTRY_REVOKED` where a publisher's list is signed by too few keys that still count, and as `requireSigned` where it never was. */
export function requireSignedByUnrevoked(
  delegator: Metadata<"targets">,
  role: string,
  list: Metadata<"targets">,
  revocations: readonly Revocation[],
): void {
  requireSigned(delegator, role, list);
  const { keys, roles } = delegator.signed.delegations!;
  const { keyids } = roles.find(({ name }) => name === role)!;
  const revoked = new Map(
    keyids.flatMap((keyid): readonly (readonly [string, KeyRevocation])[] => {
      const revocation = keyRevocationOf(revocations, keys[keyid]!.keyval.public);
      return revocation ? [[keyid, revocation]] : [];
    }),
  );
  const [first] = revoked.values();
  if (!first) return;
  const counting = roles.map((one) => (one.name === role ? { ...one, keyids: keyids.filter((keyid) => !revoked.has(keyid)) } : one));
  try {
    requireSigned({ ...delegator, signed: { ...delegator.signed, delegations: { keys, roles: counting } } }, role, list);
  } catch (error) {
    const { key, reason } = first;
    const publisher = role.replace(/^publisher-/, "");
    throw new RegistryError("REGISTRY_REVOKED", `the key of ${publisher} is revoked (${key.slice(0, 8)}…): ${reason}`, { cause: error });
  }
}
