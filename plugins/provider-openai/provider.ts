/** The `provider` contract over both APIs of the vendor. */

import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelEvent, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { failureOf } from "@pincer/plugin-sdk/provider/api-failure";
import { chatParams } from "@pincer/plugin-sdk/provider/chat-request";
import { ChatReader } from "@pincer/plugin-sdk/provider/chat-stream";
import { howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { conclude, newReading, type Reading, readResponse } from "@pincer/plugin-sdk/provider/reading";
import { type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { needsChat } from "./answer-shape.ts";
import type { OpenAiConfig } from "./config.ts";
import { type Effort, effortFor, effortsOf } from "./effort.ts";
import { createEmbed } from "./embeddings.ts";
import { type Access, accessTo } from "./endpoints.ts";
import { RESPONSES_API, refusesSummaries, responsesParams } from "./responses-request.ts";
import { ResponsesReader } from "./responses-stream.ts";
import { createSurvey } from "./survey.ts";

const CHAT_API = "openai-chat";

const LOCAL_EFFORTS: readonly Effort[] = ["none", "low", "medium", "high"];

interface Exchange {
  readonly request: ModelRequest;
  readonly access: Access;
  readonly model: string;
  readonly efforts: readonly Effort[] | undefined;
  readonly watch: Watch;
  readonly answer: Answer;
  readonly reading: Reading;
}

export function createOpenAiProvider(ctx: ProviderContext<OpenAiConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const survey = createSurvey(ctx);
  /** Endpoints that have refused to summarize a model's thinking. */
  const withoutSummaries = new Set<string>();

  const effortsFor = (access: Access, model: string): readonly Effort[] | undefined =>
    effortsOf(model) ?? (access.settings.reasoning === true ? LOCAL_EFFORTS : undefined);

  async function* chat({ request, access, model, efforts, watch, answer, reading }: Exchange): AsyncGenerator<ModelEvent, void, void> {
    const { thinking, cacheKey } = request;
    const isVendor = access.kind === "vendor";
    const limit = isVendor ? "max_completion_tokens" : "max_tokens";
    const params = {
      ...chatParams(request, { provider: access.endpoint, model, api: CHAT_API, limit, reasons: efforts !== undefined }),
      ...(thinking === undefined || efforts === undefined ? {} : { reasoning_effort: effortFor(thinking, efforts) }),
      ...(cacheKey === undefined || !isVendor ? {} : { prompt_cache_key: cacheKey }),
    };
    const response = await post(ctx.fetch, access, "/chat/completions", params, watch.signal);
    yield* readResponse(request, response, watch, new ChatReader(answer, reading));
  }

  async function* responses(exchange: Exchange): AsyncGenerator<ModelEvent, void, void> {
    const { request, access, model, efforts, watch, answer, reading } = exchange;
    const summaries = !withoutSummaries.has(access.endpoint);
    const params = responsesParams(request, { provider: access.endpoint, model, efforts, summaries });
    try {
      const response = await post(ctx.fetch, access, "/responses", params, watch.signal);
      yield* readResponse(request, response, watch, new ResponsesReader(answer, reading));
    } catch (error) {
      if (!summaries || !refusesSummaries(error)) throw error;
      withoutSummaries.add(access.endpoint);
      yield* responses(exchange);
    }
  }

  return {
    endpoints: async () => ({ endpoints: [...(await survey.statuses())] }),
    models: async ({ endpoint, refresh, credential }) => ({
      models: [...(await survey.models(endpoint, refresh === true, credential))],
    }),

    async probe({ endpoint, credential }, { signal }) {
      const failed = (failure: "auth" | "bad-request", message: string) => ({ failure: { class: failure, message } });
      const access = await accessTo(ctx, endpoint, credential);
      if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here`);
      if (access.missing !== undefined) return failed("auth", `no key for ${endpoint}: ${howToSet(access.missing)}`);
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.listTimeoutMs, signal, fetch });
      try {
        const response = await ask(fetch, access, "/models", watch.signal);
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
      const [endpoint, model] = [request.model.slice(0, slash), request.model.slice(slash + 1)];
      const access = await accessTo(ctx, endpoint, request.credential);
      const api = access?.api === "responses" && !(access.kind === "vendor" && needsChat(request)) ? RESPONSES_API : CHAT_API;
      const answer = createAnswer({ provider: endpoint, model, api, timestamp: clock.now() });
      const reading = newReading();
      const failed = (failure: "auth" | "bad-request", message: string) =>
        answer.finish({ stopReason: "error", usage: reading.usage, failure: { class: failure, message } });
      if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here, asked for "${request.model}"`);
      if (access.missing !== undefined) return failed("auth", `no key for ${endpoint}: ${howToSet(access.missing)}`);

      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
      try {
        const efforts = effortsFor(access, model);
        const exchange = { request, access, model, efforts, watch, answer, reading };
        if (!watch.ended) yield* api === RESPONSES_API ? responses(exchange) : chat(exchange);
        return conclude(answer, reading, watch, access.baseUrl, request.model);
      } catch (error) {
        if (watch.ended === undefined) {
          const failure = failureOf(error, access.baseUrl, clock.now());
          return answer.finish({ stopReason: "error", usage: reading.usage, failure });
        }
        return conclude(answer, reading, watch, access.baseUrl, request.model);
      }
    },
  };
}
