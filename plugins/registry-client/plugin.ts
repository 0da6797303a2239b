import { definePlugin } from "@pincer/plugin-sdk";
import { registryCommands } from "./commands/registry.ts";

export default definePlugin({
  setup(ctx) {
    for (const { command, run } of registryCommands) ctx.command(command, run);
  },
});
