/** Archives of packages that plugins need, each under its checksum: what was installed once is installed again without a network, and is checked again. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Checksum, fits } from "@pincer/plugin-kit/packages/integrity";

export interface ArchiveCache {
  /** Undefined when it is not here, or is damaged, in which case it goes. */
  read(checksum: Checksum): Uint8Array | undefined;
  /** Whole or not at all. */
  keep(checksum: Checksum, bytes: Uint8Array): void;
  /** What was not needed for the longest time goes, until the rest has at most so many bytes. */
  trim(bytes: number): void;
}

/** Below the folder of a cache or of a mirror. */
export const archiveFile = ({ algorithm, hex }: Checksum): string => `${algorithm}-${hex}.tgz`;

export function archiveCache(folder: string, now: () => number): ArchiveCache {
  const place = (checksum: Checksum) => join(folder, archiveFile(checksum));
  return {
    read(checksum) {
      const path = place(checksum);
      if (!existsSync(path)) return undefined;
      const bytes = readFileSync(path);
      if (!fits(bytes, checksum)) return void rmSync(path, { force: true });
      const at = now() / 1000;
      utimesSync(path, at, at);
      return bytes;
    },
    keep(checksum, bytes) {
      mkdirSync(folder, { recursive: true, mode: 0o700 }); // packages of the operator's own registry are nobody else's
      writeWhole(place(checksum), bytes);
    },
    trim(most) {
      if (!existsSync(folder)) return;
      const files = readdirSync(folder)
        .map((name) => join(folder, name))
        .flatMap((path) => {
          const stats = statSync(path, { throwIfNoEntry: false });
          return stats ? [{ path, size: stats.size, usedAt: stats.mtimeMs }] : [];
        })
        .sort((a, b) => b.usedAt - a.usedAt);
      let sum = 0;
      for (const { path, size } of files) {
        sum += size;
        if (sum > most) rmSync(path, { force: true });
      }
    },
  };
}

export function writeWhole(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const next = `${path}.${process.pid}.next`;
  writeFileSync(next, bytes, { flush: true });
  renameSync(next, path);
}
