/** What a skill says of itself in its `SKILL.md`: what it tells a model, what the agent may do while it is used, what it needs. */
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { parseSkill, type Skill } from "@pincer/plugin-sdk/skill";
import type { PermissionEntry } from "./description.ts";

/** Under which the text stands that a model reads once it uses the skill. */
export const instructionsOf = (skill: string): string => `skill ${skill} once it is used`;

/** Of a skill that says nothing of tools: what names some of them may do less. */
export const everyTool = "tools *";

export function aboutSkill(text: string, file: string, folder: string) {
  const skill = parseSkill(text, file, folder);
  const { name, description, metadata, modelInvocable, body, runtime } = skill;
  const { version } = metadata;
  return {
    ...{ id: name, summary: description.split("\n")[0]! },
    ...(typeof version === "string" && { version }),
    permissions: permissionsOf(skill),
    told: new Map([...(modelInvocable ? [[`skill ${name}`, description] as const] : []), [instructionsOf(name), body.trim()]]),
    reads: { eachTurn: modelInvocable ? textTokens(`${name}: ${description}`) : 0, whenUsed: textTokens(body) },
    requires: requirementsOf(runtime),
  };
}

function permissionsOf({ name, allowedTools, dispatchTool }: Skill): PermissionEntry[] {
  const tools = allowedTools?.map(({ name: tool, pattern }): PermissionEntry => {
    const called = pattern === undefined ? tool : `${tool}(${pattern})`;
    return { risk: "medium", permission: `tools ${called}`, text: `While it is used, the agent may call ${called}.` };
  }) ?? [{ risk: "medium", permission: everyTool, text: "While it is used, the agent may call every tool that it has." }];
  if (dispatchTool === undefined) return tools;
  const text = `Whoever writes /${name} has ${dispatchTool} called with what stands behind it, and no model is asked.`;
  return [...tools, { risk: "high", permission: `dispatch ${dispatchTool}`, text }];
}

function requirementsOf({ os, requires: { bins, anyBins, env, config } }: Skill["runtime"]): readonly string[] {
  return [
    ...(os.length > 0 ? [os.join(" or ")] : []),
    ...bins.map((program) => `the program ${program}`),
    ...(anyBins.length > 0 ? [`one of the programs ${anyBins.join(", ")}`] : []),
    ...env.map((variable) => `the variable ${variable}`),
    ...config.map((path) => `the setting ${path}`),
  ];
}
