import { definePlugin } from "@pincer/plugin-sdk";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

/** Methods of `registry-client`, whose code so is loaded where somebody has a registry, and nowhere else. Each says when it wants to be called again. */
const upkeep = (name: string) =>
  defineMethod({
    ...{ name: `registry-client.${name}`, summary: "Looks whether there is something to do.", scope: "operator.write" },
    params: Type.Object({}),
    result: Type.Object({ waitMs: Type.Number() }),
  });

/** At least so long between two calls, whatever is answered. */
const leastMs = 500;

export default definePlugin({
  setup(ctx) {
    for (const name of ["watch", "keepUp"])
      ctx.service(name, async (signal) => {
        while (!signal.aborted) {
          const { waitMs } = await ctx.call(upkeep(name), {}, { signal });
          await ctx.clock.sleep(Math.max(leastMs, waitMs), signal);
        }
      });
  },
});
