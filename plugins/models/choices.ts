/** The lists of models that people choose from. */
import { type ModelInfo, type Thinking, thinkingLevels } from "@pincer/plugin-sdk/contracts/provider";
import type { ParamsOf, ResultOf } from "@pincer/plugin-sdk/method";
import { splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import type { Catalogue } from "./catalogue-store.ts";
import type { ModelsConfig } from "./config.ts";
import type { Directory, Endpoint } from "./directory.ts";
import type { modelsList } from "./methods.ts";
import type { Resolver } from "./resolve.ts";

type Choice = ResultOf<typeof modelsList>["models"][number];
type View = NonNullable<ParamsOf<typeof modelsList>["view"]>;

/** A server with more models than this shows, unless asked for all of them, only what the catalogue or the operator names. */
const LONG_LIST = 60;

const LABELS: Readonly<Record<Thinking, string>> = {
  off: "Off",
  minimal: "Minimal",
  low: "Low",
  medium: "Medium",
  high: "High",
  xhigh: "Extra high",
};
const LEVELS = thinkingLevels.map((id) => ({ id, label: LABELS[id] }));

export function createChoices(ctx: { readonly config: ModelsConfig }, directory: Directory, catalogue: Catalogue, resolver: Resolver) {
  const refsOf = (endpoint: Endpoint, view: View, live: readonly ModelInfo[], named: ReadonlySet<string>): readonly string[] => {
    const own = (ref: string) => ref.startsWith(`${endpoint.endpoint}/`);
    const listed = live.map(({ ref }) => ref);
    const catalogued = catalogue.all.map(({ ref }) => ref).filter(own);
    const wanted = [...named].filter(own);
    const usual = endpoint.defaultModel === undefined ? [] : [`${endpoint.endpoint}/${endpoint.defaultModel}`];
    if (view === "configured") return [...wanted, ...usual];
    if (view === "provider-config") return listed;
    // What a server lists is what it has; the catalogue stands in only for one that has not been asked or does not say.
    if (view === "all") return [...wanted, ...usual, ...listed, ...(listed.length === 0 ? catalogued : [])];
    const known = listed.length > 0 ? catalogued.filter((ref) => listed.includes(ref)) : catalogued;
    return [...wanted, ...usual, ...known, ...(listed.length <= LONG_LIST ? listed : [])];
  };

  const choiceOf = (endpoint: Endpoint, info: ModelInfo, named: readonly string[]): Choice => {
    const alias = Object.keys(ctx.config.aliases).find((name) => resolver.expand(name) === info.ref);
    const tags = [
      ...(resolver.expand(ctx.config.default ?? "") === info.ref ? ["default"] : []),
      ...(named.includes(info.ref) ? ["favourite"] : []),
      ...(endpoint.offline ? ["offline"] : []),
    ];
    return {
      id: info.id,
      name: info.name,
      provider: endpoint.endpoint,
      ...(alias === undefined ? {} : { alias }),
      ...(tags.length === 0 ? {} : { tags }),
      available: endpoint.ready,
      ...(endpoint.ready ? {} : { unavailableReason: "missing-auth" as const }),
      ...(info.contextWindow === null ? {} : { contextWindow: info.contextWindow }),
      reasoning: info.reasoning,
      ...(info.reasoning ? { thinkingLevels: LEVELS } : {}),
      ...(info.thinkingDefault === undefined ? {} : { thinkingDefault: info.thinkingDefault }),
      supportsTools: info.tools,
      input: info.vision ? ["text", "image"] : ["text"],
    };
  };

  /** Favourites first, then the default, then as the endpoints come. */
  return async ({ view = "default", provider, refresh = false, preparedOnly: prepared = false }: ParamsOf<typeof modelsList>) => {
    await catalogue.ready();
    const all = await directory.endpoints({ refresh });
    const anyReal = all.some(({ ready, offline }) => ready && !offline);
    const shown = all
      .filter(({ endpoint }) => provider === undefined || endpoint === provider)
      .filter(({ ready, offline }) => view === "all" || (ready && (provider !== undefined || !(offline && anyReal))));
    const favourites = ctx.config.favourites.map(resolver.expand);
    const named = new Set([
      ...favourites,
      ...(ctx.config.default === undefined ? [] : [resolver.expand(ctx.config.default)]),
      ...Object.keys(ctx.config.aliases).map(resolver.expand),
    ]);
    const lists = await Promise.all(
      shown.map(async (endpoint) => {
        const live = endpoint.ready ? await directory.models(endpoint, { refresh, prepared }) : [];
        const refs = new Set(refsOf(endpoint, view, live, named));
        return [...refs].map((ref) => ({
          ref,
          choice: choiceOf(endpoint, resolver.describe(endpoint, splitRef(ref).model, live), favourites),
        }));
      }),
    );
    const order = [...named];
    const place = (ref: string) => (order.includes(ref) ? order.indexOf(ref) : order.length);
    const models = lists.flat().sort((a, b) => place(a.ref) - place(b.ref));
    return { models: models.map(({ choice }) => choice) };
  };
}
