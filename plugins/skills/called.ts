/** Skills that people call by name, and those that a chat lists. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { skillCommands } from "@pincer/plugin-sdk/contracts/skill-commands";
import type { UsableSkill, View } from "./catalog.ts";
import type { InUse } from "./in-use.ts";
import { instructionsOf } from "./reading.ts";
import { taken } from "./tools.ts";

interface CommandParts {
  view(agentId: string): Promise<View>;
  readonly inUse: InUse;
  most(): number;
}

/** Chats write `/status@bot`, and let commands have no hyphen. */
const typed = /^\/([a-z0-9][a-z0-9_-]*)(?:@\S+)?(?:\s+([\s\S]*))?$/i;
const longestDescription = 100;

const named = (word: string) => word.toLowerCase().replaceAll("_", "-");

const own = ["workspace", "project", "personal"];
const rank = ({ root }: UsableSkill) => (own.includes(root.source) ? 0 : root.source === "bundled" ? 2 : 1);

export const commandsOf = ({ view, inUse, most }: CommandParts): ImplementationOf<typeof skillCommands> => ({
  async list({ agentId }) {
    const { usable } = await view(agentId);
    const lastUsed = (one: UsableSkill) => inUse.used.get(one.name) ?? 0;
    const shown = [...usable.values()]
      .filter(({ skill }) => skill.userInvocable)
      .sort((a, b) => lastUsed(b) - lastUsed(a) || rank(a) - rank(b) || b.changedAt - a.changedAt)
      .slice(0, most());
    const commands = shown.map(({ name, skill }) => ({ name, description: shortly(skill.description) }));
    return { commands: commands.sort((a, b) => (a.name < b.name ? -1 : 1)) };
  },

  async named({ agentId, name: word }) {
    const { all } = await view(agentId);
    const one = all.find(({ name }) => name === named(word));
    if (one === undefined) return null;
    const uncalled = one.skill?.userInvocable === false ? ["only the agent itself may choose it"] : [];
    return { name: one.name, reasons: [...one.reasons, ...uncalled] };
  },

  async take({ agentId, runId, text }) {
    const [, word = "", args = ""] = typed.exec(text) ?? [];
    if (word === "") return null;
    const { usable } = await view(agentId);
    const one = usable.get(named(word));
    if (!one?.skill.userInvocable) return null;
    const { name, skill } = one;
    await inUse.take(runId, taken(one));
    if (skill.dispatchTool !== undefined)
      return { name, args, dispatch: { tool: skill.dispatchTool, arguments: { command: args, commandName: name, skillName: name } } };
    const asked = args === "" ? "" : " What stands behind the name is what it is to do.";
    return { name, args, instructions: `The message calls the skill ${name}: do as it says.${asked}\n${await instructionsOf(one)}` };
  },
});

function shortly(description: string): string {
  const line = description.replace(/\s+/g, " ");
  return line.length <= longestDescription ? line : `${line.slice(0, longestDescription - 1)}…`;
}
