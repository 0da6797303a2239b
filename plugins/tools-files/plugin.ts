import { definePlugin } from "@pincer/plugin-sdk";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { FilesConfig } from "./config.ts";
import { edit } from "./edit.ts";
import { provideFileTool } from "./file-tool.ts";
import { glob } from "./glob.ts";
import { grep } from "./grep.ts";
import { list } from "./list.ts";
import { patch } from "./patch.ts";
import { read } from "./read.ts";
import { write } from "./write.ts";

export default definePlugin({
  config: FilesConfig,
  setup(ctx) {
    const deps = { settings: () => ctx.config, clock: ctx.clock };
    ctx.provide(tool, ...provideFileTool(read, deps));
    ctx.provide(tool, ...provideFileTool(write, deps));
    ctx.provide(tool, ...provideFileTool(edit, deps));
    ctx.provide(tool, ...provideFileTool(patch, deps));
    ctx.provide(tool, ...provideFileTool(list, deps));
    ctx.provide(tool, ...provideFileTool(glob, deps));
    ctx.provide(tool, ...provideFileTool(grep, deps));
  },
});
