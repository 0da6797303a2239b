import { definePlugin } from "@pincer/plugin-sdk";
import { ifPresent } from "@pincer/plugin-sdk/contract";
import { authProfiles } from "@pincer/plugin-sdk/contracts/auth-profiles";
import { budgets } from "@pincer/plugin-sdk/contracts/budgets";
import { llm } from "@pincer/plugin-sdk/contracts/llm";
import { modelAccess } from "@pincer/plugin-sdk/contracts/model-access";
import { provider } from "@pincer/plugin-sdk/contracts/provider";
import { authRow } from "./auth.ts";
import * as catalogueMethods from "./catalogue-methods.ts";
import { createCatalogue } from "./catalogue-store.ts";
import { createChoices } from "./choices.ts";
import { CATALOGUE_COMMAND, LIST_COMMAND, PULL_COMMAND } from "./command.ts";
import { ModelsConfig } from "./config.ts";
import { createDirectory } from "./directory.ts";
import { createEmbed } from "./embed.ts";
import { createModelAccess, plainLlm } from "./llm.ts";
import * as methods from "./methods.ts";
import { createPulls } from "./pulls.ts";
import { createResolver } from "./resolve.ts";
import { createUsageLedger } from "./usage.ts";

export default definePlugin({
  config: ModelsConfig,
  uses: { providers: provider, profiles: ifPresent(authProfiles), budgets: ifPresent(budgets) },

  setup(ctx) {
    const catalogue = createCatalogue(ctx);
    ctx.onConfig(() => catalogue.follow());
    const directory = createDirectory(ctx);
    const resolver = createResolver(ctx, directory, catalogue);
    const ledger = createUsageLedger(ctx);
    ctx.onUnload(() => ledger.end());

    const access = { ...createModelAccess(ctx, directory, resolver, ledger), embed: createEmbed(ctx, resolver, ledger) };
    ctx.provide(modelAccess, "models", {}, access);
    ctx.provide(llm, "models", {}, plainLlm(access));

    ctx.method(methods.modelsList, createChoices(ctx, directory, catalogue, resolver));

    const pulls = ctx.own(createPulls(ctx, directory, resolver));
    ctx.event(catalogueMethods.pullChanged);
    ctx.method(catalogueMethods.modelsPull, ({ model }) => pulls.begin(model));
    ctx.method(catalogueMethods.modelsPullWait, ({ model, version = 0 }, { signal }) => pulls.wait(model, version, signal));
    ctx.method(catalogueMethods.modelsPullCancel, ({ model }) => ({ cancelled: pulls.cancel(model) }));

    const known = () => ({ entries: catalogue.all.length, added: catalogue.added, from: catalogue.from, at: catalogue.at });
    ctx.method(catalogueMethods.modelsCatalogue, async () => {
      await catalogue.ready();
      const models = catalogue.all.map(({ ref, name, contextWindow, maxOutputTokens, price, source, date }) => ({
        ...{ ref, name, contextWindow, maxOutputTokens, price, source, date },
      }));
      return { ...known(), models };
    });
    ctx.method(catalogueMethods.modelsCatalogueUpdate, async ({ acceptPrices = false }, { signal }) => {
      await catalogue.ready();
      await catalogue.update({ acceptPrices }, signal);
      return known();
    });
    for (const { command, run } of [LIST_COMMAND, PULL_COMMAND, CATALOGUE_COMMAND]) ctx.command(command, run);

    ctx.method(methods.modelsAuthStatus, async ({ refresh = false }, call) => {
      const endpoints = await directory.endpoints({ refresh });
      const profiles = (await ctx.uses.profiles?.list({}, call))?.profiles ?? [];
      const ts = ctx.clock.now();
      return { ts, providers: endpoints.map((endpoint) => authRow(endpoint, profiles, ts)) };
    });

    ctx.method(methods.modelsAuthLogout, async ({ provider: endpoint, profileIds }, call) => {
      const { profiles } = ctx.uses;
      const asked = { endpoint, ...(profileIds === undefined ? {} : { profiles: profileIds }) };
      const { forgotten } = profiles ? await profiles.forget(asked, call) : { forgotten: [] };
      return { provider: endpoint, removedProfiles: forgotten };
    });

    ctx.method(methods.usageStatus, async (_, call) => {
      const [endpoints, report] = await Promise.all([directory.endpoints(), ctx.uses.budgets?.report({}, call)]);
      return {
        updatedAt: ctx.clock.now(),
        providers: endpoints
          .filter(({ ready, offline }) => ready && !offline)
          .map(({ endpoint, label }) => ({ provider: endpoint, displayName: label, windows: [] })),
        ...(report && { limits: report.limits }),
      };
    });

    ctx.method(methods.usageCost, async ({ days = 30, sessionKey, runId, ...of }) => {
      const isPart = sessionKey !== undefined || runId !== undefined || Object.keys(of).length > 0;
      const report = () => {
        if (runId !== undefined) return ledger.run(runId);
        return sessionKey === undefined ? ledger.report(days, of) : ledger.session(sessionKey);
      };
      const [{ daily, totals, models }, shares] = await Promise.all([report(), isPart ? undefined : ledger.shares(days)]);
      return {
        updatedAt: ctx.clock.now(),
        days,
        daily: [...daily],
        totals,
        models: [...models],
        ...(shares && { agents: [...shares.agents], users: [...shares.users], profiles: [...shares.profiles] }),
        cacheStatus: { status: "fresh" as const },
      };
    });
  },
});
