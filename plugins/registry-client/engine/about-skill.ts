/** What a skill says of itself in its `SKILL.md`: what it tells a model, what the agent may do while it is used, what it needs. */
import { textTokens } from "@pincer/plugin-sdk/provider/estimate";
import { type AllowedTool, parseSkill, type Skill } from "@pincer/plugin-sdk/skill";
import type { PlanItem } from "./plan.ts";

/** Under which the text stands that a model reads once it uses the skill. */
export const instructionsOf = (skill: string): string => `the instructions of ${skill}`;

/** A skill that names no tools leaves the agent all of its own: one that names some is narrower. */
export const anyTool = "tools *";

export function aboutSkill(text: string, file: string, folder: string) {
  const { name, description, metadata, allowedTools, modelInvocable, body, runtime } = parseSkill(text, file, folder);
  const { version } = metadata;
  return {
    ...{ id: name, summary: description.split("\n")[0]! },
    ...(typeof version === "string" && { version }),
    permissions: permissionsOf(allowedTools),
    told: new Map([...(modelInvocable ? [[`skill ${name}`, description] as const] : []), [instructionsOf(name), body]]),
    reads: { eachTurn: modelInvocable ? textTokens(`${name}: ${description}`) : 0, whenUsed: textTokens(body) },
    requires: requirementsOf(runtime),
  };
}

function permissionsOf(allowed: readonly AllowedTool[] | undefined): PlanItem["permissions"] {
  if (!allowed)
    return [{ risk: "medium", permission: anyTool, text: "While it is used, the agent may call any of its tools, as it may without it." }];
  return allowed.map(({ name, pattern }) => {
    const called = pattern === undefined ? name : `${name}(${pattern})`;
    return { risk: "medium", permission: `tools ${called}`, text: `While it is used, the agent may call ${called}.` };
  });
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
