/** Whether what was installed lies there as it came. */
import { existsSync } from "node:fs";
import type { PackageName } from "@pincer/registry/name";
import { contentSha256 } from "../../sources/contents.ts";
import { readFiles } from "./files.ts";
import { folderOf, isLinked, pointedAt } from "./layout.ts";

export function isUnchanged(folder: string, digest: string): boolean {
  const files = readFiles(folder);
  return files !== undefined && contentSha256(files) === digest;
}

/** The folder of the version that counts, where somebody has changed it; undefined also where none is there. */
export function changedFolder(home: string, name: PackageName): string | undefined {
  const digest = pointedAt(home, name, "current");
  if (digest === undefined || !/^[0-9a-f]{64}$/.test(digest) || isLinked(home, name)) return undefined;
  const folder = folderOf(home, name, digest);
  return existsSync(folder) && !isUnchanged(folder, digest) ? folder : undefined;
}
