/** The word that a plugin was removed: whoever removes it leaves it in the gateway's home, and the gateway ends what only it can, before anything of that name runs again. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemClock } from "./system-clock.ts";

const folderOf = (home: string): string => join(home, "removed");

/** When plugins were removed last, which is remembered for good: a job that waits may be from before. */
const timeOf = (home: string, plugin: string): string => join(home, "removed-at", plugin);

/** `data`: also the values that it kept in the gateway's store, which a later word without it does not take back. */
export function leaveRemoved(home: string, plugin: string, data: boolean): void {
  for (const folder of [folderOf(home), dirname(timeOf(home, plugin))]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(timeOf(home, plugin), String(systemClock.now()), { mode: 0o600, flush: true });
  const file = join(folderOf(home), plugin);
  if (data || !existsSync(file)) writeFileSync(file, data ? "data" : "", { mode: 0o600, flush: true });
}

/** Of which the gateway has still to end something. */
export const removedIn = (home: string): readonly string[] => (existsSync(folderOf(home)) ? readdirSync(folderOf(home)) : []);

/** Undefined: nobody removed it since the gateway looked last. */
export function removalOf(home: string, plugin: string): { readonly data: boolean } | undefined {
  const file = join(folderOf(home), plugin);
  return existsSync(file) ? { data: readFileSync(file, "utf8") === "data" } : undefined;
}

export const forgetRemoval = (home: string, plugin: string): void => rmSync(join(folderOf(home), plugin), { force: true });

/**
 * Whether what was asked of a plugin then was asked of one that was removed since; in epoch milliseconds. A time that is yet to come is of a clock that
 * was wrong: nothing that is asked until then must be lost for that.
 */
export function isFromBefore(home: string, plugin: string, askedAt: number): boolean {
  const file = timeOf(home, plugin);
  if (!existsSync(file)) return false;
  const removedAt = Number(readFileSync(file, "utf8"));
  return askedAt <= removedAt && removedAt <= systemClock.now();
}
