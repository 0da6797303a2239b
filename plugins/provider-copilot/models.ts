/** The models of an account, as Copilot's API lists them: its limits are Copilot's own, not those of the models' makers. */
import type { ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { askJson, type Place } from "@pincer/plugin-sdk/provider/post";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import type { ThinkingAbility } from "./thinking.ts";

/** An entry of `GET /models`. */
interface Entry {
  readonly id?: string;
  readonly name?: string;
  readonly model_picker_enabled?: boolean;
  readonly is_chat_default?: boolean;
  readonly policy?: { readonly state?: string } | null;
  readonly supported_endpoints?: readonly string[];
  readonly capabilities?: {
    readonly type?: string;
    readonly limits?: {
      readonly max_context_window_tokens?: number;
      readonly max_prompt_tokens?: number;
      readonly max_output_tokens?: number;
    };
    readonly supports?: {
      readonly tool_calls?: boolean;
      readonly vision?: boolean;
      readonly adaptive_thinking?: unknown;
      readonly reasoning_effort?: readonly string[];
      readonly min_thinking_budget?: number;
      readonly max_thinking_budget?: number;
    };
  };
}

export interface Listing {
  readonly models: readonly ModelInfo[];
  readonly thinking: ReadonlyMap<string, ThinkingAbility>;
  /** The one that the vendor takes when nobody names one. */
  readonly defaultModel: string | undefined;
}

const CHAT = "/chat/completions";

/** In use by whoever picks a model, allowed by whoever pays for it, and reached over this API. */
const isServed = ({ model_picker_enabled: picked, policy, supported_endpoints: paths, capabilities }: Entry): boolean =>
  capabilities?.type === "chat" && picked !== false && policy?.state !== "disabled" && paths?.includes(CHAT) !== false;

/** Throws when the server does not answer, or answers something else. */
export async function listModels(endpoint: string, place: Place, watch: Watch): Promise<Listing> {
  const { data } = ((await askJson(watch, place, "/models")) ?? {}) as { data?: readonly Entry[] };
  const served = (data ?? []).filter((entry): entry is Entry & { id: string } => typeof entry.id === "string" && isServed(entry));
  return {
    models: served.map((entry) => modelInfo(endpoint, entry.id, entry)),
    thinking: new Map(served.map((entry) => [entry.id, thinkingOf(entry)])),
    defaultModel: served.find(({ is_chat_default: isDefault }) => isDefault === true)?.id,
  };
}

function thinkingOf({ capabilities }: Entry): ThinkingAbility {
  const { reasoning_effort: efforts, max_thinking_budget: most, min_thinking_budget: least = 1024 } = capabilities?.supports ?? {};
  if (Array.isArray(efforts) && efforts.length > 0) return { efforts };
  return typeof most === "number" && most > 0 ? { budget: { least, most } } : {};
}

export function modelInfo(endpoint: string, id: string, entry: Entry = {}): ModelInfo {
  const { limits = {}, supports = {} } = entry.capabilities ?? {};
  const { max_context_window_tokens: window, max_prompt_tokens: prompt, max_output_tokens: output } = limits;
  // A prompt is often bounded below what the window would hold beside the answer.
  const bounded = prompt === undefined ? undefined : prompt + (output ?? 0);
  const context = Math.min(window ?? Number.POSITIVE_INFINITY, bounded ?? Number.POSITIVE_INFINITY);
  const { efforts, budget } = thinkingOf(entry);
  return {
    ref: `${endpoint}/${id}`,
    endpoint,
    id,
    name: entry.name ?? id,
    contextWindow: Number.isFinite(context) ? context : null,
    maxOutputTokens: output ?? null,
    reasoning: efforts !== undefined || budget !== undefined || Boolean(supports.adaptive_thinking),
    vision: supports.vision === true,
    // Of a model that was only named more is tried rather than less.
    tools: entry.capabilities === undefined || supports.tool_calls === true,
    price: null,
  };
}
