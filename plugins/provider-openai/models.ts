/** The models of an endpoint, as its server lists them: what it does not say stays unknown. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { askJson } from "@pincer/plugin-sdk/provider/post";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import { effortsOf } from "./effort.ts";
import type { Access } from "./endpoints.ts";

/** An entry of `GET /models`; beyond `id` each server has fields of its own. */
type Entry = Readonly<Record<string, unknown>> & { readonly id: string };

/** Throws when the server does not answer, or answers something else. */
export async function listModels(access: Access, watch: Watch): Promise<readonly ModelInfo[]> {
  const { data } = ((await askJson(watch, access, "/models")) ?? {}) as { readonly data?: readonly Entry[] };
  const entries = (Array.isArray(data) ? data : []).filter((entry: Entry | null) => typeof entry?.id === "string");
  const answering = access.kind === "vendor" ? entries.filter(({ id }) => !OTHER_WORK.test(id)) : entries;
  return answering.map((entry) => modelOf(access, entry));
}

/** Models of OpenAI's that do not hold a conversation. */
const OTHER_WORK =
  /embedding|whisper|tts|transcribe|translate|dall-e|image|sora|moderation|realtime|audio|live|davinci|babbage|search-(preview|api)|deep-research|instruct|computer-use/;

export const configuredModel = (access: Access, id: string): ModelInfo => modelOf(access, { id });

function modelOf({ endpoint, kind, api, settings }: Access, entry: Entry): ModelInfo {
  const base = {
    ref: `${endpoint}/${entry.id}`,
    endpoint,
    id: entry.id,
    name: typeof entry.name === "string" ? entry.name : entry.id,
    contextWindow: wholeOf(entry, "context_length", "max_model_len", "context_window", "max_context_length"),
    maxOutputTokens: wholeOf(entry, "max_completion_tokens", "max_output_tokens"),
    ...(settings.continues === true && api === "chat" ? { continues: true } : {}),
  };
  const reasoning = settings.reasoning === true || effortsOf(entry.id) !== undefined;
  // The vendor's own that see read PDFs as well: their pages are shown to them.
  const sees = kind === "vendor" && !/^(gpt-3\.5|o3-mini|o1-mini)/.test(entry.id);
  const { vision = sees, documents = sees } = settings;
  return { ...base, reasoning, vision, documents, tools: true, price: null };
}

const wholeOf = (entry: Entry, ...names: readonly string[]): number | null => {
  const value = names.map((name) => entry[name]).find((one) => Number.isInteger(one) && (one as number) > 0);
  return (value as number | undefined) ?? null;
};
