/** Whether the tools that a skill names are ones that there are. */
import type { AllowedTool } from "@pincer/plugin-sdk/skill";
import { suggestion } from "@pincer/plugin-sdk/suggestion";

/** What other programs, for which many skills are written, call tools that there are here. */
const elsewhere: Readonly<Record<string, string>> = {
  bash: "exec",
  shell: "exec",
  multiedit: "edit",
  ls: "list",
};

export interface ToolFinding {
  readonly isFault: boolean;
  readonly text: string;
}

export const checkTools = (allowed: readonly AllowedTool[], known: readonly string[]): readonly ToolFinding[] =>
  allowed.flatMap(({ name }): readonly ToolFinding[] => {
    if (known.includes(name) || (name.includes("*") && known.some((tool) => new Bun.Glob(name).match(tool)))) return [];
    const small = name.toLowerCase();
    const here = Object.hasOwn(elsewhere, small) ? elsewhere[small] : known.find((tool) => tool === small);
    if (here !== undefined) return [{ isFault: false, text: `${name} is what other programs call it: here it is ${here}` }];
    const near = suggestion(name, known);
    return [{ isFault: true, text: `there is no tool ${name}${near === "" ? `; there are: ${known.toSorted().join(", ")}` : near}` }];
  });
