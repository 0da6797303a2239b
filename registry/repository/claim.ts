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

type Delegations = NonNullable<Signed<"targets">["delegations"]>;
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
export function claimedIn(names: Signed<"targets">, name: PackageName, publisher: string, { keys, threshold }: Owner): Delegations {
  const owner = ownerIn(names, name);
  if (owner !== undefined && owner !== publisher) throw new RegistryError("REGISTRY_NAME_TAKEN", `${name.id} is ${owner}'s`);
  const { keys: known, roles } = names.delegations ?? nothing;
  const own = publisherRole(publisher);
  const before = roles.find((one) => one.name === own)?.paths ?? [];
  const delegated = {
    name: own,
    ...rolesOf(keys, threshold),
    terminating: true as const,
    paths: [...new Set([...before, `${folderOf(name)}/*`])].sort(),
  };
  const all = [...roles.filter((one) => one.name !== own), delegated].sort((a, b) => (a.name < b.name ? -1 : 1));
  const used = new Set(all.flatMap(({ keyids }) => keyids));
  return { keys: Object.fromEntries(Object.entries({ ...known, ...keysOf(keys) }).filter(([id]) => used.has(id))), roles: all };
}
