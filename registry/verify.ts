/** Whether a registry is in order, file by file, as somebody sees it who trusts nothing but its root. */
import { archiveLimits } from "./archive/read.ts";
import { longestCatalogue } from "./catalogue.ts";
import { createKeptInMemory } from "./client/state.ts";
import { refreshTrust } from "./client/trust.ts";
import { type NamedFile, walk } from "./client/walk.ts";
import { RegistryError } from "./error.ts";
import { placeOf } from "./layout.ts";
import type { PackageName } from "./name.ts";
import { unpackRelease } from "./release.ts";
import { type Revocation, readRevocations, revocationOf, revocationsPath } from "./revocations.ts";
import { joined, type RegistrySource, readTarget } from "./source.ts";

export interface Problem {
  /** Of the file, in the registry. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface Verified {
  readonly problems: readonly Problem[];
  /** What was looked at. */
  readonly releases: number;
  readonly bytes: number;
  /** Of the metadata that says what is new: when it stops counting. */
  readonly expires?: string;
}

export interface VerifyOptions {
  readonly source: RegistrySource;
  readonly root: Uint8Array;
  /** These alone, as of a copy of them. */
  readonly packages?: readonly PackageName[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly signal?: AbortSignal;
}

/** Throws only when the registry does not answer. */
export async function verifyRegistry({ source, root, packages, now, signal }: VerifyOptions): Promise<Verified> {
  const problems: Problem[] = [];
  const report = (path: string, error: unknown) => {
    if (!(error instanceof RegistryError) || error.code === "REGISTRY_UNREACHABLE") throw error;
    // A publisher is asked for in each part that has a name of theirs.
    if (!problems.some((known) => known.path === path)) problems.push({ path, code: error.code, message: error.message });
  };
  let releases = 0;
  let bytes = 0;
  let trusted: Awaited<ReturnType<typeof refreshTrust>>;
  try {
    trusted = await refreshTrust({ source, root, now, state: createKeptInMemory() }, signal);
  } catch (error) {
    report("metadata", error);
    return { problems, releases, bytes };
  }
  const onFailure = (_role: string, place: string, error: unknown) => report(place, error);
  // What is revoked comes first: such an archive may be gone.
  let revoked: readonly Revocation[] = [];
  for await (const file of walk(trusted, { packages, signal, onFailure })) {
    const place = placeOf(file.path, file.sha256);
    try {
      const read = await joined(whole(file));
      bytes += read.length;
      if (file.path === revocationsPath) revoked = readRevocations(read);
      if (file.release) await unpackRelease(file.path, read, file.custom);
    } catch (error) {
      const isGone = error instanceof RegistryError && error.code === "REGISTRY_NOT_FOUND";
      if (!(isGone && file.release && revocationOf(revoked, file.release))) report(place, error);
    }
    if (file.release) releases += 1;
  }
  return { problems, releases, bytes, expires: trusted.timestamp.signed.expires };

  function whole({ path, length, sha256, release }: NamedFile): AsyncIterable<Uint8Array> {
    requireModest(path, length, release !== undefined);
    return readTarget(source, { path, length, sha256 }, signal);
  }
}

/** Before a byte of it is read: who signs a list may say any length. */
export function requireModest(path: string, length: number, isArchive: boolean): void {
  const most = isArchive ? archiveLimits.packedBytes : longestCatalogue.packed;
  if (length > most) throw new RegistryError("REGISTRY_TOO_LARGE", `${path}: expected at most ${most} bytes, came ${length}`);
}
