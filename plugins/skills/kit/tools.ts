/** Whether the tools that a skill names are ones that there are. */
import type { AllowedTool } from "@pincer/plugin-sdk/skill";
import { suggestion } from "@pincer/plugin-sdk/suggestion";

/** Names that other programs have for what is a tool here. */
const elsewhere: Readonly<Record<string, string>> = {
  Bash: "exec",
  Shell: "exec",
  Read: "read",
  Write: "write",
  Edit: "edit",
  MultiEdit: "edit",
  Glob: "glob",
  Grep: "grep",
  LS: "list",
};

export interface ToolFinding {
  readonly isFault: boolean;
  readonly text: string;
}

export const checkTools = (allowed: readonly AllowedTool[], known: readonly string[]): readonly ToolFinding[] =>
  allowed.flatMap(({ name }): readonly ToolFinding[] => {
    if (known.includes(name)) return [];
    const here = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined;
    if (here !== undefined) return [{ isFault: false, text: `${name} is what other programs call it: here it is ${here}` }];
    const near = suggestion(name, known);
    return [{ isFault: true, text: `there is no tool ${name}${near === "" ? `; there are: ${known.toSorted().join(", ")}` : near}` }];
  });
