/** What a client knows to be revoked, and what follows for what it found. */
import { RegistryError } from "../error.ts";
import type { Release } from "../name.ts";
import { longestRevocations, type PackageRevocation, type Revocation, readRevocations, revocationsPath } from "../revocations.ts";
import { sha256Of } from "../sha256.ts";
import { type Expected, joined } from "../source.ts";
import type { Metadata } from "../trust/metadata.ts";
import { keptRevocations, type TrustOptions } from "./trust.ts";

/** Under this the list itself is kept, beside the metadata that vouches for it. */
const keptAs = "revocations-list";

export interface KnownRevocations {
  /** The list that this metadata speaks of: as it is kept, or asked for. */
  read(metadata: Metadata<"targets"> | undefined, signal: AbortSignal | undefined): Promise<readonly Revocation[]>;
  /** The list that was read last, by whichever client of the same state. */
  last(): readonly Revocation[];
}

export function createKnownRevocations(
  options: TrustOptions,
  fetched: (path: string, expected: Expected, signal: AbortSignal | undefined) => AsyncIterable<Uint8Array>,
): KnownRevocations {
  const { state, source } = options;
  let list: readonly Revocation[] | undefined;
  let listSha256: string | undefined;
  const keptBytes = (sha256: string) => {
    const bytes = state.read(keptAs);
    return bytes && sha256Of(bytes) === sha256 ? bytes : undefined;
  };
  const take = (sha256: string, bytes: Uint8Array) => {
    list = readRevocations(bytes);
    listSha256 = sha256;
    return list;
  };
  return {
    async read(metadata, signal) {
      if (!metadata) return [];
      const target = metadata.signed.targets[revocationsPath];
      if (!target) throw new RegistryError("REGISTRY_METADATA_INVALID", `revocations.json of ${source.name} names no list`);
      const { length, hashes } = target;
      if (length > longestRevocations)
        throw new RegistryError("REGISTRY_TOO_LARGE", `${revocationsPath}: expected at most ${longestRevocations} bytes, came ${length}`);
      if (list && listSha256 === hashes.sha256) return list;
      const kept = keptBytes(hashes.sha256);
      if (kept) return take(hashes.sha256, kept);
      const bytes = await joined(fetched(revocationsPath, { length, sha256: hashes.sha256 }, signal));
      const read = take(hashes.sha256, bytes);
      state.write(keptAs, bytes);
      return read;
    },

    last() {
      if (list) return list;
      const sha256 = keptRevocations(options)?.signed.targets[revocationsPath]?.hashes.sha256;
      const bytes = sha256 === undefined ? undefined : keptBytes(sha256);
      return bytes ? take(sha256!, bytes) : [];
    },
  };
}

export function revokedError({ id, version }: Pick<Release, "id" | "version">, { reason, lastGood }: PackageRevocation): RegistryError {
  const back = lastGood === undefined ? "" : `; the last good version is ${lastGood}`;
  return new RegistryError("REGISTRY_REVOKED", `${id} ${version} is revoked: ${reason}${back}`);
}
