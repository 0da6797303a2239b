/** What the owner typed as a command, and is none: said at once, rather than by a model that makes something of it. */
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { commandsWith, skillCommand } from "./commands.ts";
import type { AgentContext } from "./uses.ts";

/** What is answered to `/word`, which is none of the gateway's commands; `undefined` when it calls a skill, or when nobody can say. */
export async function unknownCommand(
  { uses: { skills, approvals }, signal }: AgentContext,
  agentId: string,
  word: string,
): Promise<string | undefined> {
  const literally = `To say it to me as it stands, begin with two slashes: //${word}`;
  try {
    const skill = await skills?.named?.({ agentId, name: word }, { signal });
    if (skills !== undefined && (skill === undefined || skill?.reasons.length === 0)) return undefined;
    if (skill) return `The skill ${skill.name} cannot be called: ${skill.reasons.join("; ")}. ${literally}`;
    const called = skills === undefined ? [] : (await skills.list({ agentId }, { signal })).commands.map(skillCommand);
    const near = suggestion(
      `/${word}`,
      [...commandsWith(approvals !== undefined), ...called].flatMap(({ textAliases }) => textAliases),
    );
    return `There is no command /${word}${near === "" ? "." : near} /help lists what there is. ${literally}`;
  } catch {
    return undefined; // silent-ok: the turn asks for skills too, and says what is wrong with them
  }
}
