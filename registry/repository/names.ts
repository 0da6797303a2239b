/** Which role says whose a name is, and what it says next. */
import { folderOf, type PackageName } from "../name.ts";
import type { Signer } from "../trust/key.ts";
import { type Metadata, type Signed, signMetadata } from "../trust/metadata.ts";
import type { Delegations } from "../trust/owner.ts";
import { isInPattern } from "../trust/pattern.ts";
import { publisherRole } from "../trust/role.ts";
import type { Roles } from "./current.ts";
import { lives, unsigned } from "./lifetime.ts";

const namesRolesIn = (roles: Roles): readonly string[] =>
  roles("targets")!.signed.delegations!.roles.flatMap(({ name }) => (name.startsWith("names-") ? [name] : []));

export const namesRoleOf = (roles: Roles, name: PackageName): string =>
  roles("targets")!.signed.delegations!.roles.find(({ paths }) => paths.some((pattern) => isInPattern(pattern, `${folderOf(name)}/any`)))!
    .name;

/** Those in which that publisher has names. */
export const namesRolesWith = (roles: Roles, publisher: string): readonly string[] =>
  namesRolesIn(roles).filter((role) => roles(role)!.signed.delegations?.roles.some(({ name }) => name === publisherRole(publisher)));

/** A `names` role that says so next, signed. */
export function signNames(
  { signed }: Metadata<"targets">,
  delegations: Delegations | undefined,
  online: Signer,
  now: () => number,
): Uint8Array {
  const next: Signed<"targets"> = { ...signed, ...unsigned("targets", signed.version + 1, lives.names, now) };
  return signMetadata(delegations ? { ...next, delegations } : next, [online]);
}
