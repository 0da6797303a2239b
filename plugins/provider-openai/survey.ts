/** Which endpoints are ready, and what models they have: asked of their servers under short deadlines, and kept for a while. */

import type { EndpointStatus, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { type Access, accessTo, endpointNames, howToSet, LABELS, type ProviderContext } from "./endpoints.ts";
import { configuredModel, type Listing, listModels } from "./models.ts";
import type { OllamaModel } from "./ollama.ts";

/** The model of OpenAI's when none is named. */
const VENDOR_MODEL = "gpt-6.1-sol";

interface Kept {
  readonly at: number;
  readonly baseUrl: string;
  readonly listing: Promise<Listing>;
}

export interface Survey {
  statuses(): Promise<readonly EndpointStatus[]>;
  models(endpoint: string | undefined, refresh: boolean): Promise<readonly ModelInfo[]>;
  /** What Ollama says of a model; `undefined` when it says nothing. */
  ollamaModel(access: Access, model: string): Promise<OllamaModel | undefined>;
}

export function createSurvey(ctx: ProviderContext): Survey {
  const { clock } = ctx;
  const kept = new Map<string, Kept>();

  /** One question at a time for each endpoint; whoever asks meanwhile gets its answer. A failure is kept as long as a finding is. */
  const listing = (access: Access, keptMs: number, timeoutMs: number): Promise<Listing> => {
    const known = kept.get(access.endpoint);
    if (known && known.baseUrl === access.baseUrl && clock.now() - known.at < keptMs) return known.listing;
    const asked = ask(access, timeoutMs);
    kept.set(access.endpoint, { at: clock.now(), baseUrl: access.baseUrl, listing: asked });
    asked.catch(() => undefined); // silent-ok: whoever awaits the listing is told
    return asked;
  };
  // Not bound to a caller's signal: others may wait for the same answer, and the deadline is short.
  const ask = async (access: Access, timeoutMs: number): Promise<Listing> => {
    const { fetch } = ctx;
    using watch = watchRequest({ clock, idleMs: timeoutMs, signal: new AbortController().signal, fetch });
    return await listModels(access, watch.fetch, watch.signal);
  };
  const probe = (access: Access) => listing(access, ctx.config.probeKeptMs, ctx.config.probeTimeoutMs);

  const statusOf = async (endpoint: string): Promise<EndpointStatus> => {
    const label = LABELS[endpoint] ?? endpoint;
    const access = await accessTo(ctx, endpoint);
    if (!access) return { endpoint, label, ready: false, detail: `set endpoints.${endpoint}.baseUrl` };
    const { settings, missing, kind, baseUrl } = access;
    const named = settings.defaultModel ?? settings.models?.[0] ?? (kind === "vendor" ? VENDOR_MODEL : undefined);
    const known = named === undefined ? {} : { defaultModel: named };
    if (missing !== undefined) return { endpoint, label, ready: false, detail: howToSet(missing), ...known };
    if (kind === "vendor" || kind === "openrouter" || (kind === "server" && named !== undefined))
      return { endpoint, label, ready: true, ...known };
    try {
      const { models } = await probe(access);
      const defaultModel = named ?? (models.find(({ tools }) => tools) ?? models[0])?.id;
      if (defaultModel !== undefined) return { endpoint, label, ready: true, defaultModel };
      return { endpoint, label, ready: false, detail: `${baseUrl} has no model${kind === "ollama" ? ": ollama pull <model>" : ""}` };
    } catch (error) {
      const start = kind === "ollama" ? "start it (ollama serve), or say where it is: OLLAMA_HOST" : errorMessage(error);
      return { endpoint, label, ready: false, detail: `nothing usable answers at ${baseUrl}: ${start}`, ...known };
    }
  };

  const modelsOf = async (endpoint: string, refresh: boolean, optional: boolean): Promise<readonly ModelInfo[]> => {
    const access = await accessTo(ctx, endpoint);
    if (!access || access.missing !== undefined) return [];
    if (access.settings.models) return access.settings.models.map((id) => configuredModel(access, id));
    const local = access.kind === "ollama" || access.kind === "server";
    const { listKeptMs, listTimeoutMs, probeKeptMs, probeTimeoutMs } = ctx.config;
    const asked = listing(access, refresh ? 0 : local ? probeKeptMs : listKeptMs, optional && local ? probeTimeoutMs : listTimeoutMs);
    // Asked for everything that there is, a server that is off has nothing; asked for itself, it fails.
    return (await (optional ? asked.catch(() => ({ models: [] })) : asked)).models; // silent-ok: its status says that it does not answer
  };

  return {
    statuses: () => Promise.all(endpointNames(ctx.config).map(statusOf)),
    async models(endpoint, refresh) {
      if (endpoint !== undefined) return modelsOf(endpoint, refresh, false);
      return (await Promise.all(endpointNames(ctx.config).map((name) => modelsOf(name, refresh, true)))).flat();
    },
    async ollamaModel(access, model) {
      const { ollama } = await probe(access).catch(() => ({ ollama: new Map<string, OllamaModel>() })); // silent-ok: the request itself will tell
      return ollama.get(model);
    },
  };
}
