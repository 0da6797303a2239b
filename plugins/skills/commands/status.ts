/** `pincer skills status`: which skills the agent has and why some cannot be used; with a name, all that is known of that one. */
import type { CommandDefinition, CommandIo } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { columns, table } from "@pincer/plugin-sdk/command/columns";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { plainly } from "@pincer/plugin-sdk/command/plain";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { skillsErrors } from "../errors.ts";
import { skillsStatus } from "../methods.ts";
import { wireSources } from "../roots.ts";

type Status = ResultOf<typeof skillsStatus>["skills"][number];

const places = new Map(Object.entries(wireSources).map(([place, wire]) => [wire, place]));
const placeOf = ({ source }: Status): string => places.get(source) ?? source;

/** As much of a description as tells one skill from another. */
const most = 90;
const oneLine = (text: string): string => text.replace(/\s+/g, " ");
const briefly = (text: string): string => (text.length <= most ? text : `${text.slice(0, most).replace(/\s+\S*$/, "")} …`);

const row = (skill: Status): readonly string[] => [
  `${dot(skill.eligible ? "good" : "off")} ${plainly(skill.name)}`,
  placeOf(skill),
  skill.eligible ? plainly(briefly(oneLine(skill.description))) : skill.reasons.map(plainly).join("\n"),
];

function all({ skills, workspaceDir }: ResultOf<typeof skillsStatus>): readonly string[] {
  if (skills.length === 0) return ["no skills", "  pincer skills new <name>"];
  const usable = skills.filter(({ eligible }) => eligible).length;
  const rest = usable === skills.length ? "" : `, ${skills.length - usable} cannot be used as things are`;
  return [
    table(["skill", "place", "what for"], skills.map(row)),
    "",
    `${usable} of ${skills.length} can be used${rest}; those of the workspace are in ${workspaceDir}/skills`,
  ];
}

function one(skill: Status): readonly string[] {
  const { requirements, missing, install, variables, eligible, reasons } = skill;
  const needs = [...requirements.os, ...requirements.bins, ...requirements.anyBins, ...requirements.env, ...requirements.config];
  const lacking = new Set([...missing.os, ...missing.bins, ...missing.anyBins, ...missing.env, ...missing.config]);
  const who = [...(skill.modelInvocable ? ["the model"] : []), ...(skill.userInvocable ? [`you, with /${skill.name}`] : [])];
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["", eligible ? ["can be used"] : reasons],
    ["what for", [oneLine(skill.description)]],
    ["place", [`${placeOf(skill)}, ${skill.filePath}`]],
    ["chosen by", who],
    ["needs", needs.map((need) => `${need}${lacking.has(need) ? " (missing)" : ""}`)],
    ["gets", variables],
    ["to get it", install.map(({ label, command }) => `${label}: ${command}`)],
  ];
  const shown = rows.filter(([, lines]) => lines.length > 0).map(([head, lines]) => [head, lines.map(plainly).join("\n")] as const);
  return [`${dot(eligible ? "good" : "off")} ${plainly(skill.name)}`, ...columns(shown, { indent: "  " })];
}

/** The command is there wherever the plugin is; what it calls is there once that is on. */
const OFF = "skills are known to the plugin skills, which is not enabled: pincer plugins enable skills";
const isOff = (error: unknown): boolean => (error as { readonly code?: unknown } | null)?.code === "BUS_METHOD_UNKNOWN";

async function ask(io: CommandIo): Promise<ResultOf<typeof skillsStatus>> {
  try {
    return (await io.call(skillsStatus.name, {})) as ResultOf<typeof skillsStatus>;
  } catch (error) {
    throw isOff(error) ? skillsErrors.SKILLS_OFF(OFF) : error;
  }
}

export const status: CommandDefinition = {
  command: {
    name: "skills status",
    summary: "Which skills the agent has, and why some cannot be used; of one skill, everything",
    usage: "[skill]",
  },
  async run([name], io) {
    const answer = await ask(io);
    const found = answer.skills.find((skill) => skill.name === name);
    if (name !== undefined && found === undefined) {
      const names = answer.skills.map((skill) => skill.name);
      throw skillsErrors.SKILLS_UNKNOWN(
        `there is no skill ${JSON.stringify(name)}${suggestion(name, names) || ": pincer skills status shows which there are"}`,
      );
    }
    io.result(found ?? answer, (found === undefined ? all(answer) : one(found)).join("\n"));
    return EXIT.done;
  },
};
