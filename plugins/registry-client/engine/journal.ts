/**
 * What an installation has begun, written down before it is, so that one that was interrupted is either completed or taken back: completed when its
 * one step was made (`settle`, or for a removal the folder was put aside), taken back otherwise.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { revokedFileOf } from "@pincer/plugin-sdk/revoked";
import type { PackageName } from "@pincer/registry/name";
import { isInUse } from "./in-use.ts";
import { digestsOf, folderOf, isLinked, namesIn, pointedAt, readText, replaceFile, stagingOf, versionsOf } from "./layout.ts";
import { forgetLeft, keepLeft, removeKept } from "./left.ts";
import { keyOf, type LockEntry, readLock, withEntry, writeLock } from "./lock.ts";
import type { Change } from "./settings.ts";
import type { Surroundings } from "./surroundings.ts";

export interface Begun {
  readonly name: PackageName;
  /** What the lock says once it is done; null: nothing, since it was removed. */
  readonly entry: LockEntry | null;
  /** A plugin that is removed, or taken back at its first installation, goes with what it kept. */
  readonly data?: boolean;
  /** What makes the settings as they were. */
  readonly undo: readonly (readonly [path: readonly string[], value: Change[1] | null])[];
}

const fileOf = (home: string): string => join(stagingOf(home), "begun.json");

export const begin = (home: string, begun: Begun): void => replaceFile(fileOf(home), JSON.stringify(begun));

/** What others lay out there for when their turn comes stays. */
export function end(home: string): void {
  const inUse = namesIn(stagingOf(home)).filter(isInUse);
  if (inUse.length === 0) rmSync(stagingOf(home), { recursive: true, force: true });
  else
    for (const name of namesIn(stagingOf(home)))
      if (!inUse.includes(name)) rmSync(join(stagingOf(home), name), { recursive: true, force: true });
}

/** Whether something was begun, and is under way or was interrupted. */
export const isBegun = (home: string): boolean => existsSync(fileOf(home));

/** Before anything else is begun. */
export async function recover(surroundings: Surroundings, signal: AbortSignal): Promise<void> {
  const { home } = surroundings;
  const text = readText(fileOf(home));
  if (text !== undefined) {
    const begun = JSON.parse(text) as Begun;
    if (isMade(home, begun)) complete(home, begun);
    else await takeBack(surroundings, begun, signal);
  }
  end(home);
}

function isMade(home: string, { name, entry }: Begun): boolean {
  if (entry === null) return !existsSync(versionsOf(home, name));
  return pointedAt(home, name, "next") === undefined && pointedAt(home, name, "current") === entry.digest;
}

export function complete(home: string, { name, entry, data = false }: Begun): void {
  if (name.kind === "plugins") {
    if (entry) forgetLeft(home, name.id);
    else keepLeft(home, name.id, readLock(home)[keyOf(name)], data);
  }
  writeLock(home, withEntry(readLock(home), name, entry ?? undefined));
  prune(home, name, entry ?? undefined);
}

/** As it was before. */
export async function takeBack(
  { home, settings, running }: Surroundings,
  { name, undo, entry: wanted, data = false }: Begun,
  signal: AbortSignal,
): Promise<void> {
  await settings.change(
    undo.map(([path, value]) => [path, value ?? undefined]),
    signal,
  );
  rmSync(join(versionsOf(home, name), "next"), { force: true });
  const { [keyOf(name)]: entry } = readLock(home);
  if (entry || isLinked(home, name) || pointedAt(home, name, "current") !== undefined) prune(home, name, entry);
  else {
    discard(home, versionsOf(home, name));
    if (wanted && data) removeKept(home, name.id);
  }
  if (name.kind === "plugins") await running?.refresh(signal);
}

/** Put aside in one step, and removed at leisure. */
export function discard(home: string, folder: string): void {
  if (!existsSync(folder)) return;
  const aside = join(stagingOf(home), `gone-${crypto.randomUUID()}`);
  renameSync(folder, aside);
  rmSync(aside, { recursive: true, force: true });
}

/** Two versions are kept. */
function prune(home: string, name: PackageName, entry: LockEntry | undefined): void {
  const kept = new Set([entry?.digest, entry?.before?.digest, pointedAt(home, name, "current")]);
  for (const digest of digestsOf(home, name))
    if (!kept.has(digest)) {
      discard(home, folderOf(home, name, digest));
      rmSync(revokedFileOf(folderOf(home, name, digest)), { force: true });
    }
  if (namesIn(versionsOf(home, name)).length === 0) rmSync(versionsOf(home, name), { recursive: true, force: true });
}
