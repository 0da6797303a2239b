/** What is answered about models that are fetched, and about what is known of models without asking anybody. */

import { modelsCatalogue, modelsCatalogueUpdate, modelsPull, modelsPullCancel, modelsPullWait, pullChanged } from "./catalogue-methods.ts";
import type { Catalogue } from "./catalogue-store.ts";
import type { Pulls } from "./pulls.ts";
import type { ModelsContext } from "./uses.ts";

export function registerPulls(ctx: ModelsContext, pulls: Pulls): void {
  ctx.event(pullChanged);
  ctx.method(modelsPull, ({ model }) => pulls.begin(model));
  ctx.method(modelsPullWait, ({ model, version = 0 }, { signal }) => pulls.wait(model, version, signal));
  ctx.method(modelsPullCancel, ({ model }) => ({ cancelled: pulls.cancel(model) }));
}

export function registerCatalogue(ctx: ModelsContext, catalogue: Catalogue): void {
  const known = () => ({ entries: catalogue.all.length, added: catalogue.added, from: catalogue.from, at: catalogue.at });
  ctx.method(modelsCatalogue, async () => {
    await catalogue.ready();
    const models = catalogue.all.map(({ ref, name, contextWindow, maxOutputTokens, price, source, date }) => ({
      ...{ ref, name, contextWindow, maxOutputTokens, price, source, date },
    }));
    return { ...known(), models };
  });
  ctx.method(modelsCatalogueUpdate, async ({ acceptPrices = false }, { signal }) => {
    await catalogue.ready();
    await catalogue.update({ acceptPrices }, signal);
    return known();
  });
}
