/** `pincer skills check`: one skill, or every one in a folder of skills. */
import { existsSync, readdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { columns } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import { isSkillName } from "@pincer/plugin-sdk/skill";
import { skillsErrors } from "../errors.ts";
import { checkSkill, type Step, type Verdict } from "../kit/check.ts";
import { workspaceSkills } from "../kit/create.ts";
import { machineOf } from "../kit/machine.ts";

const dots: Readonly<Record<Verdict, "good" | "bad" | "off">> = { passed: "good", failed: "bad", warned: "off", skipped: "off" };

/** In the way of people, who name a skill of the agent's workspace, a folder, the file in it, or a folder of skills. */
function skillsIn(given: string, home: string): readonly string[] {
  const own = join(workspaceSkills(home), given);
  const named = isSkillName(given) && !existsSync(given) && existsSync(own) ? own : given;
  const folder = basename(named) === "SKILL.md" ? resolve(named, "..") : resolve(named);
  if (existsSync(join(folder, "SKILL.md"))) return [folder];
  const within = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const skills = within
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "SKILL.md")))
    .map(({ name }) => join(folder, name));
  if (skills.length === 0)
    throw skillsErrors.SKILL_NOT_FOUND(
      `expected a SKILL.md in ${folder}, or folders that have one; came none. What is installed: pincer skills status`,
    );
  return skills.sort();
}

/** Names of all tools, of the gateway that runs. */
async function toolsOf(io: CommandIo): Promise<readonly string[] | undefined> {
  try {
    const { groups } = (await io.call("tools.catalog", {})) as {
      readonly groups: readonly { readonly tools: readonly { readonly id: string }[] }[];
    };
    return groups.flatMap(({ tools }) => tools.map(({ id }) => id));
  } catch (error) {
    if ((error as { readonly code?: unknown } | null)?.code === "CLI_NOT_RUNNING") return undefined;
    throw error;
  }
}

export const check: CommandDefinition = {
  command: {
    name: "skills check",
    summary: "Whether a skill is in order: specification, requirements, tools, links, size, text that alarms",
    usage: "[folder]",
  },
  async run([given = "."], io) {
    const folders = skillsIn(given, io.home);
    const options = { machine: machineOf(io.home, process.env), tools: await toolsOf(io) };
    const checked: { readonly name: string; readonly folder: string; readonly ok: boolean; readonly steps: readonly Step[] }[] = [];
    for (const folder of folders) {
      const steps = await checkSkill(folder, options);
      checked.push({ name: basename(folder), folder, ok: steps.every(({ verdict }) => verdict !== "failed"), steps });
    }
    const failed = checked.filter(({ ok }) => !ok);
    const shown = checked.flatMap(({ name, steps }) => {
      const rows = steps.map(
        ({ name: of, verdict, summary, lines }) => [`${dot(dots[verdict])} ${of}`, [summary, ...lines].map(plainly).join("\n")] as const,
      );
      return [...(checked.length > 1 ? [name] : []), ...columns(rows)];
    });
    const wrong =
      checked.length === 1
        ? failed.flatMap(({ steps }) => steps.filter(({ verdict }) => verdict === "failed").map((step) => step.name))
        : failed.map(({ name }) => name);
    const verdict = failed.length === 0 ? "in order" : `not in order: ${wrong.join(", ")}`;
    io.result({ ok: failed.length === 0, skills: checked }, [...shown, verdict].join("\n"));
    return failed.length === 0 ? EXIT.done : EXIT.failed;
  },
};
