/**
 * A package of Pincer runs from a copy of its own, by what is in it: installers of packages replace the folder of one as a whole, and a gateway that
 * runs loads more of itself when it needs it. The launcher calls this where the copy is not there yet: `<package> <folder of copies>`.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The digest of all other files, by which the launcher calls the copy. */
const nameFile = "dist/name";
/** Only in a copy, which its gateway may leave its pid in. */
const copyFile = "dist/copy";

/** Older copies that stay, beside those that a gateway runs from. */
const kept = 1;

type Files = ReadonlyMap<string, Uint8Array>;

/** By their paths, in order; without what an installer leaves for itself (`.bun-tag`), as none that is packed begins so. */
function filesOf(root: string): Files {
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path !== nameFile && !path.startsWith("."));
  return new Map(
    paths.sort().flatMap((path) => (statSync(join(root, path)).isFile() ? [[path, readFileSync(join(root, path))] as const] : [])),
  );
}

/** Half of a SHA-256 is as good a name. */
function nameOf(files: Files): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const [path, bytes] of files) hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  return hash.digest("hex").slice(0, 32);
}

/** For the end of making a package. */
export const nameContents = (root: string): void => writeFileSync(join(root, nameFile), nameOf(filesOf(root)));

/** Whole or not at all, and exactly what was packed. */
function copy(root: string, copies: string): void {
  const name = readFileSync(join(root, nameFile), "utf8");
  const files = filesOf(root);
  if (nameOf(files) !== name) throw new Error("its files are not those that were packed");
  const [to, making] = [join(copies, name), join(copies, `.${name}-${process.pid}`)];
  try {
    for (const [path, bytes] of files) put(join(making, path), bytes);
    put(join(making, nameFile), name);
    put(join(making, copyFile), "");
    chmodSync(join(making, "pincer"), 0o755);
    if (!existsSync(to)) renameSync(making, to);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  sweep(copies, name);
}

function put(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function sweep(copies: string, present: string): void {
  const others = readdirSync(copies)
    .filter((name) => /^[0-9a-f]{32}$/.test(name) && name !== present)
    .map((name) => join(copies, name));
  const unused = others.filter((folder) => !isUsed(folder)).sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  for (const folder of unused.slice(kept)) rmSync(folder, { recursive: true, force: true });
}

/** A gateway has left its pid beside its bundle. */
const isUsed = (folder: string): boolean =>
  readdirSync(join(folder, "dist", "gateway")).some((name) => {
    const pid = Number(/^running\.(\d+)$/.exec(name)?.[1]);
    if (!(pid > 0)) return false;
    try {
      return process.kill(pid, 0);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== "ESRCH";
    }
  });

/** The launcher goes on without a copy where none can be written, and ends where the package is not whole. */
const unwritable = 3;

if (import.meta.main) {
  const [root = "", copies = ""] = process.argv.slice(2);
  try {
    copy(root, copies);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (["EACCES", "EROFS", "EPERM", "ENOSPC"].includes(code ?? "")) process.exitCode = unwritable;
    else {
      console.error(`pincer: ${root} is not whole: ${message}; while it is being installed wait and run this again, else install it again`);
      process.exitCode = 1;
    }
  }
}
