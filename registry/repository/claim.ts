/** What a role `names-<prefix>` says once a name, or a key, is another. */
import { RegistryError } from "../error.ts";
import { folderOf, type PackageName } from "../name.ts";
import type { PublicKey } from "../trust/key.ts";
import type { Signed } from "../trust/metadata.ts";
import { type Delegations, type Owner, ownerIn, publisherIn } from "../trust/owner.ts";
import { publisherRole } from "../trust/role.ts";
import { keysOf, rolesOf } from "./create.ts";

export interface Claim {
  readonly names: readonly PackageName[];
  readonly keys: readonly PublicKey[];
  readonly threshold?: number;
}

export const nameTaken = ({ id }: PackageName, owner: string, publisher: string): RegistryError =>
  new RegistryError(
    "REGISTRY_NAME_TAKEN",
    `${id} is ${owner}'s here, and not ${publisher}'s: publish under another name, or as ${owner}, or have ${owner} hand it over ("pincer registry transfer offer ${id} --to ${publisher}")`,
  );

const nothing: Delegations = { keys: {}, roles: [] };

/** With that name registered. Throws `REGISTRY_NAME_TAKEN`. */
export function claimedIn(names: Signed<"targets">, name: PackageName, publisher: string, owner: Owner): Delegations {
  const before = ownerIn(names, name);
  if (before !== undefined && before !== publisher) throw nameTaken(name, before, publisher);
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
