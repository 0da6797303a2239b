/**
 * One file with everything of a plugin that others need. The same files give the same bytes on every machine and at every time: names are
 * sorted, and nothing is written down of who owned a file, when it was changed, or who might read it.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { kitErrors } from "./errors.ts";

export interface ArchiveFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable?: boolean;
}

/** Tests and what is made from the sources: whoever installs a plugin needs neither. */
const left = /^(node_modules|dist|tests?|__tests__)$|\.test\.[a-z]+$|\.(tgz|log)$|^\./;

/** Whether a file that lies there belongs into an archive. */
export const isShipped = (path: string): boolean => !path.split("/").some((name) => left.test(name));

/** The plugin's own files, sorted. Throws `KIT_FILE_OUTSIDE` for a link that leads out of the folder. */
export function filesOf(folder: string): readonly ArchiveFile[] {
  const root = realpathSync(folder);
  const found: ArchiveFile[] = [];
  const walk = (inside: string, open: readonly string[]): void => {
    for (const name of readdirSync(inside)) {
      if (left.test(name)) continue;
      const path = join(inside, name);
      const shown = relative(root, path).split(sep).join("/");
      const real = statSync(path, { throwIfNoEntry: false }) && realpathSync(path);
      if (real === undefined || !(real + sep).startsWith(root + sep))
        throw kitErrors.KIT_FILE_OUTSIDE(`${shown} is a link to ${real ?? "nothing"}: put the file itself there, or remove the link`);
      const stats = statSync(real);
      // A link to a folder above itself would never end.
      if (stats.isDirectory() && !open.includes(real)) walk(path, [...open, real]);
      else if (stats.isFile()) found.push({ path: shown, bytes: readFileSync(real) });
    }
  };
  walk(root, [root]);
  return found.sort(byPath);
}

const byPath = (a: ArchiveFile, b: ArchiveFile): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/** A tar (ustar, without extensions) in gzip. */
export function pack(files: readonly ArchiveFile[]): Uint8Array<ArrayBuffer> {
  const blocks = [...files]
    .sort(byPath)
    .flatMap(({ path, bytes, isExecutable = false }) => [
      head(path, bytes.length, isExecutable),
      bytes,
      new Uint8Array(padding(bytes.length)),
    ]);
  const tar = Buffer.concat([...blocks, new Uint8Array(2 * block)]);
  // Of libdeflate every machine's output is the same; zlib chooses its hash by the processor.
  const packed = Bun.gzipSync(new Uint8Array(tar), { library: "libdeflate", level: 9 });
  // Time, effort and system, which the compressor fills in as it sees fit.
  packed.set([0, 0, 0, 0, 0, 255], 4);
  return packed;
}

const block = 512;
/** How much of nothing comes behind a content of that size, so that the next one begins with a block. */
export const padding = (size: number): number => (block - (size % block)) % block;

/** A file that everybody may read, of nobody, from the beginning of time. */
export function head(path: string, size: number, isExecutable = false, kind: "0" | "x" = "0"): Uint8Array {
  const [prefix, name] = splitName(path);
  const bytes = Buffer.alloc(block);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  bytes.write(name, 0, 100);
  bytes.write(octal(isExecutable ? 0o755 : 0o644, 8), 100);
  bytes.write(octal(0, 8), 108);
  bytes.write(octal(0, 8), 116);
  bytes.write(octal(size, 12), 124);
  bytes.write(octal(0, 12), 136);
  bytes.write(" ".repeat(8), 148);
  bytes.write(kind, 156);
  bytes.write("ustar\x0000", 257, "latin1");
  bytes.write(prefix, 345, 155);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return bytes;
}

/** A long name is kept in two fields, divided at a slash. */
function splitName(path: string): readonly [prefix: string, name: string] {
  const length = (text: string) => Buffer.byteLength(text);
  if (length(path) <= 100) return ["", path];
  const cuts = [...path.matchAll(/\//g)].map(({ index }) => [path.slice(0, index), path.slice(index + 1)] as const);
  const fitting = cuts.find(([prefix, name]) => length(prefix) <= 155 && length(name) <= 100);
  if (fitting) return fitting;
  throw kitErrors.KIT_NAME_TOO_LONG(`${path} is too long for an archive: at most 100 bytes for a file's name, and 155 for its folders`);
}
