import { definePlugin } from "@pincer/plugin-sdk";
import { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import { selector } from "@pincer/plugin-sdk/contracts/selector";
import { SelectorConfig } from "./config.ts";
import { explain } from "./methods.ts";
import { createSelect } from "./select.ts";

export default definePlugin({
  config: SelectorConfig,
  uses: { access: modelAccess },

  setup(ctx) {
    const { select, scoreFor } = createSelect(ctx);
    ctx.provide(selector, "selector", {}, { select });
    ctx.method(explain, async (request, io) => {
      const { points, tier, features } = scoreFor(request);
      return { selection: await select(request, io), score: points, tier, features: [...features] };
    });
  },
});
