/**
 * Where a plugin's code can run. In a package of Pincer it stays as it was published, and its packages are in the home of the gateway, by the digest of
 * their lock: homes that share a package, and packages that share a home, have their own. Code finds packages only in folders above it, so there
 * is a copy of it beside links to them.
 */
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import type { HandleOf } from "@pincer/plugin-sdk/contract";
import type { packageArchives } from "@pincer/plugin-sdk/contracts/package-archives";
import { filesOf } from "./archive.ts";
import { packageOf } from "./create.ts";
import { fetchDependencies, type InstallOptions, installDependencies, lockOf, needsDependencies } from "./install.ts";
import type { ArchiveSource } from "./packages/loopback.ts";
import { finishExchange, packagesIn } from "./packages/stage.ts";
import { isPublished } from "./published.ts";

/** Answers with the folder to run the plugin from, and brings what it needs, of a plugin that has it or as the options say. Throws as `installDependencies`. */
export async function runnable(
  folder: string,
  home: string,
  onProgress: (line: string) => void,
  from?: HandleOf<typeof packageArchives> | InstallOptions,
): Promise<string> {
  const options = from && "archive" in from ? { archives: archivesOf(from) } : from;
  if (!isSealed(folder)) {
    await installDependencies(folder, onProgress, options);
    return folder;
  }
  if (!needsDependencies(folder)) return folder;
  const packages = packagesOf(folder, home);
  finishExchange(dirname(packages));
  if (!existsSync(packages)) {
    mkdirSync(dirname(packages), { recursive: true, mode: 0o700 });
    await fetchDependencies(folder, dirname(packages), onProgress, options).catch((error) => {
      if (!existsSync(packages)) throw error; // else somebody else was faster
    });
  }
  const { copy, isNew } = copyBeside(folder, packages, copiesIn(home));
  // An earlier version of Pincer may have left packages that nothing needs any more.
  if (isNew) sweepPackages(home, plugins(folder));
  return copy;
}

/** Where what a plugin of a published Pincer needs of others lies in the home, or would; undefined: in its own folder, or it needs nothing. */
export const packagesFolder = (folder: string, home: string): string | undefined =>
  isSealed(folder) && needsDependencies(folder) ? finishExchange(dirname(packagesOf(folder, home))) : undefined;

/** Takes back what `runnable` brought into the home. What runs of it must have ended. In a clone other homes run from the same folder, which stays. */
export function removeDependencies(folder: string, home: string): void {
  if (!isSealed(folder)) return;
  for (const copy of copiesOf(basename(folder), copiesIn(home))) rmSync(copy, { recursive: true, force: true });
  sweepPackages(
    home,
    plugins(folder).filter((one) => one !== folder),
  );
}

const archivesOf =
  ({ archive }: HandleOf<typeof packageArchives>): ArchiveSource =>
  async ({ name, version, checksum }, signal) =>
    (await archive({ name, version, ...checksum }, { signal })).bytes;

const plugins = (beside: string): readonly string[] => readdirSync(dirname(beside)).map((id) => join(dirname(beside), id));

/** Packages stay that these plugins need, or that a copy leads to, which what still runs of an earlier version does too. */
function sweepPackages(home: string, needing: readonly string[]): void {
  const folder = join(home, "packages");
  if (!existsSync(folder)) return;
  const needed = needing.filter((one) => existsSync(join(one, "bun.lock"))).map((one) => dirname(packagesOf(one, home)));
  const led = namesIn(copiesIn(home)).flatMap((copy) => targetsIn(join(copiesIn(home), copy)));
  for (const name of readdirSync(folder)) {
    const packages = join(folder, name.split(".", 1)[0]!); // what is said of a folder stands beside it
    if (!needed.includes(packages) && !led.some((target) => target.startsWith(packages + sep)))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Where the links of a copy lead to. */
function targetsIn(copy: string): readonly string[] {
  const found = namesIn(copy)
    .map((id) => join(copy, id, "node_modules"))
    .filter((modules) => existsSync(modules));
  return found.flatMap((modules) => packagesIn(modules).map((name) => readlinkSync(join(modules, name))));
}

const namesIn = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** Whether the plugin is part of a package of Pincer. */
const isSealed = (folder: string): boolean => isPublished(dirname(dirname(folder)));
const packagesOf = (folder: string, home: string): string => join(home, "packages", hashOf([lockOf(folder).text]), "node_modules");
const copiesIn = (home: string): string => join(home, "cache", "plugins");

/** What the gateway gives to every plugin. */
const given = ["@pincer/plugin-sdk", "@sinclair/typebox"];

/** Named by what is in it, so that what runs from an earlier one is not changed under it. */
function copyBeside(folder: string, packages: string, copies: string): { readonly copy: string; readonly isNew: boolean } {
  const [id, files] = [basename(folder), filesOf(folder)];
  const links = new Map(packagesIn(packages).map((name) => [name, join(packages, name)]));
  for (const name of given) links.set(name, packageOf(name, folder)!);
  const copy = join(copies, `${id}-${hashOf([...[...links].flat(), ...files.flatMap(({ path, bytes }) => [path, bytes])])}`);
  if (existsSync(copy)) return { copy: join(copy, id), isNew: false };
  putWhole(copy, (to) => {
    for (const { path, bytes } of files) {
      mkdirSync(dirname(join(to, id, path)), { recursive: true });
      writeFileSync(join(to, id, path), bytes);
    }
    for (const [name, target] of links) {
      const link = join(to, id, "node_modules", name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(target, link);
    }
  });
  const byAge = copiesOf(id, copies).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const old of byAge.slice(kept)) rmSync(old, { recursive: true, force: true });
  return { copy: join(copy, id), isNew: true };
}

/** The one before stays, since a generation that still runs loads parts of it when it needs them. */
const kept = 2;

function copiesOf(id: string, copies: string): string[] {
  const own = namesIn(copies).filter((name) => name.startsWith(`${id}-`) && /^[0-9a-f]{32}$/.test(name.slice(id.length + 1)));
  return own.map((name) => join(copies, name));
}

/** Nobody finds half of it, and whoever makes the same at the same time may be faster. */
function putWhole(path: string, fill: (folder: string) => void): void {
  const making = `${path}.${crypto.randomUUID()}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    fill(making);
    renameSync(making, path);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  }
}

function hashOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const part of parts) hash.update(`${part.length}\0`).update(part);
  return hash.digest("hex").slice(0, 32);
}
