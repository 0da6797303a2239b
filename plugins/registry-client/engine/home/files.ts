/** The files of a package on the disk, and back. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ArchiveEntry } from "@pincer/registry/archive/read";

/** Into a folder that does not exist yet. Paths were checked when the archive was read. */
export function writeFiles(folder: string, files: readonly ArchiveEntry[]): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  for (const { path, bytes } of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(file, bytes, { mode: 0o644, flag: "wx" });
  }
}

/** All of them but those of third parties, which `bun.lock` says. Undefined when there is something that no package consists of, or no folder. */
export function readFiles(folder: string): readonly ArchiveEntry[] | undefined {
  const found: ArchiveEntry[] = [];
  const walk = (inside: string): boolean =>
    readdirSync(join(folder, inside), { withFileTypes: true }).every((entry) => {
      const path = inside === "" ? entry.name : `${inside}/${entry.name}`;
      if (path === "node_modules") return true;
      if (entry.isDirectory()) return walk(path);
      if (entry.isFile()) found.push({ path, bytes: readFileSync(join(folder, path)) });
      return entry.isFile();
    });
  try {
    return walk("") ? found : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
