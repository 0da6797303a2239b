import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

/** Of `registry-client`, whose code so is loaded where somebody has a registry, and nowhere else. */
const watch = defineMethod({
  name: "registry-client.watch",
  summary: "Asks the registries whose turn it is what nobody should run any more, and stops it.",
  scope: "operator.admin",
  params: Type.Object({}),
  result: Type.Object({ waitMs: Type.Number() }),
});

/** At least so long between two looks, whatever is answered. */
const leastMs = 500;

export default definePlugin({
  setup(ctx) {
    ctx.service("watch", async (signal) => {
      while (!signal.aborted) {
        const { waitMs } = await ctx.call(watch, {}, { signal });
        await ctx.clock.sleep(Math.max(leastMs, waitMs), signal);
      }
    });
  },
});
