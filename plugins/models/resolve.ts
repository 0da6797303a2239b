/** From a reference to a model: an alias, an endpoint, `endpoint/model`, a model's bare name, or nothing at all. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { type CatalogueEntry, infoOf } from "./catalogue.ts";
import type { Catalogue } from "./catalogue-store.ts";
import type { ModelsConfig } from "./config.ts";
import type { Directory, Endpoint } from "./directory.ts";
import { llmErrors } from "./errors.ts";
import { nearest } from "./names.ts";

export interface Resolved {
  readonly info: ModelInfo;
  readonly endpoint: Endpoint;
  readonly tiers: CatalogueEntry["tiers"];
}

export interface Resolver {
  /** Throws `LLM_MODEL_UNKNOWN`, `LLM_PROVIDER_NOT_READY` and `LLM_MODEL_EXCLUDED`, which say what to do. */
  resolve(request: { readonly model?: string | undefined; readonly within?: readonly string[] | undefined }): Promise<Resolved>;
  /** What an alias stands for, through aliases of aliases. */
  expand(name: string): string;
  /** What is known of a model of that endpoint, from its server, the catalogue and the operator. */
  describe(endpoint: Endpoint, id: string, live: readonly ModelInfo[]): ModelInfo;
  /** Names that may have been meant. */
  suggestions(wanted: string): Promise<readonly string[]>;
}

/** Anybody may ask for any name. */
const MOST_DESCRIBED = 256;

interface Described {
  readonly config: ModelsConfig;
  readonly live: readonly ModelInfo[];
  readonly resolved: Resolved;
}

/** What a local server does not list is not known to run there: some hand on what they do not have themselves. */
function localOf(endpoint: Endpoint, listed: ModelInfo | undefined): Pick<ModelInfo, "local"> {
  if (listed?.local === false) return { local: false };
  return endpoint.local ? { local: listed !== undefined } : {};
}

/** Throws `LLM_MODEL_EXCLUDED`. */
function requireWithin({ info, endpoint }: Resolved, within: readonly string[] | undefined): void {
  if (within === undefined || within.includes(info.ref) || (within.includes(endpoint.endpoint) && info.local !== false)) return;
  const where =
    info.local === false && within.includes(endpoint.endpoint)
      ? "is not known to run on that server itself, which does not list it"
      : "is none of these";
  const names = within.length === 0 ? "nobody" : within.join(", ");
  throw llmErrors.LLM_MODEL_EXCLUDED(`this may be asked of ${names} alone, and ${info.ref} ${where}`, {
    data: { model: info.ref, within },
  });
}

