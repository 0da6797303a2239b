/** The source files of the repository, read once for every architecture test. */
import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

export const root = join(import.meta.dir, "..", "..");

export interface Source {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly isTest: boolean;
}

const FOLDERS = "{kernel,plugin-host,plugin-kit,plugin-sdk,plugins,registry,skills,store,tests}";

function read(): readonly Source[] {
  const found: Source[] = [];
  for (const file of new Bun.Glob(`${FOLDERS}/**/*.{ts,tsx}`).scanSync({ cwd: root, onlyFiles: true })) {
    const path = relative(root, join(root, file)).split(sep).join("/");
    if (path.includes("node_modules/") || path.includes("/.build/") || path.endsWith(".generated.ts")) continue;
    const text = readFileSync(join(root, path), "utf8");
    found.push({ path, text, lines: text.split("\n"), isTest: /^tests\/|\.test\.tsx?$|^plugin-kit\/templates\/\w+\/tests\//.test(path) });
  }
  if (found.length < 40) throw new Error(`the scan found ${found.length} files: it looks in the wrong place`);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export const sources = read();

export const folder = (prefix: string): readonly Source[] => {
  const within = sources.filter(({ path }) => path.startsWith(prefix));
  if (within.length === 0) throw new Error(`the scan found nothing below ${prefix}`);
  return within;
};

/** Specifiers of static and dynamic imports and of re-exports. */
export function importsOf({ text }: Source): readonly { readonly specifier: string; readonly typeOnly: boolean }[] {
  const found: { specifier: string; typeOnly: boolean }[] = [];
  for (const match of text.matchAll(/(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?["']([^"']+)["']/g)) {
    found.push({ specifier: match[3] ?? "", typeOnly: match[2] !== undefined });
  }
  for (const match of text.matchAll(/\bimport\(\s*["']([^"']+)["']/g)) found.push({ specifier: match[1] ?? "", typeOnly: false });
  return found;
}
