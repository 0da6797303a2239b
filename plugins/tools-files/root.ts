/**
 * The workspace as the only place that exists. Names are resolved by opening them: what counts is where the descriptor is, not where its
 * name pointed a moment before, so that no symbolic link, no `..` and no swap of either leads out.
 */
import { constants as flags, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, readlink, realpath, rename, rmdir, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";

/** For the model to read and correct; everything else that is thrown is a fault. */
export class Refusal extends Error {}

export interface OpenFile extends AsyncDisposable {
  readonly kind: "file";
  readonly handle: FileHandle;
  readonly stats: Stats;
  /** Where it really is, relative to the root. */
  readonly path: string;
}

export interface OpenFolder extends AsyncDisposable {
  readonly kind: "folder";
  readonly path: string;
  /** A path prefix for what is directly in this folder, which stays right when the folder's name is given to another. */
  readonly base: string;
}

/** Where a file is, or would be, written. */
export interface Place extends AsyncDisposable {
  readonly folder: OpenFolder;
  readonly name: string;
  readonly path: string;
  /** Of the regular file that is there. */
  readonly stats: Stats | undefined;
  /** Folders that were made on the way, outermost first. */
  readonly made: readonly string[];
}

export interface Root {
  open(path: string): Promise<OpenFile | OpenFolder>;
  openFile(path: string): Promise<OpenFile>;
  openFolder(path: string): Promise<OpenFolder>;
  /** Opens a folder that was just seen in another, without following links. */
  enter(folder: OpenFolder, name: string): Promise<OpenFolder>;
  /** Where to write; with `create`, missing folders are made. */
  place(path: string, create: boolean): Promise<Place>;
  /** Takes back folders that were made for a file which then was not. */
  unmake(folders: readonly string[]): Promise<void>;
}

const hasDescriptors = process.platform === "linux";
const kernelFiles = /^\/(proc|sys|dev)(\/|$)/;
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? "";
/** What stands there, links not followed; undefined when nothing does. */
export const seen = (path: string): Promise<Stats | undefined> => lstat(path).catch(() => undefined); // silent-ok: the answer says it
const within = (root: string, path: string) => path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);

