/** Every file of a folder by what is in it, and what those of third parties come to together. */
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { sha256Of } from "@pincer/registry/sha256";
import type { LockedVersion } from "./lock.ts";

/** By path, a file's SHA-256, or where a link leads. */
export type Tree = Readonly<Record<string, string>>;

/** There may be thousands, and a gateway has other things to do meanwhile. */
export async function treeOf(folder: string): Promise<Tree> {
  const found: Record<string, string> = {};
  const walk = async (inside: string): Promise<void> => {
    for (const name of (await readdir(join(folder, inside))).sort()) {
      const path = inside === "" ? name : `${inside}/${name}`;
      try {
        const stats = await lstat(join(folder, path));
        if (stats.isDirectory()) await walk(path);
        else if (stats.isSymbolicLink()) found[path] = `-> ${await readlink(join(folder, path))}`;
        else found[path] = stats.isFile() ? sha256Of(await readFile(join(folder, path))) : "no file";
      } catch {
        found[path] = "cannot be read"; // silent-ok: it is none of those that were installed, and must not hide what became of these
      }
    }
  };
  await walk("");
  return found;
}

const { glibcVersionRuntime } = (process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } }).header;
/** As packages of npm tell systems apart. */
export const system = `${process.platform}-${process.arch}${process.platform === "linux" && !glibcVersionRuntime ? "-musl" : ""}`;

const isOfOthers = (path: string): boolean => path.startsWith("node_modules/");

/** Undefined when there is nothing of others. */
function othersIn(tree: Tree): string | undefined {
  const lines = Object.keys(tree)
    .filter(isOfOthers)
    .sort()
    .map((path) => `${path}\0${tree[path]}\n`);
  return lines.length === 0 ? undefined : sha256Of(Buffer.from(lines.join("")));
}

/** With what was laid out here beside what other systems had. */
export function withTree<Of extends LockedVersion>(locked: Of, tree: Tree | undefined): Of {
  const others = tree && othersIn(tree);
  return others === undefined ? locked : { ...locked, trees: { ...locked.trees, [system]: others } };
}

type Trees = Pick<LockedVersion, "trees">;

/** Whether the lock says nothing else of this system. */
export function isTreeAsLocked({ trees }: Trees, tree: Tree): boolean {
  const locked = trees?.[system];
  return locked === undefined || locked === othersIn(tree);
}

/** Whether the lock says all of it. */
export const isTreeKnown = ({ trees }: Trees, tree: Tree): boolean => othersIn(tree) === trees?.[system];
