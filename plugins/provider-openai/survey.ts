/** Which endpoints are ready, and what models they have: asked of their servers under short deadlines, and kept for a while. */

import type { Credential, EndpointStatus, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { howToSet, localOf, markOf, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { withoutKeys } from "@pincer/plugin-sdk/provider/failure";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OpenAiConfig } from "./config.ts";
import { type Access, accessTo, endpointNames, LABELS } from "./endpoints.ts";
import { configuredModel, type Listing, listModels } from "./models.ts";
import type { OllamaModel } from "./ollama.ts";

/** The model of OpenAI's when none is named. */
const VENDOR_MODEL = "gpt-6.1-sol";

interface Kept {
  readonly at: number;
  readonly baseUrl: string;
  readonly listing: Promise<Listing>;
  /** Set once it is there. */
  outcome?: { readonly failed: boolean; readonly tookMs: number };
}

/** A server that took longer than this is asked again behind the back of whoever waits, who gets what was known. */
const QUICK_MS = 50;

interface Survey {
  statuses(): Promise<readonly EndpointStatus[]>;
  models(endpoint: string | undefined, refresh: boolean, credential?: Credential): Promise<readonly ModelInfo[]>;
  /** What Ollama says of a model; `undefined` when it says nothing. */
  ollamaModel(access: Access, model: string): Promise<OllamaModel | undefined>;
}

export function createSurvey(ctx: ProviderContext<OpenAiConfig>): Survey {
  const { clock } = ctx;
  const kept = new Map<string, Kept>();

  const begin = (access: Access, timeoutMs: number): Kept => {
    const asked = ask(access, timeoutMs);
    const entry: Kept = { at: clock.now(), baseUrl: access.baseUrl, listing: asked };
    const begun = clock.monotonic();
    const settled = (failed: boolean) => () => {
      entry.outcome = { failed, tookMs: clock.monotonic() - begun };
    };
    asked.then(settled(false), settled(true));
    return entry;
  };

  /** One question at a time for each endpoint; whoever asks meanwhile gets its answer. A failure is kept for a shorter while. */
  const listing = (access: Access, keptMs: number, timeoutMs: number): Promise<Listing> => {
    const known = kept.get(access.endpoint);
    const usable = known?.baseUrl === access.baseUrl ? known : undefined;
    const holdsMs = usable?.outcome?.failed === true ? Math.min(keptMs, ctx.config.probeKeptMs) : keptMs;
    if (usable && (clock.now() - usable.at < holdsMs || usable.outcome === undefined)) return usable.listing;
    const next = begin(access, timeoutMs);
    if (usable?.outcome && usable.outcome.tookMs > QUICK_MS && keptMs > 0) {
      // Its place is taken when the answer is there; until then nobody else asks.
      kept.set(access.endpoint, { ...usable, at: clock.now() });
      const replace = () => void kept.set(access.endpoint, next);
      next.listing.then(replace, replace);
      return usable.listing;
    }
    kept.set(access.endpoint, next);
    return next.listing;
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
    const { settings, missing, kind } = access;
    const baseUrl = withoutKeys(access.baseUrl);
    const named = settings.defaultModel ?? settings.models?.[0] ?? (kind === "vendor" ? VENDOR_MODEL : undefined);
    const known = { ...markOf(access.key), ...localOf(access.baseUrl), ...(named === undefined ? {} : { defaultModel: named }) };
    if (missing !== undefined) return { endpoint, label, ready: false, detail: howToSet(missing), ...known };
    if (kind === "vendor" || kind === "openrouter" || (kind === "server" && named !== undefined))
      return { endpoint, label, ready: true, ...known };
    try {
      const { models } = await probe(access);
      const defaultModel = named ?? (models.find(({ tools }) => tools) ?? models[0])?.id;
      if (defaultModel !== undefined) return { endpoint, label, ready: true, ...known, defaultModel };
      return { endpoint, label, ready: false, detail: `${baseUrl} has no model${kind === "ollama" ? ": ollama pull <model>" : ""}` };
    } catch (error) {
      const start = kind === "ollama" ? "start it (ollama serve), or say where it is: OLLAMA_HOST" : withoutKeys(errorMessage(error));
      return { endpoint, label, ready: false, detail: `nothing usable answers at ${baseUrl}: ${start}`, ...known };
    }
  };

  const modelsOf = async (
    endpoint: string,
    refresh: boolean,
    optional: boolean,
    credential?: Credential,
  ): Promise<readonly ModelInfo[]> => {
    const access = await accessTo(ctx, endpoint, credential);
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
    async models(endpoint, refresh, credential) {
      if (endpoint !== undefined) return modelsOf(endpoint, refresh, false, credential);
      return (await Promise.all(endpointNames(ctx.config).map((name) => modelsOf(name, refresh, true)))).flat();
    },
    async ollamaModel(access, model) {
      const { ollama } = await probe(access).catch(() => ({ ollama: new Map<string, OllamaModel>() })); // silent-ok: the request itself will tell
      return ollama.get(model);
    },
  };
}
