/** Where packages wait until they are whole, and how they then take their place: in one step, so that whoever is killed meanwhile leaves nothing half. */
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pluginErrors } from "@pincer/plugin-sdk/plugin-errors";

const stageName = /^pincer-install-(\d+)-/;
const incomingName = /^\.incoming-(\d+)$/;

const hourMs = 60 * 60 * 1000;

/** A new folder, outside of the plugin's; what others left that were killed goes, an hour later: another machine's processes may use this folder too. */
export function createStage(): string {
  const stage = mkdtempSync(join(tmpdir(), `pincer-install-${process.pid}-`));
  sweep(tmpdir(), stageName, statSync(stage).mtimeMs - hourMs);
  return stage;
}

/** Takes the packages of one folder over to another. What is there already stays: an author has linked some of it. `last`: names that say that all is there. */
export function takeOver(from: string, folder: string, last: ReadonlySet<string>): void {
  const to = join(folder, "node_modules");
  checkFolder(to);
  sweep(folder, incomingName, Number.POSITIVE_INFINITY);
  const incoming = join(folder, `.incoming-${process.pid}`);
  rmSync(incoming, { recursive: true, force: true });
  move(from, incoming);
  try {
    // A name that leads nowhere is no folder either, and was refused before.
    if (!existsSync(to) && isPut(incoming, to)) return;
    for (const name of packagesIn(incoming).toSorted((a, b) => Number(last.has(a)) - Number(last.has(b)))) {
      const target = join(to, name);
      // A link would lead the packages elsewhere.
      checkFolder(dirname(target));
      if (lstatSync(target, { throwIfNoEntry: false })) continue;
      mkdirSync(dirname(target), { recursive: true });
      isPut(join(incoming, name), target);
    }
  } finally {
    rmSync(incoming, { recursive: true, force: true });
  }
}

const nextOf = (folder: string): string => `${folder}.next`;
/** Also a link that leads nowhere. */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** Another folder in the place of one, which goes by way of `aside`, on the same file system. Killed meanwhile, `finishExchange` makes the rest of it. */
export function exchange(staged: string, folder: string, aside: string): void {
  forgetExchange(folder);
  renameSync(staged, nextOf(folder));
  if (isThere(folder)) renameSync(folder, aside);
  finishExchange(folder);
  rmSync(aside, { recursive: true, force: true });
}

/** Where the one before is gone already: to be called before anybody looks for the folder. Answers with it. */
export function finishExchange(folder: string): string {
  if (isThere(folder) || !isThere(nextOf(folder))) return folder;
  try {
    renameSync(nextOf(folder), folder);
  } catch (error) {
    if (!isThere(folder)) throw error; // else somebody else was faster
  }
  return folder;
}

/** What was to come into the place of a folder does not. */
export const forgetExchange = (folder: string): void => rmSync(nextOf(folder), { recursive: true, force: true });

/** Unless somebody was faster, who has put the same there. */
function isPut(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    return false;
  }
}

function checkFolder(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
    throw pluginErrors.PLUGIN_INSTALL_FAILED(`${path} is no folder: remove it`);
}

/** Within one file system nothing is copied. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    cpSync(from, to, { recursive: true, verbatimSymlinks: true });
  }
}

/** Their names, of a folder that holds nothing else. */
export const packagesIn = (folder: string): readonly string[] =>
  readdirSync(folder).flatMap((name) => (name.startsWith("@") ? readdirSync(join(folder, name)).map((part) => join(name, part)) : [name]));

/** What processes made that are no more. */
function sweep(folder: string, made: RegExp, before: number): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(made.exec(name)?.[1]);
    const path = join(folder, name);
    if (!(pid > 0) || pid === process.pid || isAlive(pid)) continue;
    const stats = lstatSync(path, { throwIfNoEntry: false });
    // What another user lays there may change while it is removed.
    if (!stats || stats.mtimeMs >= before || stats.uid !== process.getuid?.()) continue;
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // silent-ok: somebody else has removed it
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
