/** Whose a name is, and with which keys a publisher signs, as a role `names-<prefix>` says it. */
import { folderOf, type PackageName } from "../name.ts";
import { type PublicKey, publicKeyOf } from "./key.ts";
import type { Signed } from "./metadata.ts";
import { publisherOf, publisherRole } from "./role.ts";

/** With which keys a publisher signs, and how many of them must. */
export interface Owner {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

export type Delegations = NonNullable<Signed<"targets">["delegations"]>;

export function ownerIn({ delegations }: Signed<"targets">, name: PackageName): string | undefined {
  const owner = delegations?.roles.find(({ paths }) => paths.includes(`${folderOf(name)}/*`));
  return owner && publisherOf(owner.name);
}

/** Undefined when nothing is registered for the publisher there. */
export function publisherIn({ delegations }: Signed<"targets">, publisher: string): Owner | undefined {
  const role = delegations?.roles.find(({ name }) => name === publisherRole(publisher));
  return role && { keys: role.keyids.map((id) => publicKeyOf(delegations!.keys[id]!.keyval.public)), threshold: role.threshold };
}

/** In hex, always in the same order. */
export const hexKeysOf = ({ keys }: Owner): string[] => keys.map(({ json }) => json.keyval.public).sort();

export const isSameOwner = (a: Owner, b: Owner): boolean => a.threshold === b.threshold && Bun.deepEquals(hexKeysOf(a), hexKeysOf(b));
