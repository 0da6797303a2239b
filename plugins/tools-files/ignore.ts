/** The rules of one .gitignore, as git reads them. */

export interface IgnoreRules {
  /** Whether a path below the file's folder is ignored, or kept by name; undefined when nothing is said of it. */
  verdict(path: string, isFolder: boolean): boolean | undefined;
}

const mostRules = 2_000;

interface Rule {
  readonly ignores: boolean;
  readonly foldersOnly: boolean;
  /** Matched against the name alone, at any depth. */
  readonly byName: boolean;
  readonly glob: Bun.Glob;
}

function ruleOf(written: string): Rule | undefined {
  let pattern = written.replace(/\r$/, "").replace(/(?<!\\) +$/, "");
  if (pattern === "" || pattern.startsWith("#")) return undefined;
  const ignores = !pattern.startsWith("!");
  if (!ignores) pattern = pattern.slice(1);
  const foldersOnly = pattern.endsWith("/");
  if (foldersOnly) pattern = pattern.slice(0, -1);
  const byName = !pattern.includes("/");
  if (pattern.startsWith("/")) pattern = pattern.slice(1);
  if (pattern === "") return undefined;
  // Braces and a leading exclamation mark mean nothing to git.
  const glob = new Bun.Glob(pattern.replaceAll(/(?<!\\)[{}]/g, "\\$&").replace(/^!/, "\\!"));
  return { ignores, foldersOnly, byName, glob };
}

export function parseIgnore(text: string): IgnoreRules {
  const rules = text
    .split("\n", mostRules)
    .flatMap((line) => ruleOf(line) ?? [])
    .reverse();
  return {
    verdict(path, isFolder) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      return rules.find(({ foldersOnly, byName, glob }) => (isFolder || !foldersOnly) && glob.match(byName ? name : path))?.ignores;
    },
  };
}
