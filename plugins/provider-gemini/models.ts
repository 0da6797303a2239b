/** The models of an endpoint, as its server lists them: what it does not say stays unknown. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { askJson } from "@pincer/plugin-sdk/provider/post";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import { type Access, placeOf } from "./endpoints.ts";
import { thinkingAbility } from "./thinking.ts";

/** An entry of `GET /models`. */
interface Entry {
  readonly name?: string;
  readonly displayName?: string;
  readonly inputTokenLimit?: number;
  readonly outputTokenLimit?: number;
  readonly supportedGenerationMethods?: readonly string[];
  readonly thinking?: boolean;
}

/** A list that never ends is not read for ever. */
const MOST_PAGES = 20;
/** Models that answer, but hold no conversation. */
const OTHER_WORK = /image|tts|audio|transcribe|live|robotics|computer-use|banana|lyria|veo|omni|embedding|aqa/;

/** Throws when the server does not answer, or answers something else. */
export async function listModels(access: Access, watch: Watch): Promise<readonly ModelInfo[]> {
  const found: ModelInfo[] = [];
  let page = "";
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const path = `/models?pageSize=1000${page === "" ? "" : `&pageToken=${encodeURIComponent(page)}`}`;
    const { models, nextPageToken } = (await askJson(watch, placeOf(access), path)) as {
      models?: readonly Entry[];
      nextPageToken?: string;
    };
    for (const { name, ...entry } of models ?? []) {
      const id = (name ?? "").replace(/^models\//, "");
      const answers = entry.supportedGenerationMethods?.includes("generateContent") !== false;
      if (id !== "" && answers && !OTHER_WORK.test(id)) found.push(modelInfo(access.endpoint, id, entry));
    }
    if (!nextPageToken) return found;
    page = nextPageToken;
  }
  return found;
}

export function modelInfo(
  endpoint: string,
  id: string,
  { displayName, inputTokenLimit, outputTokenLimit, thinking }: Entry = {},
): ModelInfo {
  return {
    ref: `${endpoint}/${id}`,
    endpoint,
    id,
    name: displayName ?? id,
    contextWindow: inputTokenLimit ?? null,
    maxOutputTokens: outputTokenLimit ?? null,
    reasoning: thinking ?? thinkingAbility(id).mode !== "none",
    vision: id.startsWith("gemini"),
    documents: id.startsWith("gemini"),
    tools: true,
    price: null,
  };
}
