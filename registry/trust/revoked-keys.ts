/** Signatures by keys that are revoked count no more. */
import { RegistryError } from "../error.ts";
import { type KeyRevocation, keyRevocationOf, type Revocation } from "../revocations.ts";
import type { Metadata } from "./metadata.ts";
import { type Delegator, requireSigned } from "./verify.ts";

/** Throws `REGISTRY_REVOKED` where a role is signed by too few keys that still count, and as `requireSigned` where it never was. */
export function requireSignedByUnrevoked(
  delegator: Delegator,
  role: string,
  metadata: Metadata<"targets">,
  revocations: readonly Revocation[],
): void {
  requireSigned(delegator, role, metadata);
  const { revocation, error } = shortOfKeys(delegator, role, metadata, revocations) ?? {};
  if (!revocation) return;
  const { key, reason } = revocation;
  const whose = role.startsWith("publisher-") ? role.slice("publisher-".length) : `the registry's ${role}`;
  throw new RegistryError("REGISTRY_REVOKED", `the key of ${whose} is revoked (${key.slice(0, 8)}…): ${reason}`, { cause: error });
}

/** Why it counts no more, though it is signed by whom it must be. */
export function shortOfKeys(
  { signed }: Delegator,
  role: string,
  metadata: Metadata<"targets">,
  revocations: readonly Revocation[],
): { readonly revocation: KeyRevocation; readonly error: unknown } | undefined {
  const named = signed._type === "root" ? Object.entries(signed.roles) : signed.delegations!.roles.map((one) => [one.name, one] as const);
  const keys = signed._type === "root" ? signed.keys : signed.delegations!.keys;
  const { keyids } = named.find(([name]) => name === role)![1];
  const revoked = new Map(
    keyids.flatMap((keyid): readonly (readonly [string, KeyRevocation])[] => {
      const revocation = keyRevocationOf(revocations, keys[keyid]!.keyval.public);
      return revocation ? [[keyid, revocation]] : [];
    }),
  );
  const [revocation] = revoked.values();
  if (!revocation) return undefined;
  const left = <Of extends { readonly keyids: string[] }>(of: Of): Of => ({ ...of, keyids: keyids.filter((keyid) => !revoked.has(keyid)) });
  try {
    requireSigned(counting(signed, role, left), role, metadata);
    return undefined;
  } catch (error) {
    return { revocation, error };
  }
}

type Left = <Of extends { readonly keyids: string[] }>(of: Of) => Of;

/** With those keys for the role, and no others. */
function counting(signed: Delegator["signed"], role: string, left: Left): Delegator {
  if (signed._type === "root")
    return { signatures: [], signed: { ...signed, roles: { ...signed.roles, targets: left(signed.roles.targets) } } };
  const roles = signed.delegations!.roles.map((one) => (one.name === role ? left(one) : one));
  return { signatures: [], signed: { ...signed, delegations: { ...signed.delegations!, roles } } };
}
