/** What a skill says of how to get its programs, made the words of a command. A skill's text never becomes part of a shell's line. Pure. */
import type { SkillInstaller } from "@pincer/plugin-sdk/skill-runtime";

/** Begins with no hyphen, so that it is never an option. */
const name = /^(?:@[a-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.+-]*(?:\/[\w.+-]+)*(?:@[\w.^~-]+)?$/;
const module = /^[a-z0-9][\w.-]*(?:\/[\w.~-]+)+@[\w.+-]+$/i;

export type InstallerWords = { readonly words: readonly string[]; readonly program: string } | { readonly refused: string };

const makers: Readonly<Record<string, (subject: string) => readonly string[]>> = {
  brew: (formula) => ["brew", "install", formula],
  apt: (packaged) => ["apt-get", "install", "--yes", "--no-install-recommends", packaged],
  node: (packaged) => ["npm", "install", "--global", "--ignore-scripts", packaged],
  npm: (packaged) => ["npm", "install", "--global", "--ignore-scripts", packaged],
  uv: (packaged) => ["uv", "tool", "install", packaged],
  go: (path) => ["go", "install", path],
};

export function installerWords({ kind, subject }: SkillInstaller): InstallerWords {
  const make = Object.hasOwn(makers, kind) ? makers[kind] : undefined;
  if (kind === "download")
    return { refused: `a download is for you to check and to put on the PATH yourself: ${subject || "no address is given"}` };
  if (make === undefined) return { refused: `expected one of ${Object.keys(makers).join(", ")}, came ${JSON.stringify(kind)}` };
  const wanted = kind === "go" ? module : name;
  if (subject.length > 200 || subject.includes("..") || !wanted.test(subject))
    return { refused: `expected the name of a ${kind} package, came ${JSON.stringify(subject.slice(0, 80))}` };
  const words = make(subject);
  return { words, program: words[0]! };
}

/** As a person would type it; why not, where it cannot be run. */
export function installerText(installer: SkillInstaller): string {
  const made = installerWords(installer);
  return "words" in made ? made.words.join(" ") : made.refused;
}
