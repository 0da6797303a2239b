/**
 * A package of Pincer runs from a copy of its own, by what is in it: installers of packages replace the folder of one as a whole, and a gateway that
 * runs loads more of itself when it needs it. The launcher calls this where the copy is not there yet: `<package> <folder of copies>`.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Half of it is as good a name. */
const sha256 = (bytes: Uint8Array): string => new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 32);

/** Of every file of a package, its digest. */
export const contentsFile = "dist/contents.json";
/** In it is the name of the copy, which the launcher can read. */
export const nameFile = "dist/name";
/** Only in a copy, which its gateway may leave its pid in. */
export const copyFile = "dist/copy";

/** Older copies that stay, beside those that a gateway runs from. */
const kept = 1;

/** For the end of making a package. */
export function describeContents(root: string, paths: readonly string[]): void {
  const contents = JSON.stringify(Object.fromEntries(paths.map((path) => [path, sha256(readFileSync(join(root, path)))])));
  writeFileSync(join(root, contentsFile), contents);
  writeFileSync(join(root, nameFile), sha256(Buffer.from(contents)));
}

/** Whole or not at all, and exactly what was packed. */
function copy(root: string, copies: string): void {
  const contents = readFileSync(join(root, contentsFile), "utf8");
  const name = sha256(Buffer.from(contents));
  const [to, making] = [join(copies, name), join(copies, `.${name}-${process.pid}`)];
  try {
    for (const [path, digest] of Object.entries(JSON.parse(contents) as Readonly<Record<string, string>>)) {
      const bytes = readFileSync(join(root, path));
      if (sha256(bytes) !== digest) throw new Error(`${path} is not what was packed`);
      put(join(making, path), bytes);
    }
    for (const [path, text] of [
      [contentsFile, contents],
      [nameFile, name],
      [copyFile, ""],
    ] as const)
      put(join(making, path), text);
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
