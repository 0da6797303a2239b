/** What a registry says of itself: which keys sign what, and until when that counts. All of it is checked but for its age, of which this tells. */
import { createKeptInMemory } from "./client/state.ts";
import { refreshTrust, type Trusted } from "./client/trust.ts";
import { RegistryError } from "./error.ts";
import { isDue } from "./repository/renew.ts";
import type { Signed } from "./repository/stage.ts";
import { type Revocation, readRevocations, revocationsPath } from "./revocations.ts";
import { joined, type RegistrySource, readTarget } from "./source.ts";
import { publicKeyOf } from "./trust/key.ts";
import type { Metadata, RoleKeys } from "./trust/metadata.ts";
import { hexKeysOf, publisherIn } from "./trust/owner.ts";
import { mayDelegate, publisherOf, type RoleName } from "./trust/role.ts";

export interface RoleStatus {
  readonly role: string;
  readonly version: number;
  /** In hex, and how many of them must sign. */
  readonly keys: readonly string[];
  readonly threshold: number;
  readonly expires: string;
  /** `due`: it should be signed anew by now. */
  readonly state: "fresh" | "due" | "expired";
}

export interface RegistryStatus {
  readonly roles: readonly RoleStatus[];
  readonly revocations: readonly Revocation[];
  /** Roles that cannot be had or believed. */
  readonly problems: readonly { readonly role: string; readonly code: string; readonly message: string }[];
}

export interface StatusOptions {
  readonly source: RegistrySource;
  readonly root: Uint8Array;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** However old it is. Throws as `refreshTrust`. */
const trustedOf = ({ source, root, signal }: Omit<StatusOptions, "now">): Promise<Trusted> =>
  refreshTrust({ source, root, now: () => 0, state: createKeptInMemory() }, signal);

/** What the founders have signed last, however old. */
export async function signedIn(options: Omit<StatusOptions, "now">): Promise<Signed & { readonly list: readonly Revocation[] }> {
  const { root, targets, below } = await trustedOf(options);
  const revocations = await below(targets, "revocations", options.signal);
  return { root, targets, revocations, list: await listIn(revocations, options) };
}

async function listIn({ signed }: Metadata<"targets">, { source, signal }: Omit<StatusOptions, "now">): Promise<readonly Revocation[]> {
  const target = signed.targets[revocationsPath];
  if (!target) return [];
  const { length, hashes } = target;
  return readRevocations(await joined(readTarget(source, { path: revocationsPath, length, sha256: hashes.sha256 }, signal)));
}

export async function statusOf(options: StatusOptions): Promise<RegistryStatus> {
  const { now, signal } = options;
  const trusted = await trustedOf(options);
  const { root, targets, snapshot, timestamp, below } = trusted;
  const roles: RoleStatus[] = [];
  const problems: RegistryStatus["problems"][number][] = [];
  const add = (role: string, { version, expires }: Metadata["signed"], keys: readonly string[], threshold: number) => {
    const state = now() >= Date.parse(expires) ? "expired" : isDue(role, expires, now) ? "due" : "fresh";
    if (!roles.some((known) => known.role === role)) roles.push({ role, version, keys, threshold, expires, state });
  };
  const hexOf = (all: Metadata<"root">["signed"]["keys"], { keyids }: RoleKeys) =>
    keyids.map((id) => publicKeyOf(all[id]!.keyval.public).json.keyval.public);
  const ask = async (delegator: Metadata<"targets">, role: RoleName): Promise<Metadata<"targets"> | undefined> => {
    if (!snapshot.signed.meta[`${role}.json`]) return undefined;
    try {
      return await below(delegator, role, signal);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code === "REGISTRY_UNREACHABLE") throw error;
      if (!problems.some((known) => known.role === role)) problems.push({ role, code: error.code, message: error.message });
      return undefined;
    }
  };
  let revocations: readonly Revocation[] = [];
  const { keys, roles: top } = root.signed;
  for (const [role, { signed }] of Object.entries({ root, targets, snapshot, timestamp }))
    add(role, signed, hexOf(keys, top[role as keyof typeof top]), top[role as keyof typeof top].threshold);
  for (const delegated of targets.signed.delegations?.roles ?? []) {
    const role = delegated.name;
    const metadata = mayDelegate("targets", role) ? await ask(targets, role) : undefined;
    if (!metadata) continue;
    add(role, metadata.signed, hexOf(targets.signed.delegations!.keys, delegated), delegated.threshold);
    if (role === "revocations") revocations = await listIn(metadata, options);
    for (const { name } of metadata.signed.delegations?.roles ?? []) {
      const publisher = publisherOf(name);
      const list = publisher === undefined ? undefined : await ask(metadata, name as RoleName);
      const owner = list && publisherIn(metadata.signed, publisher!)!;
      if (owner) add(name, list.signed, hexKeysOf(owner), owner.threshold);
    }
  }
  return { roles, revocations, problems };
}
