/** A skill that a client of the wire has sent, which waits to be installed. */
import type { ArchiveEntry } from "@pincer/registry/archive/read";
import { readZip } from "@pincer/registry/archive/zip";
import { RegistryError } from "@pincer/registry/error";
import { clientErrors } from "../errors.ts";
import type { Uploads } from "../uploads.ts";
import { unwrapped } from "./contents.ts";
import { identityOf } from "./identity.ts";
import { lockedCandidate } from "./locked.ts";
import type { PackageSource, Wanted } from "./source.ts";

export function uploadedPackages(uploads: Uploads): PackageSource<Wanted & { readonly from: "upload" }> {
  return {
    async resolve({ id }) {
      const { slug, bytes, sha256 } = uploads.whole(id);
      const files = await filesOf(bytes);
      const found = identityOf(files, `the upload ${id}`);
      if (found.kind !== "skills" || found.id !== slug)
        throw clientErrors.REGISTRY_CLIENT_PACKAGE_INVALID(`expected the skill ${slug}, which was announced, came ${found.id}`);
      return { ...found, origin: { from: "upload", sha256 }, size: bytes.length, files: async () => files };
    },
    exactly: (origin, locked) =>
      lockedCandidate({
        origin,
        locked,
        async read() {
          const id = uploads.idOf(origin.sha256);
          if (id !== undefined) return filesOf(uploads.whole(id).bytes);
          const what = `${locked.id} ${locked.version} was sent over the wire, and is kept here no more`;
          throw new RegistryError("REGISTRY_NOT_FOUND", `${what}: send it again`);
        },
      }),
  };
}

const filesOf = async (bytes: Uint8Array): Promise<readonly ArchiveEntry[]> => unwrapped(await readZip(whole(bytes)));

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}
