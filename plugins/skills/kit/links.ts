/** Where the pages of a skill lead: every file that they name is there, and every file is named. */
import { posix } from "node:path";
import type { SkillFile } from "./files.ts";

export interface LinkFinding {
  readonly isFault: boolean;
  readonly text: string;
}

const markdownLink = /\]\(<?([^)<>\s#]+)(?:#[^)\s]*)?>?(?:\s+"[^"]*")?\)/g;
/** As a command names it: `{baseDir}/scripts/load.sh`, `scripts/load.sh`. */
const plainPath = /(?<![\w./-])(\{baseDir\}\/)?((?:scripts|references|assets)\/[\w./-]*\w)/g;
const elsewhere = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i;

function named({ path, text = "" }: SkillFile): readonly { readonly target: string; readonly line: number }[] {
  const from = posix.dirname(path);
  return text.split("\n").flatMap((line, at) => {
    const links = [...line.matchAll(markdownLink)]
      .map(([, to = ""]) => decoded(to))
      .filter((to) => !elsewhere.test(to))
      .map((to) => (to.startsWith("/") ? to : posix.normalize(posix.join(from, to.replace(/^\{baseDir\}\//, "")))));
    const isPage = /\.md$/i.test(path);
    const paths = isPage ? [...line.replace(markdownLink, "]").matchAll(plainPath)].map(([, , to = ""]) => to) : [];
    return [...new Set([...links, ...paths])].map((target) => ({ target, line: at + 1 }));
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // silent-ok: then it is a name with a % in it
  }
}

export function checkLinks(files: readonly SkillFile[]): readonly LinkFinding[] {
  const there = new Set(files.map(({ path }) => path));
  const folders = new Set(files.flatMap(({ path }) => path.split("/").map((_, at, parts) => parts.slice(0, at).join("/"))));
  const pages = files.filter(({ path }) => /\.md$/i.test(path));
  const all = pages.flatMap((page) => named(page).map((link) => ({ ...link, page: page.path })));
  const faults = all.flatMap(({ page, target, line }) => {
    if (target.startsWith("/") || target.startsWith(".."))
      return [{ isFault: true, text: `${page}, line ${line}: expected a file of this skill, came ${target}` }];
    return there.has(target) || folders.has(target.replace(/\/$/, ""))
      ? []
      : [{ isFault: true, text: `${page}, line ${line}: there is no ${target}` }];
  });
  const reached = new Set(all.map(({ target }) => target));
  const sources = files.filter(({ path }) => path !== "SKILL.md");
  const unreached = sources.filter(({ path }) => !reached.has(path) && !isNamedBy(path, files) && !/^(license|notice)/i.test(path));
  return [...faults, ...unreached.map(({ path }) => ({ isFault: false, text: `nothing leads to ${path}: no agent will know of it` }))];
}

/** A part of a script is imported by another, by its name. */
const isNamedBy = (path: string, files: readonly SkillFile[]): boolean =>
  files.some((other) => other.path !== path && other.text?.includes(posix.basename(path)) === true);
