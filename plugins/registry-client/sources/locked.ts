/** What a lock names: its files are read when somebody wants them, and say themselves that they are it. */
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { type Release, wordOf } from "@pincer/registry/name";
import { clientErrors } from "../errors.ts";
import { identityOf } from "./identity.ts";
import type { Candidate, Origin } from "./source.ts";

type Locked<From extends Origin["from"]> = {
  readonly origin: Origin & { readonly from: From };
  readonly locked: Release;
  /** Throws `REGISTRY_FILE_WRONG` when they are not those of the origin. */
  read(signal: AbortSignal): Promise<readonly ArchiveEntry[]>;
};

export function lockedCandidate<From extends Origin["from"]>({ origin, locked, read }: Locked<From>): Candidate {
  const { kind, id, version } = locked;
  return {
    kind,
    id,
    version,
    origin,
    async files(signal) {
      const files = await read(signal);
      const found = identityOf(files, `${wordOf(kind)} ${id}`);
      if (found.kind === kind && found.id === id && found.version === version) return files;
      throw clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(
        `expected the ${wordOf(kind)} ${id} ${version}, which is locked, and came the ${wordOf(found.kind)} ${found.id} ${found.version}`,
      );
    },
  };
}