export async function openRoot(workspace: string): Promise<Root> {
  const real = await realpath(workspace).catch((error) => {
    throw new Refusal(`the workspace ${workspace} cannot be used: ${codeOf(error) || error.message}`);
  });

  const shown = (path: string) => relative(real, path) || ".";
  const outside = (path: string) =>
    new Refusal(`${path} is outside the workspace ${workspace}; only files in it can be used, with paths relative to it`);
  const isInside = (path: string) => within(real, path) && (kernelFiles.test(real) || !kernelFiles.test(path));

  const locate = (path: string): string => {
    if (path.includes("\0")) throw new Refusal("a path cannot hold a NUL character");
    const full = resolve(workspace, path);
    if (within(workspace, full)) return join(real, relative(workspace, full));
    if (within(real, full)) return full;
    throw outside(path);
  };

  /** The real path of what is open. Without /proc, the path's own, provided that it still names what is open. */
  const pathOf = async (handle: FileHandle, target: string): Promise<string> => {
    if (hasDescriptors) return readlink(`/proc/self/fd/${handle.fd}`);
    const path = await realpath(target);
    const [named, opened] = await Promise.all([stat(path), handle.stat()]);
    return named.ino === opened.ino && named.dev === opened.dev ? path : "";
  };

  const explain = async (error: unknown, path: string, target: string): Promise<never> => {
    const code = codeOf(error);
    if (error instanceof Refusal) throw error;
    if (code === "ENOENT") throw new Refusal(`there is no ${path} in the workspace${await similar(target)}`);
    if (code === "ENOTDIR") throw new Refusal(`${path} goes through a file as if it were a folder`);
    if (code === "EACCES" || code === "EPERM") throw new Refusal(`${path} may not be opened: permission denied`);
    if (code === "ELOOP") throw new Refusal(`${path} is a symbolic link that leads nowhere or in a circle`);
    if (code === "ENAMETOOLONG") throw new Refusal(`${path.slice(0, 80)}… is too long for a path`);
    if (code === "ENXIO" || code === "ENODEV") throw new Refusal(`${path} is not a regular file`);
    throw error;
  };

  /** Names of the same folder that differ only in case, spaces or the way their letters are composed. */
  const similar = async (target: string): Promise<string> => {
    if (!(await realpath(dirname(target)).then(isInside, () => false))) return "";
    const plain = (name: string) => name.normalize("NFKC").toLowerCase().replaceAll(/\s/g, "");
    const wanted = plain(basename(target));
    const names = await readdir(dirname(target)).catch(() => []); // silent-ok: it is only a hint
    const near = names.filter((name) => plain(name) === wanted || plain(name).startsWith(`${wanted}.`)).slice(0, 3);
    return near.length > 0 ? `; there is ${near.map((name) => JSON.stringify(shown(join(dirname(target), name)))).join(", ")}` : "";
  };

  const opened = async (path: string, target: string, mode: number): Promise<{ handle: FileHandle; real: string; stats: Stats }> => {
    let handle: FileHandle | undefined;
    try {
      // A link that leads out is refused before anything out there is opened; the descriptor is then asked again, since links can change.
      if (!isInside(await realpath(target))) throw outside(path);
      handle = await open(target, mode | flags.O_NONBLOCK);
      const found = await pathOf(handle, target);
      if (!isInside(found)) throw outside(path);
      return { handle, real: found, stats: await handle.stat() };
    } catch (error) {
      await handle?.close();
      return await explain(error, path, target);
    }
  };

  const folderOf = (handle: FileHandle, path: string): OpenFolder => ({
    kind: "folder",
    path: shown(path),
    base: hasDescriptors ? `/proc/self/fd/${handle.fd}` : path,
    [Symbol.asyncDispose]: () => handle.close(),
  });

  const openEither = async (path: string): Promise<OpenFile | OpenFolder> => {
    const { handle, real: found, stats } = await opened(path, locate(path), flags.O_RDONLY);
    if (stats.isDirectory()) return folderOf(handle, found);
    if (stats.isFile()) return { kind: "file", handle, stats, path: shown(found), [Symbol.asyncDispose]: () => handle.close() };
    await handle.close();
    throw new Refusal(`${path} is neither a regular file nor a folder`);
  };

  const openFolder = async (path: string): Promise<OpenFolder> => {
    const found = await openEither(path);
    if (found.kind === "folder") return found;
    await found[Symbol.asyncDispose]();
    throw new Refusal(`${path} is a file, not a folder`);
  };

  const enter = async (folder: OpenFolder, name: string): Promise<OpenFolder> => {
    const handle = await open(join(folder.base, name), flags.O_RDONLY | flags.O_DIRECTORY | flags.O_NOFOLLOW | flags.O_NONBLOCK);
    return folderOf(handle, join(real, folder.path, name));
  };

  /** The folder of a file to write, and the way to it made where it is missing. */
  const folderFor = async (path: string, target: string, create: boolean) => {
    const made: string[] = [];
    const missing: string[] = [];
    let existing = target;
    while (!(await seen(existing))) {
      missing.unshift(basename(existing));
      existing = dirname(existing);
    }
    if (missing.length > 0 && !create) throw new Refusal(`there is no folder ${shown(target)}`);
    let folder = await openFolder(existing);
    for (const name of missing) {
      await using parent = folder;
      try {
        await mkdir(join(parent.base, name)).catch((error) => (codeOf(error) === "EEXIST" ? undefined : Promise.reject(error)));
        folder = await enter(parent, name);
        made.push(folder.path);
      } catch (error) {
        return await explain(error, path, target);
      }
    }
    return { folder, made };
  };

  return {
    open: openEither,
    openFolder,
    enter,
    async openFile(path) {
      const found = await openEither(path);
      if (found.kind === "file") return found;
      await found[Symbol.asyncDispose]();
      throw new Refusal(`${path} is a folder; use list`);
    },
    async unmake(folders) {
      for (const path of folders.toReversed()) {
        await using parent = await openFolder(dirname(path));
        await rmdir(join(parent.base, basename(path))).catch(() => undefined); // silent-ok: somebody else uses it by now
      }
    },
    async place(path, create) {
      const target = locate(path);
      if (target === real) throw new Refusal(`${path} is the workspace itself, not a file`);
      // What a link points to is written, not the link.
      const followed = await realpath(target).catch((error) => {
        if (codeOf(error) === "ENOENT") return undefined;
        return explain(error, path, target);
      });
      if (followed === undefined && (await seen(target))) {
        throw new Refusal(`${path} is a symbolic link to something that does not exist`);
      }
      if (followed !== undefined && !isInside(followed)) throw outside(path);
      const file = followed ?? target;
      const { folder, made } = await folderFor(path, dirname(file), create);
      const name = basename(file);
      const stats = await seen(join(folder.base, name));
      if (stats === undefined || stats.isFile()) {
        const place = shown(join(real, folder.path, name));
        return { folder, name, path: place, stats, made, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
      }
      await folder[Symbol.asyncDispose]();
      throw new Refusal(`${path} is ${stats.isDirectory() ? "a folder" : "not a regular file"}, and cannot be written`);
    },
  };
}

/** Reads at most `limit` bytes, whatever the size was when the file was opened; undefined when there is more. */
export async function readBytes({ handle, stats }: OpenFile, limit: number): Promise<Uint8Array | undefined> {
  if (stats.size > limit) return undefined;
  const chunks: Uint8Array[] = [];
  for (let length = 0; ; ) {
    const chunk = new Uint8Array(Math.min(limit + 1 - length, Math.max(stats.size + 1 - length, 4_096)));
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, length);
    if (bytesRead === 0) return Buffer.concat(chunks, length);
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
    if (length > limit) return undefined;
  }
}

