/** The skill that a message calls by name, which holds for its turn. */
import type { SkillCalled } from "@pincer/plugin-sdk/contracts/skill-commands";
import type { Job } from "@pincer/plugin-sdk/job";
import type { TurnInput } from "./turn-input.ts";
import type { AgentContext } from "./uses.ts";

/** Only the owner calls one, and in words of his own: what was handed on or quoted calls nothing. Journalled, so that a resumed turn is under the same. */
export async function calledSkill(
  { uses: { skills } }: AgentContext,
  job: Pick<Job, "effect">,
  { text, agentId, runId, forwarded, literal }: TurnInput,
  owner: boolean,
  signal: AbortSignal,
): Promise<SkillCalled | null> {
  if (skills === undefined || !owner || forwarded !== undefined || literal === true || !/^\/[a-z]/i.test(text.trimStart())) return null;
  return job.effect("skill", null, () => skills.take({ agentId, runId, text: text.trim() }, { signal }), { replay: "safe" });
}
