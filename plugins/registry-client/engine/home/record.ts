/** What lies in a version's folder, with everything that it needs of others, as it was when it was installed: every file by its digest, beside the folder. */
import { lstatSync } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { sha256Of } from "@pincer/registry/sha256";
import { isLeftByRun } from "./files.ts";
import { readText, replaceFile } from "./layout.ts";
import type { LockedVersion } from "./lock.ts";
import { isUnchanged } from "./unchanged.ts";

type Tree = Readonly<Record<string, string>>;

const recordOf = (folder: string): string => `${folder}.files`;

/** By path, a file's SHA-256, or where a link leads. There may be thousands, and a gateway has other things to do meanwhile. */
async function treeOf(folder: string): Promise<Tree> {
  const found: Record<string, string> = {};
  const walk = async (inside: string): Promise<void> => {
    for (const name of (await readdir(join(folder, inside))).sort()) {
      if (isLeftByRun(name)) continue;
      const path = inside === "" ? name : `${inside}/${name}`;
      const stats = await lstat(join(folder, path));
      if (stats.isDirectory()) await walk(path);
      else if (stats.isSymbolicLink()) found[path] = `-> ${await readlink(join(folder, path))}`;
      else found[path] = stats.isFile() ? sha256Of(await readFile(join(folder, path))) : "no file";
    }
  };
  await walk("");
  return found;
}

/** What lies in `staged` is what shall lie in `folder`. */
export async function record(folder: string, staged: string): Promise<void> {
  replaceFile(recordOf(folder), `${JSON.stringify(await treeOf(staged), null, 1)}\n`);
}

/** In what a version's folder differs from what was installed, file by file, for people. Empty: in nothing. */
export async function driftIn(folder: string, { digest }: LockedVersion): Promise<readonly string[]> {
  const recorded = readRecord(folder);
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return ["its folder is missing"];
  const now = await treeOf(folder);
  const paths = [...new Set([...Object.keys(recorded ?? {}), ...Object.keys(now)])].sort();
  const differing = recorded
    ? paths.flatMap((path) => {
        const [was, is] = [recorded[path], now[path]];
        return was === is ? [] : [`${path} ${was === undefined ? "was added" : is === undefined ? "is missing" : "was changed"}`];
      })
    : [];
  if (differing.length > 0) return differing;
  // Also where the record was changed with them.
  if (!isUnchanged(folder, digest)) return [`its files do not come to ${digest.slice(0, 12)}, as the lock says`];
  return recorded ? [] : ["nobody has recorded which files were installed with it"];
}

function readRecord(folder: string): Tree | undefined {
  const text = readText(recordOf(folder));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Tree;
  } catch {
    return undefined; // silent-ok: told as one that is not there
  }
}

const mostShown = 5;

/** In one line. */
export const shownDrift = (drift: readonly string[]): string =>
  drift.length <= mostShown ? drift.join(", ") : `${drift.slice(0, mostShown).join(", ")}, and ${drift.length - mostShown} more`;
