/** The pages of the skills that ship with Pincer, and the examples in them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const skills = join(dirname(dirname(import.meta.dir)), "skills");

export interface Block {
  readonly heading: string;
  readonly script: string;
}

/** Those fenced as `sh`, each with the heading that it stands under. */
export function blocksIn(page: string): readonly Block[] {
  let heading = "";
  return [...page.matchAll(/^#+ (.+)$|^```(\w*)\n([\s\S]*?)^```$/gm)].flatMap(([, title, language, script = ""]) => {
    if (title !== undefined) heading = title;
    return language === "sh" ? [{ heading, script }] : [];
  });
}

/** SKILL.md first. */
function pagesOf(name: string): readonly string[] {
  const references = join(skills, name, "references");
  const more = existsSync(references) ? readdirSync(references).sort() : [];
  return ["SKILL.md", ...more.map((page) => `references/${page}`)];
}

/** Of all pages that are wanted; the headings of other pages than SKILL.md have the page's name before them. */
export const blocksOf = (name: string, isWanted: (page: string) => boolean): readonly Block[] =>
  pagesOf(name)
    .filter(isWanted)
    .flatMap((page) =>
      blocksIn(readFileSync(join(skills, name, page), "utf8").replaceAll("{baseDir}", join(skills, name))).map(({ heading, script }) => ({
        heading: page === "SKILL.md" ? heading : `${page.slice(page.indexOf("/") + 1)}: ${heading}`,
        script,
      })),
    );
