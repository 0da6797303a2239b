/** Which endpoints are ready, and what models they have: asked of their servers under short deadlines, and kept for a while. */

import type { Credential, EndpointStatus, ModelInfo } from "@pincer/plugin-sdk/contracts/provider";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { endpointNames, howToSet, listBounds, localOf, markOf, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { withoutKeys } from "@pincer/plugin-sdk/provider/failure";
import { statusInTime } from "@pincer/plugin-sdk/provider/in-time";
import { keepAnswers } from "@pincer/plugin-sdk/provider/kept-answers";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OpenAiConfig } from "./config.ts";
import { type Access, accessTo, labelOf, OPENAI } from "./endpoints.ts";
import { configuredModel, listModels } from "./models.ts";

/** The model of OpenAI's when none is named. */
const VENDOR_MODEL = "gpt-6.1-sol";

interface Survey {
  statuses(): Promise<readonly EndpointStatus[]>;
  models(endpoint: string | undefined, refresh: boolean, credential?: Credential): Promise<readonly ModelInfo[]>;
}

export function createSurvey(ctx: ProviderContext<OpenAiConfig>): Survey {
  const { clock } = ctx;
  const keep = keepAnswers<readonly ModelInfo[]>(clock);
  const listing = (access: Access, keptMs: number, timeoutMs: number): Promise<readonly ModelInfo[]> =>
    keep({
      ...{ name: access.endpoint, place: access.baseUrl, keptMs, failedMs: ctx.config.probeKeptMs },
      ask: () => ask(access, timeoutMs),
    });
  // Not bound to a caller's signal: others may wait for the same answer, and the deadline is short.
  const ask = async (access: Access, timeoutMs: number): Promise<readonly ModelInfo[]> => {
    const { fetch, config } = ctx;
    using watch = watchRequest({ clock, ...listBounds(config, timeoutMs), signal: new AbortController().signal, fetch });
    return await listModels(access, watch);
  };
  const probe = (access: Access) => listing(access, ctx.config.probeKeptMs, ctx.config.probeTimeoutMs);

  const statusOf = async (endpoint: string): Promise<EndpointStatus> => {
    const label = labelOf(endpoint);
    const access = await accessTo(ctx, endpoint);
    if (!access) return { endpoint, label, ready: false, detail: `set endpoints.${endpoint}.baseUrl` };
    const { settings, missing, kind } = access;
    const baseUrl = withoutKeys(access.baseUrl);
    const named = settings.defaultModel ?? settings.models?.[0] ?? (kind === "vendor" ? VENDOR_MODEL : undefined);
    const known = { ...markOf(access.key), ...localOf(access.baseUrl), ...(named === undefined ? {} : { defaultModel: named }) };
    if (missing !== undefined) return { endpoint, label, ready: false, detail: howToSet(missing), ...known };
    if (kind === "vendor" || named !== undefined) return { endpoint, label, ready: true, ...known };
    try {
      const models = await statusInTime(clock, ctx.config.probeTimeoutMs, probe(access));
      const defaultModel = models[0]?.id;
      if (defaultModel !== undefined) return { endpoint, label, ready: true, ...known, defaultModel };
      return { endpoint, label, ready: false, detail: `${baseUrl} has no model` };
    } catch (error) {
      const why = withoutKeys(errorMessage(error));
      return { endpoint, label, ready: false, detail: `nothing usable answers at ${baseUrl}: ${why}`, ...known };
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
    const local = access.kind === "server";
    const { listKeptMs, listTimeoutMs, probeKeptMs, probeTimeoutMs } = ctx.config;
    const asked = listing(access, refresh ? 0 : local ? probeKeptMs : listKeptMs, optional && local ? probeTimeoutMs : listTimeoutMs);
    // Asked for everything that there is, a server that is off has nothing; asked for itself, it fails.
    return optional ? asked.catch(() => []) : asked; // silent-ok: its status says that it does not answer
  };

  return {
    statuses: () => Promise.all(endpointNames(ctx.config, OPENAI).map(statusOf)),
    async models(endpoint, refresh, credential) {
      if (endpoint !== undefined) return modelsOf(endpoint, refresh, false, credential);
      return (await Promise.all(endpointNames(ctx.config, OPENAI).map((name) => modelsOf(name, refresh, true)))).flat();
    },
  };
}
