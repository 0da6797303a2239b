/** The tools with which a model finds skills that its prompt does not name, and reads them. */
import { defineTool, refusedOutcome, textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { neutralText } from "@pincer/plugin-sdk/untrusted";
import { Type } from "@sinclair/typebox";
import type { UsableSkill, View } from "./catalog.ts";
import type { InUse, SkillInUse } from "./in-use.ts";
import type { Offer } from "./offer.ts";
import { fileOf, instructionsOf } from "./reading.ts";

export interface ToolParts {
  view(agentId: string): Promise<View>;
  readonly offer: Offer;
  readonly inUse: InUse;
}

const most = 10;

export const taken = ({ name, folder, skill: { allowedTools } }: UsableSkill): SkillInUse => ({
  name,
  folder,
  ...(allowedTools === undefined ? {} : { allowedTools }),
});

/** Why a skill of that name cannot be used, for the model. */
function missing(view: View, name: string): string {
  const known = view.all.find((one) => one.name === name && !one.isLeftOut);
  return known === undefined
    ? `there is no skill "${name}"; skills_search finds those that there are`
    : `the skill ${name} cannot be used here: ${known.reasons.join("; ") || "only people may call it"}`;
}

export const searchTool = ({ view, offer }: ToolParts) =>
  defineTool({
    name: "skills_search",
    summary: "Find installed skills by what they are for.",
    access: "read",
    parameters: Type.Object({ query: Type.String({ minLength: 1, maxLength: 1_000 }) }),
    async run({ query }, { agentId }, { signal }) {
      const found = await offer.search(await view(agentId), query, most, signal);
      const lines = found.map(({ name, skill }) => `- ${name}: ${neutralText(skill.description).replace(/\s+/g, " ")}`);
      return textOutcome(lines.join("\n") || "no installed skill is about that", { names: found.map(({ name }) => name) });
    },
  });

export const readTool = ({ view, inUse }: ToolParts) =>
  defineTool({
    name: "skills_read",
    summary: "Read a skill before you use it, or one of its files.",
    access: "read",
    parameters: Type.Object({
      name: Type.String({ minLength: 1, maxLength: 128 }),
      file: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024, description: "Its path in the skill's folder." })),
    }),
    async run({ name, file }, { agentId, runId }) {
      const there = await view(agentId);
      const one = there.usable.get(name);
      const isCalled = (await inUse.of(runId)).some((used) => used.name === name);
      if (one === undefined || !(one.skill.modelInvocable || isCalled)) return refusedOutcome(missing(there, name));
      if (file !== undefined) {
        const answer = await fileOf(one, file);
        return "refused" in answer ? refusedOutcome(answer.refused) : textOutcome(answer.text);
      }
      const text = await instructionsOf(one);
      await inUse.take(runId, taken(one));
      return textOutcome(text, { skill: name });
    },
  });
