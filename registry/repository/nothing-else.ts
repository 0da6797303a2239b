/** That what was staged says whose keys count, and for how long, and nothing beside that: who signs it is shown no more, and whoever staged it may be false. */
import { RegistryError } from "../error.ts";
import { revocationsPath } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import type { Metadata } from "../trust/metadata.ts";
import { rootOf, targetsOf } from "./create.ts";
import { unsigned } from "./lifetime.ts";
import { authorityOf } from "./stage.ts";
import type { Staged } from "./staged.ts";

/** Made of the keys alone, so that it does not hang on what the file says of before. Throws `REGISTRY_METADATA_INVALID`, `REGISTRY_FILE_WRONG`. */
export function requireNothingElse({ before, next, list }: Staged): void {
  const authority = authorityOf({ root: next.root ?? before.root, targets: next.targets ?? before.targets });
  const [epoch, life] = [() => 0, 0];
  if (next.root) requireSame("root", next.root, rootOf(authority, next.root.signed.version, epoch));
  if (next.targets) {
    const parts = next.targets.signed.delegations!.roles.filter(({ name }) => name.startsWith("names-")).length;
    if (parts !== 1 && parts !== 16 && parts !== 256) throw refuse("targets divides the names as no registry does");
    requireSame("targets", next.targets, targetsOf(authority, next.targets.signed.version, parts, epoch));
  }
  if (!next.revocations) return;
  const { version, targets } = next.revocations.signed;
  const listed = targets[revocationsPath];
  requireSame("revocations", next.revocations, {
    ...unsigned("targets", version, life, epoch),
    targets: listed ? { [revocationsPath]: { length: listed.length, hashes: listed.hashes } } : {},
  });
  if (list !== undefined && sha256Of(Buffer.from(list)) !== listed?.hashes.sha256)
    throw new RegistryError("REGISTRY_FILE_WRONG", "what was staged: the list of revocations is not the one that would be signed");
}

const refuse = (why: string) => new RegistryError("REGISTRY_METADATA_INVALID", `what was staged: ${why}: nobody should sign it`);

function requireSame(role: string, { signed }: Metadata, plain: Metadata["signed"]): void {
  if (!Bun.deepEquals(signed, { ...plain, expires: signed.expires }))
    throw refuse(`${role} says something else than which keys count, and for how long`);
}
