import { definePlugin } from "@pincer/plugin-sdk";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { loadCatalogue } from "./catalogue.ts";
import { createChoices } from "./choices.ts";
import { ModelsConfig } from "./config.ts";
import { createDirectory } from "./directory.ts";
import { createLlm } from "./llm.ts";
import * as methods from "./methods.ts";
import { createResolver } from "./resolve.ts";
import { createUsageLedger } from "./usage.ts";

export default definePlugin({
  config: ModelsConfig,
  uses: { providers: provider },

  setup(ctx) {
    const catalogue = loadCatalogue();
    const directory = createDirectory(ctx);
    const resolver = createResolver(ctx, directory, catalogue);
    const ledger = createUsageLedger(ctx);
    ctx.onUnload(() => ledger.flush());

    ctx.provide(llm, "models", {}, createLlm(ctx, resolver, ledger));

    ctx.method(methods.modelsList, createChoices(ctx, directory, catalogue, resolver));

    ctx.method(methods.modelsAuthStatus, async ({ refresh = false }) => ({
      ts: ctx.clock.now(),
      providers: (await directory.endpoints({ refresh })).map(({ endpoint, label, ready, detail, defaultModel, offline }) => ({
        provider: endpoint,
        displayName: label,
        status: ready ? (offline ? ("ok" as const) : ("static" as const)) : ("missing" as const),
        profiles: [],
        ...(detail === undefined ? {} : { detail }),
        ...(defaultModel === undefined ? {} : { defaultModel }),
      })),
    }));

    ctx.method(methods.usageStatus, async () => ({
      updatedAt: ctx.clock.now(),
      providers: (await directory.endpoints())
        .filter(({ ready, offline }) => ready && !offline)
        .map(({ endpoint, label }) => ({ provider: endpoint, displayName: label, windows: [] })),
    }));

    ctx.method(methods.usageCost, async ({ days = 30, agentId, sessionKey }) => {
      const { daily, totals, models } = sessionKey === undefined ? await ledger.report(days, agentId) : await ledger.session(sessionKey);
      return {
        updatedAt: ctx.clock.now(),
        days,
        daily: [...daily],
        totals,
        models: [...models],
        cacheStatus: { status: "fresh" as const },
      };
    });
  },
});
