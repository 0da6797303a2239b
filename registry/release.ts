/** An archive, held against what is said of it: that it is the package and the version of its path, with the manifest that its publisher signed. */
import { type ArchiveEntry, readArchive } from "./archive/read.ts";
import { RegistryError } from "./error.ts";
import { readManifest } from "./manifest.ts";
import { type Release, releaseAt } from "./name.ts";
import { readNotes } from "./notes.ts";

export interface UnpackedRelease {
  readonly release: Release;
  readonly files: readonly ArchiveEntry[];
}

/** `path` is a release's. Throws `REGISTRY_ARCHIVE_*`. */
export async function unpackRelease(path: string, archive: Uint8Array, custom: unknown): Promise<UnpackedRelease> {
  const release = releaseAt(path)!;
  const files = await readArchive([archive]);
  const manifest = readManifest(release.kind, files);
  const wrong = (what: string, expected: string, came: string) =>
    new RegistryError("REGISTRY_ARCHIVE_INVALID", `${path}: expected ${what} ${expected} in its ${manifest.file}, came ${came}`);
  if (manifest.id !== release.id) throw wrong("the id", release.id, manifest.id);
  if (manifest.version !== undefined && manifest.version !== release.version) throw wrong("the version", release.version, manifest.version);
  const notes = readNotes(custom, path);
  if (notes.manifest !== manifest.sha256)
    throw new RegistryError("REGISTRY_ARCHIVE_INVALID", `${path}: its notes speak of another ${manifest.file} than the one in the archive`);
  return { release, files };
}
