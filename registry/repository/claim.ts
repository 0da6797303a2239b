/** Whose names are, as a role `names-<prefix>` says it. */
import { RegistryError } from "../error.ts";
import { folderOf, type PackageName } from "../name.ts";
import { type PublicKey, publicKeyOf } from "../trust/key.ts";
import type { Signed } from "../trust/metadata.ts";
import { publisherOf, publisherRole } from "../trust/role.ts";
import { keysOf, rolesOf } from "./create.ts";

/** With which keys a publisher signs, and how many of them must. */
export interface Owner {
  readonly keys: readonly PublicKey[];
  readonly threshold: number;
}

export interface Claim {
  readonly names: readonly PackageName[];
  readonly keys: readonly PublicKey[];
  readonly threshold?: number;
}

export type Delegations = NonNullable<Signed<"targets">["delegations"]>;
const nothing: Delegations = { keys: {}, roles: [] };

export function ownerIn({ delegations = nothing }: Signed<"targets">, name: PackageName): string | undefined {
  const owner = delegations.roles.find(({ paths }) => paths.includes(`${folderOf(name)}/*`));
  return owner && publisherOf(owner.name);
}

export function publisherIn({ delegations = nothing }: Signed<"targets">, publisher: string): Owner | undefined {
  const role = delegations.roles.find(({ name }) => name === publisherRole(publisher));
  return role && { keys: role.keyids.map((id) => publicKeyOf(delegations.keys[id]!.keyval.public)), threshold: role.threshold };
}

/** With that name registered. Throws `REGISTRY_NAME_TAKEN`. */
export function claimedIn(names: Signed<"targets">, name: PackageName, publisher: string, owner: Owner): Delegations {
  const before = ownerIn(names, name);
  if (before !== undefined && before !== publisher) throw new RegistryError("REGISTRY_NAME_TAKEN", `${name.id} is ${before}'s`);
  return withPaths(names, publisher, owner, (paths) => [...paths, `${folderOf(name)}/*`]);
}

/** With that name registered for nobody. */
export const releasedIn = (names: Signed<"targets">, name: PackageName, publisher: string): Delegations =>
  withPaths(names, publisher, publisherIn(names, publisher)!, (paths) => paths.filter((path) => path !== `${folderOf(name)}/*`));

/** With other keys for that publisher. */
export const rekeyedIn = (names: Signed<"targets">, publisher: string, owner: Owner): Delegations =>
  withPaths(names, publisher, owner, (paths) => paths);

function withPaths(
  { delegations = nothing }: Signed<"targets">,
  publisher: string,
  { keys, threshold }: Owner,
  change: (paths: readonly string[]) => readonly string[],
): Delegations {
  const own = publisherRole(publisher);
  const others = delegations.roles.filter(({ name }) => name !== own);
  const paths = [...new Set(change(delegations.roles.find(({ name }) => name === own)?.paths ?? []))].sort();
  const delegated = { name: own, ...rolesOf(keys, threshold), terminating: true as const, paths };
  const roles = [...others, ...(paths.length > 0 ? [delegated] : [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  const used = new Set(roles.flatMap(({ keyids }) => keyids));
  return { keys: Object.fromEntries(Object.entries({ ...delegations.keys, ...keysOf(keys) }).filter(([id]) => used.has(id))), roles };
}
