/** The file tools over a workspace of their own. */
import { createManualClock, type ManualClock } from "@pincer/plugin-sdk/testing/clock";
import { type ProvidedTool, runTool, type ToolAnswer } from "@pincer/plugin-sdk/testing/run-tool";
import { Value } from "@sinclair/typebox/value";
import { FilesConfig } from "../../plugins/tools-files/config.ts";
import { edit } from "../../plugins/tools-files/edit.ts";
import { provideFileTool } from "../../plugins/tools-files/file-tool.ts";
import { glob } from "../../plugins/tools-files/glob.ts";
import { grep } from "../../plugins/tools-files/grep.ts";
import { list } from "../../plugins/tools-files/list.ts";
import { patch } from "../../plugins/tools-files/patch.ts";
import { read } from "../../plugins/tools-files/read.ts";
import { write } from "../../plugins/tools-files/write.ts";
import { createWorkspace, type TestWorkspace } from "./workspace.ts";

type Run = (args: Record<string, unknown>, signal?: AbortSignal) => Promise<ToolAnswer>;
type Names = "read" | "write" | "edit" | "patch" | "list" | "glob" | "grep";

export type FileTools = TestWorkspace & Readonly<Record<Names, Run>> & { readonly clock: ManualClock };

export async function startFileTools(settings: Partial<FilesConfig> = {}, workspace?: TestWorkspace): Promise<FileTools> {
  const place = workspace ?? (await createWorkspace());
  const clock = createManualClock();
  const config = Value.Default(FilesConfig, { ...settings }) as FilesConfig;
  const deps = { settings: () => config, clock };
  const provided: Record<Names, ProvidedTool> = {
    read: provideFileTool(read, deps),
    write: provideFileTool(write, deps),
    edit: provideFileTool(edit, deps),
    patch: provideFileTool(patch, deps),
    list: provideFileTool(list, deps),
    glob: provideFileTool(glob, deps),
    grep: provideFileTool(grep, deps),
  };
  const run =
    (tool: ProvidedTool): Run =>
    (args, signal) =>
      runTool(tool, args, { workspace: place.path }, signal ? { signal } : {});
  const tools = Object.fromEntries(Object.entries(provided).map(([name, tool]) => [name, run(tool)])) as Record<Names, Run>;
  return { ...place, ...tools, clock };
}
