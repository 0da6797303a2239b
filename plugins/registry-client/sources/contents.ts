/** The files of what is no registry's: where they do not say themselves what they are, and nobody checked them before. */
import { pack } from "@pincer/plugin-kit/archive";
import { createPaths } from "@pincer/registry/archive/path";
import { type ArchiveEntry, archiveLimits } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import { sha256Of } from "@pincer/registry/sha256";

/** As an archive's. Throws `REGISTRY_ARCHIVE_INVALID`, `REGISTRY_ARCHIVE_TOO_LARGE`. */
export function checkedFiles(files: readonly ArchiveEntry[], where: string): readonly ArchiveEntry[] {
  const tooLarge = (why: string) => new RegistryError("REGISTRY_ARCHIVE_TOO_LARGE", `${where} is too large: expected at most ${why}`);
  if (files.length > archiveLimits.files) throw tooLarge(`${archiveLimits.files} files, came ${files.length}`);
  if (sizeOf(files) > archiveLimits.unpackedBytes) throw tooLarge(`${archiveLimits.unpackedBytes} bytes, came ${sizeOf(files)}`);
  const take = createPaths();
  for (const { path } of files) take(path);
  return files;
}

export const sizeOf = (files: readonly ArchiveEntry[]): number => files.reduce((sum, { bytes }) => sum + bytes.length, 0);

/** Of the archive that everybody makes of these files, byte for byte. */
export const contentSha256 = (files: readonly ArchiveEntry[]): string => sha256Of(pack(files));

/** Without the one folder that everything is in, as npm and the hosts of repositories pack it. */
export function unwrapped(files: readonly ArchiveEntry[]): readonly ArchiveEntry[] {
  const [first] = files[0]?.path.split("/", 1) ?? [];
  if (!files.every(({ path }) => path.startsWith(`${first}/`))) return files;
  return files.map(({ path, bytes }) => ({ path: path.slice(first!.length + 1), bytes }));
}
