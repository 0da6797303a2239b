/** The word that a plugin was removed: whoever removes it leaves it in the gateway's home, and the gateway ends what only it can, before anything of that name runs again. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folderOf = (home: string): string => join(home, "removed");

/** `data`: also the values that it kept in the gateway's store, which a later word without it does not take back. */
export function leaveRemoved(home: string, plugin: string, data: boolean): void {
  mkdirSync(folderOf(home), { recursive: true, mode: 0o700 });
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
