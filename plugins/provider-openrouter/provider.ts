/** The `provider` contract over OpenRouter: Chat Completions, with what the router adds to it. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { askEmbeddings, failedEmbeddings } from "@pincer/plugin-sdk/provider/chat-embeddings";
import { chatParams } from "@pincer/plugin-sdk/provider/chat-request";
import { ChatReader } from "@pincer/plugin-sdk/provider/chat-stream";
import { howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { conclude, newReading, readResponse } from "@pincer/plugin-sdk/provider/reading";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
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

  /** What a request of either kind needs; or why there is none. */
  const reach = async (ref: string, credential: ModelRequest["credential"]) => {
    const slash = ref.indexOf("/");
    const [endpoint, model] = [ref.slice(0, slash), ref.slice(slash + 1)];
    const access = await accessTo(ctx, endpoint, credential);
    if (!access)
      return {
        endpoint,
        model,
        refused: { class: "bad-request" as const, message: `there is no endpoint "${endpoint}" here, asked for "${ref}"` },
      };
    if (access.missing === undefined) return { endpoint, model, access };
    return { endpoint, model, refused: { class: "auth" as const, message: `no key for ${endpoint}: ${howToSet(access.missing)}` } };
  };

  return {
    endpoints: async () => ({ endpoints: [...(await survey.statuses())] }),
    models: async ({ endpoint, refresh, credential }) => ({
      models: [...(await survey.models(endpoint, refresh === true, credential))],
    }),

    async probe({ endpoint, credential }, { signal }) {
      const { access, refused } = await reach(`${endpoint}/`, credential);
      if (!access) return { failure: refused };
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.listTimeoutMs, signal, fetch });
      try {
        // The models are told to anybody.
        const response = await ask(fetch, access, "/key", watch.signal);
        await response.body?.cancel();
        return {};
      } catch (error) {
        signal.throwIfAborted();
        if (watch.ended === "timeout") return { failure: silentFailure(access.baseUrl, endpoint) };
        return { failure: routerFailure(error, access.baseUrl, clock.now()) };
      }
    },

    async embed(request, { signal }) {
      const { access, model, refused } = await reach(request.model, request.credential);
      if (!access) return failedEmbeddings(refused);
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
      try {
        return await askEmbeddings(fetch, access, model, request, watch.signal);
      } catch (error) {
        signal.throwIfAborted();
        const silent = watch.ended === "timeout";
        return failedEmbeddings(silent ? silentFailure(access.baseUrl, request.model) : routerFailure(error, access.baseUrl, clock.now()));
      }
    },

    async *stream(request, { signal }) {
      const { access, endpoint, model, refused } = await reach(request.model, request.credential);
      const answer = createAnswer({ provider: endpoint, model, api: API, timestamp: clock.now() });
      const reading = newReading();
      if (!access) return answer.finish({ stopReason: "error", usage: reading.usage, failure: refused });
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
      try {
        const asked = params(request, access, model, survey.known(access, model));
        const response = await post(fetch, access, "/chat/completions", asked, watch.signal);
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