const sameFile = (a: Stats | undefined, b: Stats | undefined) =>
  a === undefined || b === undefined ? a === b : a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs;

/** Whether what stands there is still what `place` found. */
export const isUnchanged = async ({ folder, name, stats }: Place): Promise<boolean> => sameFile(stats, await seen(join(folder.base, name)));

export interface Staged {
  /** Puts the file in its place in one step, or refuses when it was changed since `place` found it. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** Writes beside the place, with the mode and owner of what stands there. */
export async function stage(place: Place, bytes: Uint8Array): Promise<Staged> {
  const { folder, name, stats } = place;
  if (stats && (stats.mode & 0o222) === 0) {
    throw new Refusal(`${place.path} is read-only (mode ${(stats.mode & 0o7777).toString(8).padStart(4, "0")})`);
  }
  const temporary = join(folder.base, `.${crypto.randomUUID()}.tmp`);
  const discard = () => unlink(temporary);
  const made = open(temporary, flags.O_WRONLY | flags.O_CREAT | flags.O_EXCL | flags.O_NOFOLLOW, 0o666);
  const handle = await made.catch((error) => Promise.reject(codeOf(error) === "ENOENT" ? changed(place) : error));
  try {
    await handle.writeFile(bytes);
    if (stats) {
      await handle.chown(stats.uid, stats.gid).catch(() => undefined); // silent-ok: only root may give a file away; then it is the gateway's
      await handle.chmod(stats.mode & 0o7777);
    }
    await handle.datasync();
  } catch (error) {
    await discard();
    throw error;
  } finally {
    await handle.close();
  }
  return {
    discard,
    async commit() {
      if (!(await isUnchanged(place))) {
        await discard();
        throw changed(place);
      }
      const renamed = rename(temporary, join(folder.base, name));
      await renamed.catch((error) => Promise.reject(codeOf(error) === "ENOENT" ? changed(place) : error));
    },
  };
}

/** Writes a file in one step, unless the signal has aborted. */
export async function replace(place: Place, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const staged = await stage(place, bytes);
  if (signal.aborted) await staged.discard();
  signal.throwIfAborted();
  await staged.commit();
}

const changed = (place: Place) => new Refusal(`${place.path} was changed by somebody else in the meantime; read it again`);

/** Removes the file that `place` found. */
export async function remove(place: Place): Promise<void> {
  if (!(await isUnchanged(place))) throw changed(place);
  await unlink(join(place.folder.base, place.name));
}
