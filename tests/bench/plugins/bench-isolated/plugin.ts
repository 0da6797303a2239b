/** As little as a plugin can do, so that what is measured is the way to it. */
import { definePlugin } from "@pincer/plugin-sdk";
import { calls } from "./calls.ts";

export default definePlugin({
  setup(ctx) {
    ctx.provide(
      calls,
      "bench",
      {},
      {
        echo: async (params) => params,
        async *count({ until }) {
          for (let n = 1; n <= until; n++) yield { n };
          return { last: until };
        },
      },
    );
  },
});
