/** What the model reads of a skill: its instructions, and its files. */
import { constants } from "node:fs";
import { open, readdir, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { parseSkill } from "@pincer/plugin-sdk/skill";
import type { UsableSkill } from "./catalog.ts";
import { entryVariables } from "./requirements.ts";

const mostFiles = 60;
const deepest = 4;
const longestFile = 64_000;

/** Throws `SKILL_INVALID` when it has just become unreadable. */
export async function instructionsOf(one: UsableSkill): Promise<string> {
  const { name, folder, file, skill } = one;
  const text = await Bun.file(file).text();
  const { body } = parseSkill(text, file, name);
  const variables = variablesOf(one);
  const names = Object.keys(variables);
  const files = await filesOf(folder);
  return [
    `<skill name="${name}" folder="${folder}">`,
    body.replaceAll("{baseDir}", folder),
    "</skill>",
    `Relative paths in it start in ${folder}.`,
    ...(files.length === 0 ? [] : [`Its files, which skills_read reads too: ${files.join(", ")}`]),
    ...(names.length === 0
      ? []
      : [`Commands that need ${names.join(", ")} get ${names.length > 1 ? "them" : "it"} from exec with skill: "${name}".`]),
    ...(skill.allowedTools === undefined ? [] : ["Until this turn ends only the tools that it names can be called."]),
    ...(skill.compatibility === undefined ? [] : [`It says of where it works: ${skill.compatibility}`]),
  ].join("\n");
}

/** The variables of its commands. One that an agent could have written itself, over another of that name, gets none of the other's. */
export function variablesOf({ entry, skill, root, hides }: UsableSkill): Readonly<Record<string, string>> {
  if (hides !== undefined && (root.source === "workspace" || root.source === "project")) return {};
  const { env = {}, apiKey } = entry;
  const { primaryEnv } = skill.runtime;
  const own = primaryEnv !== undefined && apiKey !== undefined && apiKey !== "" ? { [primaryEnv]: apiKey } : {};
  const known = new Set(entryVariables(skill.runtime, entry));
  return Object.fromEntries(Object.entries({ ...own, ...env }).filter(([name]) => known.has(name)));
}

/** A file of the skill, by its path in it; `refused` in words for the model. */
export async function fileOf({ folder, name }: UsableSkill, path: string): Promise<{ text: string } | { refused: string }> {
  const refused = (why: string) => ({ refused: `${path}: ${why}` });
  if (path.includes("\0")) return refused("a path cannot hold a NUL character");
  const [home, real] = await Promise.all([realpath(folder), realpath(join(folder, path)).catch(() => undefined)]); // silent-ok: the answer says it
  if (real === undefined) {
    const files = await filesOf(folder);
    return refused(`the skill ${name} has no such file; it has ${files.join(", ") || "none beside its SKILL.md"}`);
  }
  if (!real.startsWith(home + sep)) return refused(`it is outside of the skill's folder`);
  await using handle = await open(real, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await handle.stat();
  if (!stats.isFile()) return refused("it is no file");
  const bytes = Buffer.alloc(Math.min(stats.size, longestFile));
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
  const text = bytes.subarray(0, bytesRead).toString("utf8");
  if (text.includes("\0")) return refused(`it is not text; its whole path is ${real}`);
  const rest = stats.size - bytesRead;
  return { text: rest > 0 ? `${text}\n[${rest} more bytes, which are in ${real}]` : text };
}

/** Paths of the files beside SKILL.md, in order, as many as a model should be told. */
async function filesOf(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  const walk = async (place: string, depth: number): Promise<void> => {
    const entries = await readdir(place, { withFileTypes: true }).catch(() => []); // silent-ok: what cannot be read is not listed
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith(".") || entry.name === "node_modules" || files.length >= mostFiles) continue;
      const path = join(place, entry.name);
      if (entry.isDirectory() && depth < deepest) await walk(path, depth + 1);
      else if (entry.isFile() && path !== join(folder, "SKILL.md")) files.push(relative(folder, path));
    }
  };
  await walk(folder, 0);
  return files;
}
