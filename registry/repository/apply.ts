/** What the founders have signed comes to count, all of it in one step; what the server's key signs follows. */
import { RegistryError } from "../error.ts";
import { placeOf } from "../layout.ts";
import { readRevocations, revocationsPath } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import type { Signer } from "../trust/key.ts";
import { type Metadata, parseMetadata, signMetadata } from "../trust/metadata.ts";
import { requireSigned } from "../trust/verify.ts";
import { nextCatalogue } from "./catalogue.ts";
import { currentRoles, currentRoot, currentSnapshot, type Roles, withChanged } from "./current.ts";
import { type RepositoryFiles, repositoryFiles } from "./files.ts";
import { lives, stamp, unsigned } from "./lifetime.ts";
import { currentRevocations } from "./revoke.ts";
import { type Staged, type StagedRole, stagedRoles } from "./staged.ts";

export interface ApplyOptions {
  /** The server's, as it is from then on: what that signs, it signs here. */
  readonly online: Signer;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Signs nothing of what the founders sign, even where the server's key could: who brings it may be anybody. Answers with the roles that are new; none when all of it counts already. Throws `REGISTRY_METADATA_UNSIGNED` where a signature is missing,
 * `REGISTRY_METADATA_MIXED` where the registry has gone on since it was staged, `REGISTRY_KEY_INVALID` for a key that is not the server's from then on;
 * and then nothing has happened. One that was interrupted is begun anew.
 */
export function applyStaged(folder: string, { next, list }: Staged, { online, now }: ApplyOptions): readonly StagedRole[] {
  const files = repositoryFiles(folder);
  const roles = currentRoles(files);
  const rootBefore = currentRoot(files);
  const current = { root: rootBefore, targets: roles("targets")!, revocations: roles("revocations")! };
  const names = stagedRoles.filter((role) => next[role] !== undefined);
  if (names.every((role) => Bun.deepEquals(current[role].signed, next[role]!.signed))) return [];
  for (const role of names) requireNext(role, current[role], next[role]!, now);

  const root = next.root ?? rootBefore;
  const delegator = next.targets ?? current.targets;
  if (next.root) {
    requireSigned(rootBefore, "root", next.root);
    requireSigned(next.root, "root", next.root);
  }
  requireSigned(root, "targets", delegator);
  requireSameParts(current.targets, delegator);
  requireSigned(delegator, "revocations", next.revocations ?? current.revocations);
  if (![root.signed.roles.snapshot, root.signed.roles.timestamp].every(({ keyids }) => keyids.includes(online.id)))
    throw new RegistryError("REGISTRY_KEY_INVALID", "that key does not sign what changes in the registry from then on");

  const changed = new Map<string, Uint8Array>();
  const bytesOf = (metadata: Metadata): Uint8Array => new TextEncoder().encode(JSON.stringify(metadata));
  for (const role of ["targets", "revocations"] as const) if (next[role]) changed.set(role, bytesOf(next[role]));
  relist(files, roles, changed, { list, online, now, revocations: next.revocations });
  resign(files, roles, changed, { delegator, online, now });
  const rootChange = next.root && { version: next.root.signed.version, bytes: bytesOf(next.root) };
  stamp(files, { online, now, changed, ...(rootChange && { root: rootChange }) });
  return names;
}

function requireNext(role: StagedRole, before: Metadata, { signed }: Metadata, now: () => number): void {
  const refuse = (code: "REGISTRY_METADATA_MIXED" | "REGISTRY_METADATA_INVALID", why: string) =>
    new RegistryError(code, `what was staged: ${role}: ${why}`);
  const wanted = before.signed.version + 1;
  if (signed.version !== wanted)
    throw refuse("REGISTRY_METADATA_MIXED", `expected version ${wanted}, came ${signed.version}: stage it anew, over what is there now`);
  if (!(now() < Date.parse(signed.expires)))
    throw refuse("REGISTRY_METADATA_INVALID", `it has expired at ${signed.expires}: stage it anew`);
}

/** How the names are divided stays: what is published lies where it was divided to. */
function requireSameParts(before: Metadata<"targets">, { signed }: Metadata<"targets">): void {
  const parts = (of: Metadata<"targets">["signed"]) => of.delegations?.roles.map(({ name, paths }) => [name, paths]);
  if (Bun.deepEquals(parts(before.signed), parts(signed)) && Bun.deepEquals(before.signed.targets, signed.targets)) return;
  throw new RegistryError(
    "REGISTRY_METADATA_INVALID",
    "what was staged: targets divides the names anew, which a registry that is in use does not",
  );
}

/** The list of revocations, where it is another, and the catalogue without what it names. */
function relist(
  files: RepositoryFiles,
  roles: Roles,
  changed: Map<string, Uint8Array>,
  {
    list,
    revocations,
    online,
    now,
  }: ApplyOptions & { readonly list?: string | undefined; readonly revocations?: Metadata<"targets"> | undefined },
): void {
  const target = revocations?.signed.targets[revocationsPath];
  if (!target || target.hashes.sha256 === roles("revocations")!.signed.targets[revocationsPath]?.hashes.sha256) return;
  const bytes = new TextEncoder().encode(list ?? "");
  if (bytes.length !== target.length || sha256Of(bytes) !== target.hashes.sha256)
    throw new RegistryError("REGISTRY_FILE_WRONG", `what was staged: the list of revocations is not the one that is signed`);
  const [before, after] = [currentRevocations(files, roles), readRevocations(bytes)];
  files.write(placeOf(revocationsPath, target.hashes.sha256), bytes);
  const packages = [...before, ...after].flatMap((one) => ("id" in one ? [{ kind: one.kind, id: one.id }] : []));
  if (packages.length === 0) return;
  const catalogue = nextCatalogue(files, { roles: withChanged(roles, changed), revocations: after, packages, online, now });
  if (catalogue) changed.set("catalogue", catalogue);
}

/** What the server's key signs, where that is another from now on. */
function resign(
  files: RepositoryFiles,
  roles: Roles,
  changed: Map<string, Uint8Array>,
  { delegator, online, now }: ApplyOptions & { readonly delegator: Metadata<"targets"> },
): void {
  const { meta } = currentSnapshot(files)!.snapshot;
  for (const { name } of delegator.signed.delegations!.roles) {
    if (!meta[`${name}.json`] || changed.has(name)) continue;
    const metadata = roles(name)!;
    try {
      requireSigned(delegator, name, metadata);
    } catch {
      // silent-ok: signed by the key before, which is why it is signed anew
      const bytes = signMetadata({ ...metadata.signed, ...unsigned("targets", metadata.signed.version + 1, lives.names, now) }, [online]);
      requireSigned(delegator, name, parseMetadata("targets", name, bytes));
      changed.set(name, bytes);
    }
  }
}
