/** The `provider` contract over OpenRouter: Chat Completions, with what the router adds to it. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { askEmbeddings, failedEmbeddings } from "@pincer/plugin-sdk/provider/chat-embeddings";
import { chatParams } from "@pincer/plugin-sdk/provider/chat-request";
import { ChatReader } from "@pincer/plugin-sdk/provider/chat-stream";
import { callBounds, listBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { attempt, probed, reaching } from "@pincer/plugin-sdk/provider/reach";
import { conclude, newReading, readResponse } from "@pincer/plugin-sdk/provider/reading";
import { type Bounds, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OpenRouterConfig } from "./config.ts";
import { reasoningParams } from "./effort.ts";
import { type Access, accessTo } from "./endpoints.ts";
import { routerFailure } from "./failure.ts";
import type { RoutedModel } from "./models.ts";
import { createSurvey } from "./survey.ts";

const API = "openrouter-chat";

/** Models whose vendors keep of a prompt only what is marked; the others do it by themselves. */
const MARKED = /^~?(anthropic|qwen)\//;
const LONGEST_SESSION = 256;

function params(request: ModelRequest, access: Access, model: string, known: RoutedModel | undefined): object {
  const { thinking, cacheKey } = request;
  const { routing } = access.settings;
  return {
    ...chatParams(request, {
      ...{ provider: access.endpoint, model, api: API, limit: "max_tokens", reasons: false, marksCache: MARKED.test(model) },
    }),
    ...reasoningParams(thinking, known?.efforts),
    usage: { include: true },
    // A prompt that is too long must be an error, and not be cut in its middle: small models are so without this.
    plugins: [{ id: "context-compression", enabled: false }],
    ...(routing === undefined ? {} : { provider: routing }),
    // Keeps a conversation with the provider that has its beginning in the cache.
    ...(cacheKey === undefined ? {} : { session_id: cacheKey.slice(0, LONGEST_SESSION) }),
  };
}

export function createOpenRouterProvider(ctx: ProviderContext<OpenRouterConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const survey = createSurvey(ctx);

  const reach = reaching(ctx, accessTo);
  const asking = (bounds: Bounds, { baseUrl }: Access, what: string, signal: AbortSignal) => ({
    ...{ bounds, signal, where: baseUrl, what },
    failureOf: (error: unknown) => routerFailure(error, baseUrl, clock.now()),
  });

  return {
    endpoints: async () => ({ endpoints: [...(await survey.statuses())] }),
    models: async ({ endpoint, refresh, credential }) => ({
      models: [...(await survey.models(endpoint, refresh === true, credential))],
    }),

    async probe({ endpoint, credential }, { signal }) {
      const { access, refused } = await reach(endpoint, credential);
      if (!access) return { failure: refused };
      // The models are told to anybody.
      return probed(ctx, asking(listBounds(ctx.config), access, endpoint, signal), (watch) => ask(watch, access, "/key"));
    },

    async embed(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const { access, refused } = await reach(endpoint, request.credential);
      if (!access) return failedEmbeddings(refused);
      const answer = await attempt(ctx, asking(callBounds(ctx.config), access, request.model, signal), (watch) =>
        askEmbeddings(watch, access, model, request),
      );
      return "embeddings" in answer ? answer : failedEmbeddings(answer.failure);
    },

    async *stream(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const { access, refused } = await reach(endpoint, request.credential);
      const answer = createAnswer({ provider: endpoint, model, api: API, timestamp: clock.now() });
      const reading = newReading();
      if (!access) return answer.finish({ stopReason: "error", usage: reading.usage, failure: refused });
      const { fetch } = ctx;
      using watch = watchRequest({ clock, ...callBounds(ctx.config), signal, fetch });
      try {
        const asked = params(request, access, model, survey.known(access, model));
        const response = await post(watch, access, "/chat/completions", asked);
        yield* readResponse(request, response, watch, new ChatReader(answer, reading));
      } catch (error) {
        if (watch.ended === undefined) {
          const failure = routerFailure(error, access.baseUrl, clock.now());
          return answer.finish({ stopReason: "error", usage: reading.usage, failure });
        }
      }
      return conclude(answer, reading, watch, access.baseUrl, request.model);
    },
  };
}
