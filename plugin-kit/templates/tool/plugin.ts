import { definePlugin } from "@pincer/plugin-sdk";
import { tool } from "@pincer/plugin-sdk/contracts/tool";
import { Type } from "@sinclair/typebox";
import { defineDice } from "./dice.ts";

export default definePlugin({
  config: Type.Object({
    most: Type.Integer({ default: 20, minimum: 1, description: "How many dice one call may roll" }),
  }),

  setup(ctx) {
    ctx.provide(tool, ...defineDice({ most: () => ctx.config.most, random: Math.random }));
  },
});
