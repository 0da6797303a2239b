/** Which servers are there, and what models they have: asked under short deadlines, and kept for a while. */
import type { Credential, EndpointStatus, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { endpointNames, howToSet, listBounds, localOf, markOf, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { withoutKeys } from "@pincer/plugin-sdk/provider/failure";
import { statusInTime } from "@pincer/plugin-sdk/provider/in-time";
import { keepAnswers } from "@pincer/plugin-sdk/provider/kept-answers";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OllamaConfig } from "./config.ts";
import { type Access, accessTo, labelOf, OLLAMA } from "./endpoints.ts";
import { createLibrary, infoOf, type Library, type OllamaModel, plainName } from "./library.ts";

/** How many times as long as a list it may take to describe all models of it. */
const DESCRIBING = 6;

interface Survey {
  statuses(): Promise<readonly EndpointStatus[]>;
  models(endpoint: string | undefined, refresh: boolean, credential?: Credential): Promise<readonly ModelInfo[]>;
  /** `undefined` when its server says nothing of it. */
  model(access: Access, id: string): Promise<OllamaModel | undefined>;
  /** Its models have changed. */
  changed(access: Access): void;
}

export function createSurvey(ctx: ProviderContext<OllamaConfig>): Survey {
  const { clock } = ctx;
  const read = createLibrary();
  const keep = keepAnswers<Library>(clock);
  const changes = new Map<string, number>();

  // Not bound to a caller's signal: others may wait for the same answer, and the deadline is short.
  const ask = async (access: Access, idleMs: number): Promise<Library> => {
    const { fetch, config } = ctx;
    const never = new AbortController().signal;
    const bounds = listBounds(config);
    using quick = watchRequest({ clock, ...listBounds(config, idleMs), signal: never, fetch });
    using patient = watchRequest({ clock, ...bounds, longestMs: DESCRIBING * bounds.idleMs, signal: never, fetch });
    return await read(access, quick, patient);
  };
  const library = (access: Access, keptMs: number, timeoutMs: number) =>
    keep({
      name: access.endpoint,
      place: `${access.baseUrl} ${changes.get(access.endpoint) ?? 0} ${markOf(access.key).credential ?? ""}`,
      ...{ keptMs, failedMs: ctx.config.listKeptMs },
      ask: () => ask(access, timeoutMs),
    });
  const quick = (access: Access) => library(access, ctx.config.listKeptMs, ctx.config.probeTimeoutMs);

  const statusOf = async (endpoint: string): Promise<EndpointStatus> => {
    const label = labelOf(endpoint);
    const access = await accessTo(ctx, endpoint);
    if (!access) return { endpoint, label, ready: false, detail: `set endpoints.${endpoint}.baseUrl` };
    const { missing, settings } = access;
    const where = withoutKeys(access.baseUrl);
    const known = {
      ...markOf(access.key),
      ...localOf(access.baseUrl),
      ...(settings.defaultModel === undefined ? {} : { defaultModel: settings.defaultModel }),
    };
    if (missing !== undefined) return { endpoint, label, ready: false, detail: howToSet(missing), ...known };
    try {
      const found = await statusInTime(clock, ctx.config.probeTimeoutMs, quick(access));
      const answering = [...found.values()].filter(({ answers }) => answers);
      const defaultModel = settings.defaultModel ?? (answering.find(({ tools }) => tools) ?? answering[0])?.id;
      if (defaultModel !== undefined) return { endpoint, label, ready: true, ...known, defaultModel };
      return {
        endpoint,
        label,
        ready: false,
        detail: `${where} has no model; fetch one: pincer models pull ${endpoint}/<model>`,
        ...known,
      };
    } catch (error) {
      const start = endpoint === OLLAMA ? "start it (ollama serve), or say where it is: OLLAMA_HOST" : withoutKeys(errorMessage(error));
      return { endpoint, label, ready: false, detail: `nothing usable answers at ${where}: ${start}`, ...known };
    }
  };

  const modelsOf = async (endpoint: string, refresh: boolean, optional: boolean, credential?: Credential) => {
    const access = await accessTo(ctx, endpoint, credential);
    if (!access || access.missing !== undefined) return [];
    const { listKeptMs, listTimeoutMs, probeTimeoutMs, contextLength } = ctx.config;
    const asked = library(access, refresh ? 0 : listKeptMs, optional ? probeTimeoutMs : listTimeoutMs);
    // Asked for everything that there is, a server that is off has nothing; asked for itself, it fails.
    const found: Library = await (optional ? asked.catch(() => new Map<string, OllamaModel>()) : asked); // silent-ok: its status says that it does not answer
    return [...found.values()].filter(({ answers }) => answers).map((model) => infoOf(endpoint, model, contextLength));
  };

  return {
    statuses: () => Promise.all(endpointNames(ctx.config, OLLAMA).map(statusOf)),
    async models(endpoint, refresh, credential) {
      if (endpoint !== undefined) return modelsOf(endpoint, refresh, false, credential);
      return (await Promise.all(endpointNames(ctx.config, OLLAMA).map((name) => modelsOf(name, refresh, true)))).flat();
    },
    async model(access, id) {
      const known: Library = await quick(access).catch(() => new Map<string, OllamaModel>()); // silent-ok: the request itself will tell
      return known.get(plainName(id));
    },
    changed: ({ endpoint }) => void changes.set(endpoint, (changes.get(endpoint) ?? 0) + 1),
  };
}
