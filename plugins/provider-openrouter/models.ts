/** The models that OpenRouter lists, with what they cost and can do: what it does not say stays unknown. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { askJson } from "@pincer/plugin-sdk/provider/post";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import { type Efforts, effortsIn } from "./effort.ts";
import type { Access } from "./endpoints.ts";

/** An entry of `GET /models`, as far as it is read here. */
interface Entry {
  readonly id: string;
  readonly name?: unknown;
  readonly context_length?: unknown;
  readonly supported_parameters?: unknown;
  readonly architecture?: { readonly input_modalities?: unknown; readonly output_modalities?: unknown } | null;
  readonly top_provider?: { readonly max_completion_tokens?: unknown; readonly context_length?: unknown } | null;
  readonly pricing?: Readonly<Record<string, unknown>> | null;
  readonly reasoning?: unknown;
}

export interface RoutedModel {
  readonly info: ModelInfo;
  /** `undefined`: it says nothing of how it can be told to think. */
  readonly efforts: Efforts | undefined;
}
export type Listing = ReadonlyMap<string, RoutedModel>;

/** Throws when the router does not answer, or answers something else. */
export async function listModels(access: Access, watch: Watch): Promise<Listing> {
  const { data } = ((await askJson(watch, access, "/models")) ?? {}) as { readonly data?: unknown };
  if (!Array.isArray(data)) throw new Error(`${access.baseUrl}/models answered no list`);
  const entries = data.filter((one): one is Entry => typeof (one as Entry | null)?.id === "string");
  const answering = entries.filter(({ architecture }) => includes(architecture?.output_modalities ?? ["text"], "text"));
  return new Map(answering.map((entry) => [entry.id, routed(access.endpoint, entry)]));
}

export const configuredModel = (endpoint: string, id: string): ModelInfo => routed(endpoint, { id, supported_parameters: ["tools"] }).info;

const includes = (list: unknown, word: string): boolean => Array.isArray(list) && list.includes(word);
const countIn = (value: unknown): number | null => (Number.isInteger(value) && (value as number) > 0 ? (value as number) : null);

function routed(endpoint: string, entry: Entry): RoutedModel {
  const { id, name, architecture, top_provider: top, supported_parameters: parameters } = entry;
  const lengths = [countIn(entry.context_length), countIn(top?.context_length)].filter((length) => length !== null);
  const efforts = effortsIn(entry.reasoning);
  const info: ModelInfo = {
    ...{ ref: `${endpoint}/${id}`, endpoint, id, name: typeof name === "string" ? name : id },
    contextWindow: lengths.length === 0 ? null : Math.min(...lengths),
    maxOutputTokens: countIn(top?.max_completion_tokens),
    reasoning: efforts !== undefined || includes(parameters, "reasoning"),
    vision: includes(architecture?.input_modalities, "image"),
    documents: includes(architecture?.input_modalities, "file"),
    tools: includes(parameters, "tools"),
    price: priceOf(entry.pricing),
  };
  return { info, efforts };
}

/** The router tells dollars for one token; a price below zero stands for one that depends. */
function priceOf(pricing: Entry["pricing"]): ModelInfo["price"] {
  const perMillion = (name: string) => {
    const value = Number(pricing?.[name] ?? Number.NaN);
    return Number.isFinite(value) && value >= 0 ? Math.round(value * 1e12) / 1e6 : undefined;
  };
  const [input, output, cacheRead, cacheWrite] = ["prompt", "completion", "input_cache_read", "input_cache_write"].map(perMillion);
  if (input === undefined || output === undefined) return null;
  return { input, output, ...(cacheRead === undefined ? {} : { cacheRead }), ...(cacheWrite === undefined ? {} : { cacheWrite }) };
}
