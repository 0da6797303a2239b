import { textOutcome } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import type { FileTool } from "./file-tool.ts";
import { shownPath } from "./text.ts";
import { walk } from "./walk.ts";

const GlobArguments = Type.Object({
  pattern: Type.String({ minLength: 1, maxLength: 500, description: "Such as **/*.ts" }),
  path: Type.Optional(Type.String()),
  ignored: Type.Optional(Type.Boolean({ description: "Also what .gitignore names." })),
});

export const glob: FileTool<typeof GlobArguments> = {
  name: "glob",
  summary: "Find files by name.",
  access: "read",
  parameters: GlobArguments,
  async run({ pattern, path = ".", ignored }, workspace) {
    await using folder = await workspace.root.openFolder(path);
    const matcher = new Bun.Glob(pattern.replace(/^\.?\//, ""));
    const most = workspace.settings.results;
    const { entries, stopped } = walk(folder, workspace, { ignored });
    const found: string[] = [];
    let more = false;
    for await (const { path: at, below, kind } of entries) {
      if (kind === "folder" || !matcher.match(below)) continue;
      more = found.length >= most;
      if (more) break;
      found.push(at);
    }
    const notes = [
      ...(more ? [`[only the first ${most} are shown; narrow the pattern or the path]`] : []),
      ...(stopped() ? [`[the search stopped ${stopped()}; narrow the path]`] : []),
    ];
    const nothing = `nothing in ${folder.path} matches ${pattern}${pattern.includes("/") ? "" : "; for every depth write **/ before it"}`;
    return textOutcome(found.length === 0 && notes.length === 0 ? nothing : [...found.map(shownPath), ...notes].join("\n"), {
      files: found,
      complete: notes.length === 0,
    });
  },
};
