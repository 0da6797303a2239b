/** `pincer skills new`: a skill that works and passes its check, to be made into another. */
import { existsSync, readdirSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isSkillName } from "@pincer/plugin-sdk/skill";
import { skillsErrors } from "../errors.ts";
import script from "./template/script.txt";
import skill from "./template/skill.txt";

const placeholder = "my-skill";
/** By which a check knows that nobody has said yet when the skill is used. */
export const untouchedDescription = /^description: (.*)$/m.exec(skill)![1]!;

const nameFrom = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64) || placeholder;

/** Where the main agent finds them, unless its workspace is set to be elsewhere. */
export const workspaceSkills = (home: string): string => join(home, "workspace", "skills");

/** Makes `<parent>/<name>`; answers with its files. Throws `SKILL_*` and changes nothing when it cannot be. */
export async function createSkill(name: string, parent: string): Promise<{ readonly folder: string; readonly files: readonly string[] }> {
  if (!isSkillName(name))
    throw skillsErrors.SKILL_NAME_INVALID(
      `expected small letters and digits, in words with single hyphens between them, at most 64 characters, such as ${nameFrom(name)}; came ${JSON.stringify(name)}`,
    );
  const folder = join(parent, name);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw skillsErrors.SKILL_FOLDER_TAKEN(`${folder} is not empty: choose another name, or name the folder to make it in behind it`);
  const title = name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");
  const files = { "SKILL.md": skill.replaceAll(placeholder, name).replaceAll("My skill", title), "scripts/load.sh": script };
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  await chmod(join(folder, "scripts/load.sh"), 0o755);
  return { folder, files: Object.keys(files) };
}
