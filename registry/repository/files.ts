/** A registry's folder, which any server of static files may serve. Files are written whole or not at all, and each before what names it. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface RepositoryFiles {
  read(path: string): Uint8Array | undefined;
  has(path: string): boolean;
  write(path: string, bytes: Uint8Array): void;
}

export function repositoryFiles(folder: string): RepositoryFiles {
  const place = (path: string) => join(folder, path);
  return {
    read: (path) => (existsSync(place(path)) ? readFileSync(place(path)) : undefined),
    has: (path) => existsSync(place(path)),
    write(path, bytes) {
      mkdirSync(dirname(place(path)), { recursive: true });
      const next = `${place(path)}.${process.pid}.next`;
      writeFileSync(next, bytes, { flush: true });
      renameSync(next, place(path));
    },
  };
}