export function createResolver(ctx: { readonly config: ModelsConfig }, directory: Directory, catalogue: Catalogue): Resolver {
  /** What a model came to, and from what: with every request the same is asked again. */
  const described = new Map<string, Described>();
  const expand = (name: string): string => {
    const seen = new Set<string>();
    let at = name;
    while (Object.hasOwn(ctx.config.aliases, at) && !seen.has(at)) {
      seen.add(at);
      at = ctx.config.aliases[at] as string;
    }
    return at;
  };

  /** What the operator says of a model, by its reference or an alias of it. */
  const saidOf = <T>(said: Readonly<Record<string, T>>, ref: string): T | undefined =>
    said[ref] ?? Object.entries(said).find(([name]) => expand(name) === ref)?.[1];

  const describe = (endpoint: Endpoint, id: string, live: readonly ModelInfo[]): ModelInfo => {
    const ref = `${endpoint.endpoint}/${id}`;
    const entry = catalogue.find(ref);
    const known = entry && infoOf(entry);
    const listed = live.find((one) => one.ref === ref);
    // Of a model that nobody knows more is tried rather than less: what it cannot do, its server will say.
    const unknown = { contextWindow: null, maxOutputTokens: null, reasoning: true, vision: false, tools: true, price: null };
    const { config } = ctx;
    const thinkingDefault = saidOf(config.thinking, ref);
    return {
      ...unknown,
      ...known,
      ...listed,
      ref,
      endpoint: endpoint.endpoint,
      id,
      name: known?.name ?? listed?.name ?? id,
      contextWindow: listed?.contextWindow ?? known?.contextWindow ?? null,
      maxOutputTokens: listed?.maxOutputTokens ?? known?.maxOutputTokens ?? null,
      price: saidOf(config.prices, ref) ?? listed?.price ?? known?.price ?? null,
      ...localOf(endpoint, listed),
      ...(thinkingDefault === undefined ? {} : { thinkingDefault }),
    };
  };

  const resolvedOf = async (endpoint: Endpoint, id: string): Promise<Resolved> => {
    const ref = `${endpoint.endpoint}/${id}`;
    const entry = catalogue.find(ref);
    // What the catalogue knows needs no server to be asked, so that a turn waits for none; whether it runs on a local one only that one knows.
    const live = await directory.models(endpoint, { prepared: entry !== undefined && !endpoint.local });
    const { config } = ctx;
    const known = described.get(ref);
    if (known?.config === config && known.live === live && known.resolved.endpoint === endpoint) return known.resolved;
    const priced = saidOf(config.prices, ref) !== undefined;
    const resolved = { info: describe(endpoint, id, live), endpoint, tiers: priced ? undefined : entry?.tiers };
    if (described.size > MOST_DESCRIBED) described.clear();
    described.set(ref, { config, live, resolved });
    return resolved;
  };

  /** Of a provider that was late to say so the call will tell: a turn must not end because a machine was busy. */
  const ready = (endpoint: Endpoint, wanted: string): Endpoint => {
    if (endpoint.ready || endpoint.isLate === true) return endpoint;
    const why = endpoint.detail ?? "its provider does not say why";
    throw llmErrors.LLM_PROVIDER_NOT_READY(`${wanted}: ${endpoint.label} is not ready: ${why}`, {
      data: { endpoint: endpoint.endpoint, model: wanted },
    });
  };

  const suggestions = async (wanted: string): Promise<readonly string[]> => {
    await catalogue.ready();
    const endpoints = await directory.endpoints();
    const listed = await Promise.all(endpoints.map((endpoint) => directory.models(endpoint, { prepared: true })));
    const names = [
      ...endpoints.map(({ endpoint }) => endpoint),
      ...Object.keys(ctx.config.aliases),
      ...catalogue.all.map(({ ref }) => ref),
    ];
    return nearest(wanted, [...names, ...listed.flat().map(({ ref }) => ref)]);
  };

  const unknown = async (wanted: string, endpoints: readonly Endpoint[]) => {
    const near = (await suggestions(wanted)).filter((name) => name !== wanted);
    const meant = near.length > 0 ? `; did you mean ${near.join(" or ")}?` : ".";
    const data = { model: wanted, nearest: near };
    const known = endpoints.map(({ endpoint }) => endpoint).join(", ");
    const [vendor = ""] = wanted.split("/", 1);
    if (vendor !== wanted && !endpoints.some(({ endpoint }) => endpoint === vendor)) {
      const how = "For another provider set its key (pincer secrets set), or turn its plugin on (pincer plugins list)";
      return llmErrors.LLM_MODEL_UNKNOWN(`there is no model "${wanted}": the providers that are on serve ${known}${meant} ${how}`, {
        data,
      });
    }
    return llmErrors.LLM_MODEL_UNKNOWN(
      `there is no model "${wanted}"${meant} A model is named endpoint/model, with one of these endpoints: ${known}`,
      { data },
    );
  };

  /** A model's name without its endpoint, when exactly one ready endpoint has it, or the catalogue knows exactly one. */
  const bare = async (id: string, endpoints: readonly Endpoint[]): Promise<Endpoint | undefined> => {
    const listed = await Promise.all(
      endpoints.map(async (endpoint) => {
        const live = await directory.models(endpoint, { prepared: true });
        return catalogue.find(`${endpoint.endpoint}/${id}`) !== undefined || live.some((model) => model.id === id) ? [endpoint] : [];
      }),
    );
    const having = listed.flat();
    const usable = having.filter((endpoint) => endpoint.ready);
    return usable.length === 1 ? usable[0] : having.length === 1 ? having[0] : undefined;
  };

  const named = async (name: string): Promise<Resolved> => {
    const wanted = expand(name);
    const slash = wanted.indexOf("/");
    const endpoint = await directory.endpoint(slash < 0 ? wanted : wanted.slice(0, slash));
    if (endpoint && slash > 0) return resolvedOf(ready(endpoint, wanted), wanted.slice(slash + 1));
    if (endpoint) {
      const { defaultModel } = ready(endpoint, wanted);
      if (defaultModel !== undefined) return resolvedOf(endpoint, defaultModel);
      throw llmErrors.LLM_MODEL_UNKNOWN(`${endpoint.label} has no default model: name one, as ${wanted}/<model>`, {
        data: { model: wanted },
      });
    }
    const endpoints = await directory.endpoints();
    const owner = await bare(wanted, endpoints);
    if (owner) return resolvedOf(ready(owner, wanted), wanted);
    throw await unknown(wanted, endpoints);
  };

  const unnamed = async (): Promise<Resolved> => {
    const endpoints = await directory.endpoints();
    const first = endpoints.find((endpoint) => endpoint.ready && endpoint.defaultModel !== undefined);
    if (first?.defaultModel !== undefined) return resolvedOf(first, first.defaultModel);
    const hints = endpoints.flatMap(({ label, detail }) => (detail === undefined ? [] : [`${label}: ${detail}`]));
    throw llmErrors.LLM_PROVIDER_NOT_READY(
      `no model is ready. ${hints.join("; ") || "Enable a provider: pincer plugins enable provider-demo"}`,
    );
  };

  return {
    expand,
    describe,
    suggestions,
    async resolve({ model, within }) {
      await catalogue.ready();
      const wanted = model ?? ctx.config.default;
      const found = await (wanted !== undefined && wanted !== "" ? named(wanted) : unnamed());
      requireWithin(found, within);
      return found;
    },
  };
}
