/** Whether what was installed lies there as it came. */
import { existsSync } from "node:fs";
import type { PackageName } from "@pincer/registry/name";
import { contentSha256 } from "../../sources/contents.ts";
import type { Notice } from "../plan/plan.ts";
import { readFiles } from "./files.ts";
import { folderOf, isLinked, pointedAt } from "./layout.ts";

/** The code of the yes that writes over what somebody has changed. */
export const changedHere = "changed-here";

/** Without what Python leaves beside the scripts of a skill that it has run. */
export function isUnchanged(folder: string, digest: string): boolean {
  const files = readFiles(folder)?.filter(({ path }) => !/(^|\/)__pycache__\//.test(path));
  return files !== undefined && contentSha256(files) === digest;
}

/** The folder of the version that counts, where somebody has changed it; undefined also where none is there. */
export function changedFolder(home: string, name: PackageName): string | undefined {
  const digest = pointedAt(home, name, "current");
  if (digest === undefined || !/^[0-9a-f]{64}$/.test(digest) || isLinked(home, name)) return undefined;
  const folder = folderOf(home, name, digest);
  return existsSync(folder) && !isUnchanged(folder, digest) ? folder : undefined;
}

export const writesOver = (folder: string): Notice => ({
  ...{ code: changedHere, level: "yes" },
  text: `its files were changed in ${folder} since it was installed, and are written over`,
});
