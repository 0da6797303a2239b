/** The `provider` contract over the Gemini API. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelAnswer, ModelInfo, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import type { ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { refusalFailure, silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { conclude, newReading, readResponse } from "@pincer/plugin-sdk/provider/reading";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { GeminiConfig } from "./config.ts";
import { createEmbed } from "./embeddings.ts";
import { type Access, accessTo, endpointNames, keyDetail, modelPath, placeOf, statusOf } from "./endpoints.ts";
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

  const list = async (access: Access, refresh: boolean, signal: AbortSignal): Promise<readonly ModelInfo[]> => {
    const known = lists.get(access.endpoint);
    if (known && !refresh && clock.now() - known.at < ctx.config.listKeptMs) return known.models;
    const { fetch } = ctx;
    using watch = watchRequest({ clock, idleMs: ctx.config.listTimeoutMs, signal, fetch });
    const models = await listModels(access, watch.fetch, watch.signal);
    lists.set(access.endpoint, { at: clock.now(), models });
    return models;
  };

  return {
    endpoints: async () => ({ endpoints: await Promise.all(endpointNames(ctx.config).map((name) => statusOf(ctx, name))) }),

    async models({ endpoint, refresh, credential }, { signal }) {
      const names = endpoint === undefined ? endpointNames(ctx.config) : [endpoint];
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
      const failed = (failure: "auth" | "bad-request", message: string) => ({ failure: { class: failure, message } });
      const access = await accessTo(ctx, endpoint, credential);
      if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here`);
      if (access.missing !== undefined) return failed("auth", `no key for ${endpoint}: ${keyDetail(access)}`);
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.listTimeoutMs, signal, fetch });
      try {
        const response = await ask(fetch, placeOf(access), "/models?pageSize=1", watch.signal);
        await response.body?.cancel();
        return {};
      } catch (error) {
        signal.throwIfAborted();
        return {
          failure: watch.ended === "timeout" ? silentFailure(access.baseUrl, endpoint) : failureOf(error, access.baseUrl, clock.now()),
        };
      }
    },

    embed: createEmbed(ctx),

    async *stream(request, { signal }) {
      const slash = request.model.indexOf("/");
      const target = { provider: request.model.slice(0, slash), model: request.model.slice(slash + 1), api: API };
      const answer = createAnswer({ ...target, timestamp: clock.now() });
      const reading = newReading();
      const reader = new GeminiReader(answer, reading, request.model);
      const failed = (failure: "auth" | "bad-request", message: string) =>
        answer.finish({ stopReason: "error", usage: reading.usage, failure: { class: failure, message } });
      const access = await accessTo(ctx, target.provider, request.credential);
      if (!access) return failed("bad-request", `there is no endpoint "${target.provider}" here, asked for "${request.model}"`);
      if (access.missing !== undefined) return failed("auth", `no key for ${access.endpoint}: ${keyDetail(access)}`);

      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
      const ended = (): ModelAnswer => {
        const refused = watch.ended === undefined ? reader.refusal : undefined;
        if (refused === undefined) return conclude(answer, reading, watch, access.baseUrl, request.model);
        return answer.finish({ stopReason: "refusal", usage: reading.usage, failure: refusalFailure(request.model, refused) });
      };
      try {
        if (!watch.ended) {
          const path = `${modelPath(target.model)}:streamGenerateContent?alt=sse`;
          const response = await post(fetch, placeOf(access), path, requestBody(request, target), watch.signal);
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
