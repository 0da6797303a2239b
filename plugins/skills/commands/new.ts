/** `pincer skills new`: in the workspace of the main agent, where it is used from the next turn on, or wherever one says. */
import { resolve } from "node:path";
import type { CommandDefinition } from "@pincer/plugin-sdk";
import { dot } from "@pincer/plugin-sdk/command/colour";
import { EXIT } from "@pincer/plugin-sdk/command/exit";
import { createSkill, workspaceSkills } from "../kit/create.ts";

export const newSkill: CommandDefinition = {
  command: {
    name: "skills new",
    summary: "Make a skill that works; in the agent's workspace, or in another folder",
    usage: "<name> [folder]",
    family: "What agents know how to do",
  },
  async run([name = "", parent], io) {
    const { folder, files } = await createSkill(name, parent === undefined ? workspaceSkills(io.home) : resolve(parent));
    const next = [`pincer skills check ${parent === undefined ? name : folder}`];
    const said = [`${dot("good")} ${name} is in ${folder}: ${files.join(", ")}`, ...next.map((line) => `  next  ${line}`)];
    io.result({ ok: true, name, folder, files, next }, said.join("\n"));
    return EXIT.done;
  },
};
