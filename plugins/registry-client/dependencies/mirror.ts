/** What plugins need of others, kept beside the plugins themselves, so that a mirror is enough to install from. */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Checksum, fits } from "@pincer/plugin-kit/packages/integrity";
import { type LockedPackage, readLock } from "@pincer/plugin-kit/packages/lock";
import type { ArchiveSource } from "@pincer/plugin-kit/packages/loopback";
import { hasCode } from "@pincer/plugin-sdk/error";
import { readArchive } from "@pincer/registry/archive/read";
import { RegistryError } from "@pincer/registry/error";
import { archiveFile, writeWhole } from "./cache.ts";

export interface MirrorProgress extends LockedPackage {
  /** Packages that are there now, of so many. */
  readonly done: number;
  readonly total: number;
  /** Whether it was fetched now. */
  readonly isNew: boolean;
}

/** Relative to the folder or the address of a mirror. */
export const mirroredAt = (checksum: Checksum): string => `dependencies/${archiveFile(checksum)}`;

/**
 * Fetches every archive that a `bun.lock` names, for every system, and puts it into the folder, whole and checked. What is there already stays, so that
 * it goes on where it was interrupted. Throws `PLUGIN_INSTALL_FAILED` for a lock that names anything else than versions of a registry.
 */
export async function mirrorDependencies(
  lockText: string,
  folder: string,
  signal: AbortSignal,
  onProgress: (progress: MirrorProgress) => void,
  archives: ArchiveSource,
): Promise<void> {
  const { packages } = readLock("the lock", lockText);
  const failed = new AbortController();
  const given = AbortSignal.any([signal, failed.signal]);
  let done = 0;
  const outcomes = await Promise.allSettled(
    packages.map(async (wanted) => {
      const path = join(folder, mirroredAt(wanted.checksum));
      const isNew = !existsSync(path) || !fits(readFileSync(path), wanted.checksum);
      try {
        if (isNew) writeWhole(path, await archives(wanted, given));
      } catch (error) {
        failed.abort(error);
        throw error;
      }
      done++;
      onProgress({ ...wanted, done, total: packages.length, isNew });
    }),
  );
  signal.throwIfAborted();
  if (outcomes.some(({ status }) => status === "rejected")) throw failed.signal.reason;
}

export interface MirroredDependencies {
  /** Packages that are there now. */
  readonly packages: number;
  /** What cannot be installed anyway, and was left out. */
  readonly problems: readonly { readonly path: string; readonly code: string; readonly message: string }[];
}

/** What all plugins need that lie in the folder of a registry, as a mirror of one does. */
export async function mirrorDependenciesOf(
  folder: string,
  signal: AbortSignal,
  onProgress: (progress: MirrorProgress) => void,
  archives: ArchiveSource,
): Promise<MirroredDependencies> {
  const checksums = new Set<string>();
  const problems: MirroredDependencies["problems"][number][] = [];
  const paths = await Array.fromAsync(new Bun.Glob("targets/plugins/**/*.tgz").scan({ cwd: folder }));
  for (const path of paths.sort()) {
    signal.throwIfAborted();
    try {
      const files = await readArchive(createReadStream(join(folder, path)));
      const lock = files.find((file) => file.path === "bun.lock");
      if (!lock) continue;
      const told = (progress: MirrorProgress) => {
        checksums.add(progress.checksum.hex);
        onProgress(progress);
      };
      await mirrorDependencies(Buffer.from(lock.bytes).toString(), folder, signal, told, archives);
    } catch (error) {
      if (!hasCode(error, "PLUGIN_INSTALL_FAILED") && !(error instanceof RegistryError && error.code.startsWith("REGISTRY_ARCHIVE_")))
        throw error;
      problems.push({ path, code: error.code, message: error.message });
    }
  }
  return { packages: checksums.size, problems };
}
