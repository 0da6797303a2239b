/** The models of an endpoint, as its server lists them: what it does not say is told by their names, or stays unknown. */
import type Anthropic from "@anthropic-ai/sdk";
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { askJson } from "@pincer/plugin-sdk/provider/post";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import type { Access } from "./endpoints.ts";
import { type Abilities, abilitiesOf } from "./thinking.ts";

export interface Listing {
  readonly models: readonly ModelInfo[];
  readonly abilities: ReadonlyMap<string, Abilities>;
}

interface Page {
  readonly data?: readonly Anthropic.ModelInfo[];
  readonly has_more?: boolean;
  readonly last_id?: string | null;
}

/** A list that never ends is not read for ever. */
const MOST_PAGES = 20;

/** Throws when the server does not answer, or answers something else. */
export async function listModels(access: Access, watch: Watch): Promise<Listing> {
  const found: Anthropic.ModelInfo[] = [];
  let after = "";
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const path = `/v1/models?limit=1000${after === "" ? "" : `&after_id=${encodeURIComponent(after)}`}`;
    const { data, has_more: hasMore, last_id: last } = (await askJson(watch, access, path)) as Page;
    if (!Array.isArray(data)) throw new TypeError(`${access.baseUrl}/v1/models answered no list`);
    found.push(...(data as readonly Anthropic.ModelInfo[]).filter((one) => typeof one?.id === "string"));
    if (hasMore !== true || !last) break;
    after = last;
  }
  const abilities = new Map(found.map((info) => [info.id, abilitiesOf(info)]));
  const named = ({ id, display_name: name }: Anthropic.ModelInfo) =>
    modelInfo(access.endpoint, id, name ?? id, abilities.get(id) as Abilities);
  return { abilities, models: found.map(named) };
}

export function modelInfo(endpoint: string, id: string, name: string, abilities: Abilities): ModelInfo {
  const { contextWindow, maxOutputTokens, vision, documents, mode } = abilities;
  const told = { contextWindow, maxOutputTokens, reasoning: mode !== "none", vision, documents, tools: true, price: null };
  return { ref: `${endpoint}/${id}`, endpoint, id, name, ...told };
}
