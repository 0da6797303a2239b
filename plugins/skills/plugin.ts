import { definePlugin } from "@pincer/plugin-sdk";
import { check } from "./commands/check.ts";
import { newSkill } from "./commands/new.ts";

export default definePlugin({
  setup(ctx) {
    for (const { command, run } of [newSkill, check]) ctx.command(command, run);
  },
});
