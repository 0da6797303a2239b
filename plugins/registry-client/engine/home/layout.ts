/**
 * Where what is installed lies in a gateway's home: `<home>/<kind>/<id>/<digest>/`, never changed once it is there. `current` beside it names the
 * version that counts, and `next` one that is being tried.
 */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { PackageName } from "@pincer/registry/name";

export const versionsOf = (home: string, { kind, id }: PackageName): string => join(home, kind, id);
/** On the same file system, so that what is ready is put in its place in one step. Emptied whenever nobody is at work. */
export const stagingOf = (home: string): string => join(home, "staging");

type Pointer = "current" | "next";

export function pointedAt(home: string, name: PackageName, pointer: Pointer): string | undefined {
  return readText(join(versionsOf(home, name), pointer))?.trim();
}

export function point(home: string, name: PackageName, pointer: Pointer, digest: string): void {
  replaceFile(join(versionsOf(home, name), pointer), `${digest}\n`);
}

/** What was tried is what counts from now on: this is the one step in which an installation happens. */
export function settle(home: string, name: PackageName): void {
  const folder = versionsOf(home, name);
  renameSync(join(folder, "next"), join(folder, "current"));
  syncFolder(folder);
}

export const isLinked = (home: string, name: PackageName): boolean =>
  lstatSync(join(versionsOf(home, name), "linked"), { throwIfNoEntry: false })?.isSymbolicLink() === true;

/** Of a version that was installed, absolute. */
export const folderOf = (home: string, name: PackageName, digest: string): string => join(versionsOf(home, name), digest);

export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // silent-ok: others are at work there, or nothing was
  }
}

/** Undefined when there is no such file, nor a folder for it. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code))) return undefined;
    throw error;
  }
}

/** Whole or not at all, also when the machine ends in the middle. */
export function replaceFile(path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}`;
  try {
    writeFileSync(next, text, { flush: true, mode: 0o600 });
    renameSync(next, path);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
