/** The `provider` contract over the Gemini API. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelAnswer, ModelInfo, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { callBounds, endpointNames, listBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { refusalFailure } from "@pincer/plugin-sdk/provider/failure";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { probed, reaching } from "@pincer/plugin-sdk/provider/reach";
import { conclude, newReading, readResponse } from "@pincer/plugin-sdk/provider/reading";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { GeminiConfig } from "./config.ts";
import { createEmbed } from "./embeddings.ts";
import { type Access, accessTo, HOME, modelPath, placeOf, statusOf } from "./endpoints.ts";
import { failureOf } from "./failure.ts";
import { listModels, modelInfo } from "./models.ts";
import { API, requestBody } from "./request.ts";
import { GeminiReader } from "./stream.ts";

interface Listed {
  readonly at: number;
  readonly models: readonly ModelInfo[];
}

export function createGeminiProvider(ctx: ProviderContext<GeminiConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const lists = new Map<string, Listed>();
  const reach = reaching(ctx, accessTo);

  const list = async (access: Access, refresh: boolean, signal: AbortSignal): Promise<readonly ModelInfo[]> => {
    const known = lists.get(access.endpoint);
    if (known && !refresh && clock.now() - known.at < ctx.config.listKeptMs) return known.models;
    const { fetch } = ctx;
    using watch = watchRequest({ clock, ...listBounds(ctx.config), signal, fetch });
    const models = await listModels(access, watch);
    lists.set(access.endpoint, { at: clock.now(), models });
    return models;
  };

  return {
    endpoints: async () => ({ endpoints: await Promise.all(endpointNames(ctx.config, HOME).map((name) => statusOf(ctx, name))) }),

    async models({ endpoint, refresh, credential }, { signal }) {
      const names = endpoint === undefined ? endpointNames(ctx.config, HOME) : [endpoint];
      const models = await Promise.all(
        names.map(async (name): Promise<readonly ModelInfo[]> => {
          const configured = ctx.config.endpoints[name]?.models;
          if (configured) return configured.map((id) => modelInfo(name, id));
          const access = await accessTo(ctx, name, credential);
          if (!access || access.missing !== undefined) return [];
          return list(access, refresh === true, signal);
        }),
      );
      return { models: models.flat() };
    },

    async probe({ endpoint, credential }, { signal }) {
      const { access, refused } = await reach(endpoint, credential);
      if (!access) return { failure: refused };
      const where = access.baseUrl;
      const told = (error: unknown) => failureOf(error, where, clock.now());
      const asking = { bounds: listBounds(ctx.config), signal, where, what: endpoint, failureOf: told };
      return probed(ctx, asking, (watch) => ask(watch, placeOf(access), "/models?pageSize=1"));
    },

    embed: createEmbed(ctx),

    async *stream(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const target = { provider: endpoint, model, api: API };
      const answer = createAnswer({ ...target, timestamp: clock.now() });
      const reading = newReading();
      const reader = new GeminiReader(answer, reading, request.model);
      const { access, refused: unreached } = await reach(endpoint, request.credential);
      if (!access) return answer.finish({ stopReason: "error", usage: reading.usage, failure: unreached });

      const { fetch } = ctx;
      using watch = watchRequest({ clock, ...callBounds(ctx.config), signal, fetch });
      const ended = (): ModelAnswer => {
        const refused = watch.ended === undefined ? reader.refusal : undefined;
        if (refused === undefined) return conclude(answer, reading, watch, access.baseUrl, request.model);
        return answer.finish({ stopReason: "refusal", usage: reading.usage, failure: refusalFailure(request.model, refused) });
      };
      try {
        if (!watch.ended) {
          const path = `${modelPath(target.model)}:streamGenerateContent?alt=sse`;
          const response = await post(watch, placeOf(access), path, requestBody(request, target));
          yield* readResponse(request, response, watch, reader);
        }
        return ended();
      } catch (error) {
        if (watch.ended !== undefined) return ended();
        const failure = failureOf(error, access.baseUrl, clock.now());
        return answer.finish({ stopReason: "error", usage: reading.usage, failure });
      }
    },
  };
}
