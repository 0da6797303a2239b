/** Whether the tools that a skill names are ones that there are. */
import type { AllowedTool } from "@pincer/plugin-sdk/skill";
import { suggestion } from "@pincer/plugin-sdk/suggestion";
import { alike } from "../bound.ts";

export interface ToolFinding {
  readonly isFault: boolean;
  readonly text: string;
}

export const checkTools = (allowed: readonly AllowedTool[], known: readonly string[]): readonly ToolFinding[] =>
  allowed.flatMap(({ name }): readonly ToolFinding[] => {
    if (known.includes(name) || (name.includes("*") && known.some((tool) => new Bun.Glob(name).match(tool)))) return [];
    const small = name.toLowerCase();
    const here = (Object.hasOwn(alike, small) ? (alike[small] ?? []) : [small]).filter((tool) => known.includes(tool));
    if (here.length > 0) return [{ isFault: false, text: `${name} is what other programs call it: here it is ${here.join(", ")}` }];
    const near = suggestion(name, known);
    return [{ isFault: true, text: `there is no tool ${name}${near === "" ? `; there are: ${known.toSorted().join(", ")}` : near}` }];
  });
