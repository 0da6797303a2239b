/** `pincer skills list`: what an agent has, and why it cannot use some of it. */
import type { CommandIo } from "@pincer/plugin-sdk";
import type { ResultOf } from "@pincer/plugin-sdk/method";
import { skillsErrors } from "../errors.ts";
import { skillsStatus } from "../methods.ts";
import { aligned, type CommandDefinition, dot, EXIT } from "./command.ts";

const longest = 72;
/** The folders that the wire knows by these names, for people. */
export const places: Readonly<Record<string, string>> = {
  "openclaw-workspace": "workspace",
  "agents-skills-project": "workspace",
  "agents-skills-personal": "personal",
  "openclaw-managed": "installed",
  "openclaw-bundled": "ships with Pincer",
  "openclaw-extra": "extraDirs",
};

type Status = ResultOf<typeof skillsStatus>;

/** The command is there wherever the plugin is; what it calls is there once that is on. */
const OFF = "skills are known to the plugin skills, which is not enabled: pincer plugins enable skills";
const isOff = (error: unknown): boolean => (error as { readonly code?: unknown } | null)?.code === "BUS_METHOD_UNKNOWN";

export async function statusOf(io: CommandIo, agentId?: string): Promise<Status> {
  try {
    return (await io.call(skillsStatus.name, agentId === undefined ? {} : { agentId })) as Status;
  } catch (error) {
    throw isOff(error) ? skillsErrors.SKILLS_OFF(OFF) : error;
  }
}

export const list: CommandDefinition = {
  command: { name: "skills list", summary: "The skills that an agent has, and why it cannot use some", usage: "[agent]" },
  async run([agentId], io) {
    const status = await statusOf(io, agentId);
    if (io.json) {
      io.print(JSON.stringify(status, null, 2));
      return EXIT.done;
    }
    const { skills } = status;
    if (skills.length === 0) {
      io.print(`The agent ${status.agentId} has no skills.\n  pincer skills new <name> makes one in ${status.workspaceDir}`);
      return EXIT.done;
    }
    const rows = skills.map((skill): [string, string] => {
      const state = skill.eligible ? dot("good") : skill.disabled || skill.blockedByAllowlist ? dot("off") : dot("bad");
      return [
        `${state} ${skill.name}`,
        [firstOf(skill.description), ...skill.reasons, ...waysOf(skill)].filter((line) => line !== "").join("\n"),
      ];
    });
    const groups = Map.groupBy(skills.keys(), (at) => places[skills[at]!.source] ?? skills[at]!.source);
    for (const [place, members] of groups) {
      io.print(place);
      for (const line of aligned(
        [...members].map((at) => rows[at]!),
        "  ",
      ))
        io.print(line);
    }
    const usable = skills.filter(({ eligible }) => eligible).length;
    io.print(`${usable} of ${skills.length} can be used by ${status.agentId}`);
    return EXIT.done;
  },
};

type Row = Status["skills"][number];

/** How to get what is missing. */
const waysOf = ({ eligible, disabled, blockedByAllowlist, install }: Row): readonly string[] =>
  eligible || disabled || blockedByAllowlist ? [] : install.map(({ command }) => `get it: ${command}`);

function firstOf(description: string): string {
  const line = description.replace(/\s+/g, " ");
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
