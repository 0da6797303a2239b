/** `pincer.lock` of a home, as it lies there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LockEntry } from "../../plugins/registry-client/engine/home/lock.ts";

/** Its folder, or whoever has one. */
type Home = string | { readonly path: string };

export const lockTextIn = (home: Home): string => readFileSync(join(typeof home === "string" ? home : home.path, "pincer.lock"), "utf8");

/** By kind and id. */
export const lockedIn = (home: Home): Readonly<Record<string, LockEntry>> => JSON.parse(lockTextIn(home)).packages;

/** Throws for one that is not there. */
export function entryIn(home: Home, key = "plugins/weather"): LockEntry {
  const entry = lockedIn(home)[key];
  if (entry === undefined) throw new Error(`pincer.lock has no ${key}: ${lockTextIn(home)}`);
  return entry;
}
