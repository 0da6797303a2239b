import { definePlugin } from "@pincer/plugin-sdk";
import { packageCommands } from "./commands/packages.ts";
import { registryCommands } from "./commands/registry.ts";
import { registryListCommands } from "./commands/registry-add.ts";
import { skillCommands } from "./commands/skills.ts";
import { ClientConfig } from "./config.ts";
import { serve } from "./gateway.ts";
import { uses } from "./uses.ts";

export default definePlugin({
  config: ClientConfig,
  uses,
  setup(ctx) {
    serve(ctx);
    for (const { command, run } of [...packageCommands, ...registryListCommands, ...registryCommands, ...skillCommands])
      ctx.command(command, run);
  },
});
