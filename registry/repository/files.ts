/** A registry's folder, which any server of static files may serve. Files are written whole or not at all, and each before what names it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface WrittenFile {
  readonly name: string;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
}

export interface RepositoryFiles {
  read(path: string): Uint8Array | undefined;
  has(path: string): boolean;
  write(path: string, bytes: Uint8Array): void;
  /** Files alone; none where there is no such folder. */
  list(folder: string): readonly WrittenFile[];
  remove(path: string): void;
}

export function repositoryFiles(folder: string): RepositoryFiles {
  const place = (path: string) => join(folder, path);
  return {
    read: (path) => (existsSync(place(path)) ? readFileSync(place(path)) : undefined),
    has: (path) => existsSync(place(path)),
    write(path, bytes) {
      mkdirSync(dirname(place(path)), { recursive: true });
      const next = `${place(path)}.${process.pid}.next`;
      try {
        writeFileSync(next, bytes, { flush: true });
        renameSync(next, place(path));
      } catch (error) {
        // On a disk that is full the half of it would keep it full.
        rmSync(next, { force: true });
        throw error;
      }
    },
    list(folder) {
      if (!existsSync(place(folder))) return [];
      return readdirSync(place(folder), { withFileTypes: true }).flatMap((entry) => {
        const stats = entry.isFile() ? statSync(place(`${folder}/${entry.name}`), { throwIfNoEntry: false }) : undefined;
        return stats ? [{ name: entry.name, writtenAt: stats.mtimeMs }] : [];
      });
    },
    remove: (path) => rmSync(place(path), { force: true }),
  };
}
