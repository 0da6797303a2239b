/** What lies in a version's folder, with everything that it needs of others, as it was when it was installed: every file by its digest, beside the folder. */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { needsOf } from "../package/package.ts";
import { readText, replaceFile } from "./layout.ts";
import type { LockedVersion } from "./lock.ts";
import { isTreeAsLocked, isTreeKnown, type Tree, treeOf } from "./tree.ts";
import { isUnchanged } from "./unchanged.ts";

const recordOf = (folder: string): string => `${folder}.files`;

/** What shall lie in `folder`. */
export const record = (folder: string, tree: Tree): void => replaceFile(recordOf(folder), `${JSON.stringify(tree, null, 1)}\n`);

/** In what a version's folder differs from what was installed, file by file, for people. Empty: in nothing. */
export async function driftIn(folder: string, locked: LockedVersion): Promise<readonly string[]> {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return ["its folder is missing"];
  const recorded = readRecord(folder);
  const now = await treeOf(folder);
  const differing = differences(recorded, now);
  if (differing.length > 0) return differing;
  // Also where the record was changed with them.
  if (!isUnchanged(folder, locked.digest)) return [`its files do not come to ${locked.digest.slice(0, 12)}, as the lock says`];
  if (!isTreeAsLocked(locked, now)) return [saidOthersDiffer];
  const lockfile = readText(join(folder, "bun.lock"));
  const misnamed = misnamedIn(locked, lockfile === undefined ? undefined : Buffer.from(lockfile));
  if (misnamed.length > 0) return misnamed;
  const isKnown = recorded !== undefined || isTreeKnown(locked, now);
  return isKnown ? [] : ["nobody has recorded which files were installed with it"];
}

/** The same of what a plugin of a published Pincer needs, which lies in a folder of its own. */
export async function driftOfOthers(folder: string, locked: LockedVersion): Promise<readonly string[]> {
  const now = await treeOf(folder);
  const differing = differences(readRecord(folder), now);
  if (differing.length > 0) return differing;
  return isTreeAsLocked(locked, now) ? [] : [saidOthersDiffer];
}

export const saidOthersDiffer = "what it needs of others is not what the lock says of this system";

/** What the lock names of others, and the plugin does not, or in other bytes; a lock of before named nothing. */
export function misnamedIn({ packages }: Pick<LockedVersion, "packages">, lockfile: Uint8Array | undefined): readonly string[] {
  if (!packages) return [];
  const own = (lockfile && needsOf(lockfile).packages) ?? {};
  const names = [...new Set([...Object.keys(packages), ...Object.keys(own)])].sort();
  return names
    .filter((name) => packages[name] !== own[name])
    .map((name) => `the lock says of ${name} ${packages[name] ?? "nothing"}, its bun.lock ${own[name] ?? "nothing"}`);
}

function differences(recorded: Tree | undefined, now: Tree): readonly string[] {
  if (!recorded) return [];
  return [...new Set([...Object.keys(recorded), ...Object.keys(now)])].sort().flatMap((path) => {
    const [was, is] = [recorded[path], now[path]];
    return was === is ? [] : [`${path} ${was === undefined ? "was added" : is === undefined ? "is missing" : "was changed"}`];
  });
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
