/** `pincer skills status`: all that is known of one skill; without a name, what `pincer skills list` shows. */
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { skillsErrors } from "../errors.ts";
import type { skillsStatus } from "../methods.ts";
import { aligned, type CommandDefinition, dot, EXIT } from "./command.ts";
import { list, places, statusOf } from "./list.ts";

type Status = ResultOf<typeof skillsStatus>["skills"][number];

function shown(skill: Status): readonly string[] {
  const { requirements, missing, install, variables, eligible, reasons, source } = skill;
  const needs = [...requirements.os, ...requirements.bins, ...requirements.anyBins, ...requirements.env, ...requirements.config];
  const lacking = new Set([...missing.os, ...missing.bins, ...missing.anyBins, ...missing.env, ...missing.config]);
  const who = [...(skill.modelInvocable ? ["the model"] : []), ...(skill.userInvocable ? [`you, with /${skill.name}`] : [])];
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["", eligible ? ["can be used"] : reasons],
    ["what for", skill.description === "" ? [] : [skill.description]],
    ["place", [places[source] ?? source, skill.filePath]],
    ["chosen by", who],
    ["needs", needs.map((need) => `${need}${lacking.has(need) ? " (missing)" : ""}`)],
    ["gets", variables],
    ["to get it", install.map(({ label, command }) => `${label}: ${command}`)],
  ];
  const filled = rows.filter(([, lines]) => lines.length > 0).map(([head, lines]) => [head, lines.join("\n")] as const);
  return [`${dot(eligible ? "good" : "off")} ${skill.name}`, ...aligned(filled, "  ")];
}

export const status: CommandDefinition = {
  command: { name: "skills status", summary: "All that is known of a skill, and why it cannot be used", usage: "[skill]" },
  async run([name], io) {
    if (name === undefined) return list.run([], io);
    const { skills } = await statusOf(io);
    const found = skills.find((skill) => skill.name === name);
    if (found === undefined) {
      const near = suggestion(
        name,
        skills.map((skill) => skill.name),
      );
      throw skillsErrors.SKILLS_UNKNOWN(`there is no skill ${JSON.stringify(name)}${near}`);
    }
    if (io.json) io.print(JSON.stringify(found, null, 2));
    else for (const text of shown(found)) io.print(text);
    return EXIT.done;
  },
};
