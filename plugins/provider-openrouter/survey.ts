/** Whether OpenRouter can be used, and what models it has: asked under short deadlines, and kept for a while. */
import type { Credential, EndpointStatus, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { endpointNames, howToSet, listBounds, markOf, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { keepAnswers } from "@pincer/plugin-sdk/provider/kept-answers";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OpenRouterConfig } from "./config.ts";
import { type Access, accessTo, labelOf, OPENROUTER } from "./endpoints.ts";
import { configuredModel, type Listing, listModels, type RoutedModel } from "./models.ts";

/** The router's own choice among all its models. */
const DEFAULT_MODEL = "openrouter/auto";
/** How long it holds that there was no list. */
const FAILED_MS = 30_000;

interface Survey {
  statuses(): Promise<readonly EndpointStatus[]>;
  models(endpoint: string | undefined, refresh: boolean, credential?: Credential): Promise<readonly ModelInfo[]>;
  /** What is known of a model already: no request waits for the list, which is long. */
  known(access: Access, id: string): RoutedModel | undefined;
}

export function createSurvey(ctx: ProviderContext<OpenRouterConfig>): Survey {
  const { clock } = ctx;
  const keep = keepAnswers<Listing>(clock);
  const last = new Map<string, Listing>();

  // Not bound to a caller's signal: others may wait for the same answer, and the deadline is short.
  const ask = async (access: Access): Promise<Listing> => {
    const { fetch, config } = ctx;
    using watch = watchRequest({ clock, ...listBounds(config), signal: new AbortController().signal, fetch });
    const listing = await listModels(access, watch);
    last.set(access.baseUrl, listing);
    return listing;
  };
  const listing = (access: Access, keptMs: number) =>
    keep({ name: access.endpoint, place: access.baseUrl, keptMs, failedMs: FAILED_MS, ask: () => ask(access) });

  const statusOf = async (endpoint: string): Promise<EndpointStatus> => {
    const access = await accessTo(ctx, endpoint);
    const { missing, settings = {}, key } = access ?? {};
    const status = { endpoint, label: labelOf(endpoint), defaultModel: settings.defaultModel ?? settings.models?.[0] ?? DEFAULT_MODEL };
    return missing === undefined ? { ...status, ready: true, ...markOf(key) } : { ...status, ready: false, detail: howToSet(missing) };
  };

  const modelsOf = async (endpoint: string, refresh: boolean, optional: boolean, credential?: Credential) => {
    const access = await accessTo(ctx, endpoint, credential);
    if (!access || access.missing !== undefined) return [];
    if (access.settings.models) return access.settings.models.map((id) => configuredModel(endpoint, id));
    const asked = listing(access, refresh ? 0 : ctx.config.listKeptMs);
    const found: Listing = await (optional ? asked.catch(() => new Map<string, RoutedModel>()) : asked); // silent-ok: asked for everything that there is, a router that does not answer has nothing
    // The list may be that of another name of the same router.
    return [...found.values()].map(({ info }) => ({ ...info, endpoint, ref: `${endpoint}/${info.id}` }));
  };

  return {
    statuses: () => Promise.all(endpointNames(ctx.config, OPENROUTER).map(statusOf)),
    async models(endpoint, refresh, credential) {
      if (endpoint !== undefined) return modelsOf(endpoint, refresh, false, credential);
      return (await Promise.all(endpointNames(ctx.config, OPENROUTER).map((name) => modelsOf(name, refresh, true)))).flat();
    },
    known(access, id) {
      // Asked for at the first request, of use from the next one on.
      if (!last.has(access.baseUrl)) listing(access, ctx.config.listKeptMs).catch(() => undefined); // silent-ok: without the list the request says less
      return last.get(access.baseUrl)?.get(id);
    },
  };
}
