/** Finds, among the tools of a request, one that does what is wanted, and fills in its arguments by their names. */
import type { ToolSpec } from "@pincer/plugin-sdk/contracts/provider";

export type Work = "list" | "read" | "write" | "search" | "find" | "run" | "time";

/** Names of tools for a piece of work, the likeliest first; a plugin's own prefix (`files_list`) may stand before them. */
const NAMES: Readonly<Record<Work, readonly string[]>> = {
  list: ["list", "ls", "list_files", "list_dir", "dir"],
  read: ["read", "read_file", "view", "cat"],
  write: ["write", "write_file", "save"],
  search: ["grep", "search", "search_files"],
  find: ["glob", "find", "find_files"],
  run: ["exec", "shell", "bash", "run", "run_command"],
  time: ["time", "now", "clock", "current_time"],
};

/** What an argument may be called. */
const ARGUMENTS = {
  path: ["path", "file_path", "filePath", "file", "dir", "directory", "folder"],
  content: ["content", "text", "contents", "data"],
  query: ["pattern", "query", "regex", "text"],
  glob: ["pattern", "glob", "name", "query"],
  command: ["command", "cmd", "script"],
  append: ["append"],
  literal: ["literal"],
} as const;
type Argument = keyof typeof ARGUMENTS;

interface Schema {
  readonly properties?: Readonly<Record<string, { readonly type?: string } | undefined>>;
  readonly required?: readonly string[];
}

export function toolFor(work: Work, tools: readonly ToolSpec[]): ToolSpec | undefined {
  for (const name of NAMES[work]) {
    const found = tools.find((tool) => tool.name === name) ?? tools.find((tool) => tool.name.endsWith(`_${name}`));
    if (found) return found;
  }
  return undefined;
}

/** The tool's own arguments for what is given; what it has no argument for is left out. */
export function argumentsFor(tool: ToolSpec, given: Readonly<Partial<Record<Argument, string | boolean>>>): Record<string, unknown> {
  const { properties = {}, required = [] } = (tool.parameters ?? {}) as Schema;
  const filled: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given) as [Argument, string | boolean | undefined][]) {
    const known = ARGUMENTS[name].find((candidate) => candidate in properties && !(candidate in filled));
    if (known === undefined || value === undefined) continue;
    filled[known] = properties[known]?.type === "array" ? [value] : value;
  }
  // A folder is often required and stands for the workspace itself when nothing was said.
  for (const name of required) if (!(name in filled) && ARGUMENTS.path.some((one) => one === name)) filled[name] = ".";
  return filled;
}

export const takes = (tool: ToolSpec, argument: Argument): boolean => {
  const { properties = {} } = (tool.parameters ?? {}) as Schema;
  return ARGUMENTS[argument].some((name) => name in properties);
};
