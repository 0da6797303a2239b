/** Walks a folder of the workspace without following links, leaving out what .gitignore files name, within a bound of time and number. */
import { constants as flags } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Workspace } from "./file-tool.ts";
import { type IgnoreRules, parseIgnore } from "./ignore.ts";
import { type OpenFile, type OpenFolder, readBytes } from "./root.ts";

interface Found {
  /** Relative to the workspace. */
  readonly path: string;
  /** Relative to where the walk began. */
  readonly below: string;
  readonly kind: "file" | "folder" | "link";
  /** Opens the very entry that was found; undefined when it is no regular file any more. */
  open(): Promise<OpenFile | undefined>;
}

interface Walk {
  readonly entries: AsyncGenerator<Found, void, void>;
  /** Why it ended before everything was seen; undefined when it did not. */
  stopped(): string | undefined;
}

const deepest = 64;
const ignoreFile = ".gitignore";
const ignoreBytes = 256_000;

export function walk(
  start: OpenFolder,
  { root, settings, clock, signal }: Workspace,
  { ignored = false, depth = deepest }: { readonly ignored?: boolean | undefined; readonly depth?: number } = {},
): Walk {
  const until = clock.monotonic() + settings.searchMs;
  let left = settings.searchEntries;
  let reason: string | undefined;

  const openEntry = async (folder: OpenFolder, name: string, path: string): Promise<OpenFile | undefined> => {
    const handle = await open(join(folder.base, name), flags.O_RDONLY | flags.O_NOFOLLOW | flags.O_NONBLOCK).catch(() => undefined); // silent-ok: it went away or may not be read
    if (!handle) return undefined;
    const stats = await handle.stat();
    if (stats.isFile()) return { kind: "file", handle, stats, path, [Symbol.asyncDispose]: () => handle.close() };
    await handle.close();
    return undefined;
  };

  const rulesOf = async (folder: OpenFolder): Promise<IgnoreRules | undefined> => {
    await using file = await openEntry(folder, ignoreFile, ignoreFile);
    const bytes = file && (await readBytes(file, ignoreBytes));
    return bytes && parseIgnore(Buffer.from(bytes).toString());
  };

  type Rules = readonly { readonly below: string; readonly rules: IgnoreRules }[];
  const isIgnored = (outer: Rules, below: string, isFolder: boolean): boolean => {
    for (const { below: at, rules } of outer.toReversed()) {
      const verdict = rules.verdict(at === "" ? below : below.slice(at.length + 1), isFolder);
      if (verdict !== undefined) return verdict;
    }
    return false;
  };

  async function* inside(folder: OpenFolder, below: string, outer: Rules, level: number): AsyncGenerator<Found, void, void> {
    const entries = await readdir(folder.base, { withFileTypes: true }).catch(() => []); // silent-ok: a folder that may not be read holds nothing here
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    const own = ignored || !entries.some(({ name }) => name === ignoreFile) ? undefined : await rulesOf(folder);
    const rules = own ? [...outer, { below, rules: own }] : outer;
    for (const entry of entries) {
      signal.throwIfAborted();
      if (left-- <= 0) reason ??= `after ${settings.searchEntries} files and folders`;
      if (clock.monotonic() > until) reason ??= `after ${settings.searchMs / 1_000} s`;
      if (reason) return;
      const isFolder = entry.isDirectory();
      const path = folder.path === "." ? entry.name : `${folder.path}/${entry.name}`;
      const under = below === "" ? entry.name : `${below}/${entry.name}`;
      if (!ignored && ((isFolder && entry.name === ".git") || isIgnored(rules, under, isFolder))) continue;
      const kind = isFolder ? "folder" : entry.isSymbolicLink() ? "link" : "file";
      yield { path, below: under, kind, open: () => openEntry(folder, entry.name, path) };
      if (!isFolder || level >= depth) continue;
      const inner = await root.enter(folder, entry.name).catch(() => undefined); // silent-ok: it went away, became a link, or may not be read
      if (!inner) continue;
      try {
        yield* inside(inner, under, rules, level + 1);
      } finally {
        await inner[Symbol.asyncDispose]();
      }
    }
  }

  return { entries: inside(start, "", [], 1), stopped: () => reason };
}
