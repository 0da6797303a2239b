/** What a registry says nobody should run: the list, and the metadata that vouches for it. */
import { placeOf } from "../layout.ts";
import { type Revocation, readRevocations, revocationsFile, revocationsPath } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import type { Signer } from "../trust/key.ts";
import { signMetadata } from "../trust/metadata.ts";
import type { Roles } from "./current.ts";
import type { RepositoryFiles } from "./files.ts";
import { lives, unsigned } from "./lifetime.ts";

export function currentRevocations(files: RepositoryFiles, roles: Roles): readonly Revocation[] {
  const target = roles("revocations")?.signed.targets[revocationsPath];
  return target ? readRevocations(files.read(placeOf(revocationsPath, target.hashes.sha256))!) : [];
}

/** Writes the list, which nothing names yet, and answers with the metadata that does. */
export function signRevocations(
  files: RepositoryFiles,
  revocations: readonly Revocation[],
  version: number,
  signers: readonly Signer[],
  now: () => number,
): Uint8Array {
  const bytes = revocationsFile(revocations);
  const sha256 = sha256Of(bytes);
  files.write(placeOf(revocationsPath, sha256), bytes);
  const targets = { [revocationsPath]: { length: bytes.length, hashes: { sha256 } } };
  return signMetadata({ ...unsigned("targets", version, lives.revocations, now), targets }, signers);
}
