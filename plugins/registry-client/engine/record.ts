/** What lies in a version's folder, with everything that it needs of others, as it was when it was installed: every file by its digest, beside the folder. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { sha256Of } from "@pincer/registry/sha256";
import { contentSha256 } from "../sources/contents.ts";
import { readFiles } from "./files.ts";
import { readText, replaceFile } from "./layout.ts";
import type { LockedVersion } from "./lock.ts";

type Tree = Readonly<Record<string, string>>;

const recordOf = (folder: string): string => `${folder}.files`;

/** By path, a file's SHA-256, or where a link leads. */
function treeOf(folder: string): Tree {
  const found: Record<string, string> = {};
  const walk = (inside: string): void => {
    for (const name of readdirSync(join(folder, inside))) {
      const path = inside === "" ? name : `${inside}/${name}`;
      const stats = lstatSync(join(folder, path));
      if (stats.isDirectory()) walk(path);
      else if (stats.isSymbolicLink()) found[path] = `-> ${readlinkSync(join(folder, path))}`;
      else found[path] = stats.isFile() ? sha256Of(readFileSync(join(folder, path))) : "no file";
    }
  };
  walk("");
  return found;
}

/** What lies in `staged` is what shall lie in `folder`. */
export const record = (folder: string, staged: string): void =>
  replaceFile(recordOf(folder), `${JSON.stringify(treeOf(staged), null, 1)}\n`);

/** In what a version's folder differs from what was installed, file by file, for people. Empty: in nothing. */
export function driftIn(folder: string, { digest }: LockedVersion): readonly string[] {
  const recorded = readRecord(folder);
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return ["its folder is missing"];
  const now = treeOf(folder);
  const paths = [...new Set([...Object.keys(recorded ?? {}), ...Object.keys(now)])].sort();
  const differing = recorded
    ? paths.flatMap((path) => {
        const [was, is] = [recorded[path], now[path]];
        return was === is ? [] : [`${path} ${was === undefined ? "was added" : is === undefined ? "is missing" : "was changed"}`];
      })
    : [];
  if (differing.length > 0) return differing;
  const files = readFiles(folder);
  // Also where the record was changed with them.
  if (!files || contentSha256(files) !== digest) return [`its files do not come to ${digest.slice(0, 12)}, as the lock says`];
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
