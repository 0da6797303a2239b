/** `allowed-tools`: what a run may call while it is under skills that name their tools. Pure. */
import { isObject } from "@pincer/plugin-sdk/json5";
import type { AllowedTool } from "@pincer/plugin-sdk/skill";
import type { SkillInUse } from "./in-use.ts";

/** What the tools of other clients, for which many skills are written, are called here. */
export const alike: Readonly<Record<string, readonly string[]>> = {
  bash: ["exec", "process"],
  shell: ["exec", "process"],
  edit: ["edit", "patch"],
  multiedit: ["edit", "patch"],
  ls: ["list"],
};
/** Without these no skill could be read further, and no other found. */
const always: ReadonlySet<string> = new Set(["skills_read", "skills_search"]);

const namesOf = (written: string): readonly string[] => {
  const name = written.toLowerCase();
  return [written, name, ...(alike[name] ?? [])];
};

const isNamed = (written: string, tool: string): boolean =>
  written.includes("*") ? new Bun.Glob(written).match(tool) : namesOf(written).includes(tool);

/** Words of a command between blanks: in quotes, or plain; nothing that a shell would run, write to or fill in. */
const word = /(?:'[^']*'|"[^"$`\\!]*"|[^\s'"$`\\;&|<>()#!\n])+/y;
const between = /\s*(?:\|\||&&|[|;\n])\s*|[ \t]+/y;

/** The commands of a line, each as its words; undefined where it holds more than that. */
export function plainCommands(line: string): readonly (readonly string[])[] | undefined {
  const text = line.trim();
  const commands: string[][] = [[]];
  for (let at = 0; at < text.length; ) {
    word.lastIndex = at;
    const found = word.exec(text)?.[0];
    if (found === undefined) return undefined;
    commands.at(-1)!.push(found.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double));
    at = word.lastIndex;
    if (at >= text.length) break;
    between.lastIndex = at;
    const gap = between.exec(text)?.[0];
    if (gap === undefined) return undefined;
    if (gap.trim() !== "" || gap.includes("\n")) commands.push([]);
    at = between.lastIndex;
  }
  return commands.some((words) => words.length === 0) ? undefined : commands;
}

/** `git:*` and `git *` begin a command, `git status` is one, `*` is any. */
function fitsCommand(pattern: string, words: readonly string[]): boolean {
  const isOpen = pattern === "*" || /(?::| )\*$/.test(pattern);
  const wanted = pattern
    .replace(/(?::\*|\s*\*)$/, "")
    .split(/\s+/)
    .filter((part) => part !== "");
  return (isOpen ? words.length >= wanted.length : words.length === wanted.length) && wanted.every((part, at) => part === words[at]);
}

function fitsPath(pattern: string, path: string): boolean {
  const plain = path.replace(/^\.\//, "");
  if (plain.startsWith("/") !== pattern.startsWith("/") || plain.split("/").includes("..")) return false;
  return new Bun.Glob(pattern.replace(/^\.\//, "").replace(/:\*$/, "*")).match(plain);
}

const textAt = (args: unknown, key: string): string | undefined => {
  const value = isObject(args) ? args[key] : undefined;
  return typeof value === "string" ? value : undefined;
};

function allows(list: readonly AllowedTool[], tool: string, args: unknown): boolean {
  const own = list.filter(({ name }) => isNamed(name, tool));
  const patterns = own.flatMap(({ pattern }) => pattern ?? []);
  if (own.length > patterns.length) return true;
  const command = textAt(args, "command");
  if (command !== undefined) {
    const commands = plainCommands(command);
    return commands?.every((words) => patterns.some((pattern) => fitsCommand(pattern, words))) === true;
  }
  const place = textAt(args, "path") ?? textAt(args, "url");
  return place !== undefined && patterns.some((pattern) => fitsPath(pattern, place));
}

const shown = ({ name, pattern }: AllowedTool) => (pattern === undefined ? name : `${name}(${pattern})`);

/** Why a call may not be made, for the model to read; undefined: it may, for all that the skills say. */
export function refusalOf(skills: readonly SkillInUse[], tool: string, args: unknown): string | undefined {
  const lists = skills.flatMap(({ allowedTools }) => (allowedTools === undefined ? [] : [allowedTools]));
  if (lists.length === 0 || always.has(tool)) return undefined;
  if (lists.some((list) => allows(list, tool, args))) return undefined;
  const named = skills.filter(({ allowedTools }) => allowedTools !== undefined).map(({ name }) => name);
  const list = lists.flat().map(shown).join(" ") || "no tool";
  const hint = lists.flat().some(({ name, pattern }) => pattern !== undefined && isNamed(name, tool))
    ? " A command of that kind must be typed plainly: no $, no redirection, nothing run inside it."
    : "";
  return `the skill${named.length > 1 ? "s" : ""} in use (${named.join(", ")}) allow${named.length > 1 ? "" : "s"} ${list} until this turn ends.${hint}`;
}
