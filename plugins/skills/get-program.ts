/** A program that a skill needs, got as the skill says: by a package manager that commands here have. */
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { SkillInstaller } from "@pincer/plugin-sdk/skill-runtime";
import type { Catalog } from "./catalog.ts";
import { skillsErrors } from "./errors.ts";
import { installerText, installerWords } from "./installers.ts";
import type { SkillsContext } from "./uses.ts";

interface Wanted {
  /** Of the skill. */
  readonly name: string;
  readonly installer: SkillInstaller;
  readonly timeoutMs: number;
}

/** What cannot be done here is told, with the command that would; throws `SKILLS_INSTALLER` for what may not be done at all. */
export async function getProgram(ctx: SkillsContext, catalog: Catalog, { name, installer, timeoutMs }: Wanted, signal: AbortSignal) {
  const made = installerWords(installer);
  const told = (message: string, command: string) => ({ ok: false, message, stdout: "", stderr: "", code: null, command });
  if (installer.os.length > 0 && !installer.os.some((system) => system === process.platform))
    return told(`${installer.id} is for ${installer.os.join(", ")}, and this is ${process.platform}`, installerText(installer));
  if ("refused" in made) throw skillsErrors.SKILLS_INSTALLER(`${name}, ${installer.id}: ${made.refused}`);
  const { processes } = ctx.uses;
  const { programs } = (await processes?.look({ programs: [made.program], variables: [] }, { signal })) ?? { programs: [] };
  const command = made.words.join(" ");
  if (processes === undefined || programs.length === 0)
    return told(`commands here have no ${made.program}; with it this would do: ${command}`, command);
  ctx.log.info("skills.installing", { skill: name, command });
  try {
    const { code, output } = await processes.run({ words: [...made.words], timeoutMs }, { signal });
    catalog.forgetPrograms();
    const ok = code === 0;
    return { ok, message: ok ? `${command}: done` : `${command}: did not work`, stdout: output, stderr: "", code, command };
  } catch (error) {
    throw skillsErrors.SKILLS_INSTALLER(`${command}: ${errorMessage(error)}`);
  }
}
