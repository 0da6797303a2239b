/** A plugin or a skill in an archive, on this machine or at an address. */
import { createReadStream, statSync } from "node:fs";
import { type ArchiveEntry, archiveLimits, readArchive } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import type { HttpReader } from "@pincer/registry/http-source";
import { sha256Of } from "@pincer/registry/sha256";
import { joined, upTo } from "@pincer/registry/source";
import { unwrapped } from "./contents.ts";
import { identityOf } from "./identity.ts";
import { lockedCandidate } from "./locked.ts";
import type { PackageSource, Wanted } from "./source.ts";
import { shownAddress, webAddress } from "./web-address.ts";

export function archivePackages(read: HttpReader): PackageSource<Wanted & { readonly from: "archive" }> {
  /** As many bytes as an archive may have, so that its digest is known before anything of it is looked at. */
  const fetched = (at: string, signal: AbortSignal): Promise<Uint8Array> => {
    const limit = archiveLimits.packedBytes;
    return joined(/^https?:/i.test(at) ? read(webAddress(at), { limit, signal }) : upTo(limit, at, fileAt(at, signal)));
  };
  return {
    async resolve({ at }, signal) {
      const bytes = await fetched(at, signal);
      const files = await filesOf(bytes);
      return {
        ...identityOf(files, shownAddress(at)),
        origin: { from: "archive", at, sha256: sha256Of(bytes) },
        size: bytes.length,
        files: async () => files,
      };
    },
    exactly: (origin, locked) =>
      lockedCandidate({
        origin,
        locked,
        async read(signal) {
          const bytes = await fetched(origin.at, signal);
          const sha256 = sha256Of(bytes);
          if (sha256 === origin.sha256) return filesOf(bytes);
          throw new RegistryError(
            "REGISTRY_FILE_WRONG",
            `${shownAddress(origin.at)} is another one now: expected SHA-256 ${origin.sha256}, came ${sha256}`,
          );
        },
      }),
  };
}

const filesOf = async (bytes: Uint8Array): Promise<readonly ArchiveEntry[]> => unwrapped(await readArchive([bytes]));

function fileAt(path: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile()) throw new RegistryError("REGISTRY_NOT_FOUND", `there is no ${stats ? "archive" : "file"} at ${path}`);
  return createReadStream(path, { signal });
}
