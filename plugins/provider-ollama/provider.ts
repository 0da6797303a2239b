/** The `provider` contract over Ollama's own API. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelEvent, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { apiErrorOf } from "@pincer/plugin-sdk/provider/api-failure";
import { howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { conclude, newReading } from "@pincer/plugin-sdk/provider/reading";
import { type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OllamaConfig } from "./config.ts";
import { createEmbed } from "./embeddings.ts";
import { type Access, accessTo } from "./endpoints.ts";
import { ollamaFailure } from "./failure.ts";
import { jsonLines } from "./lines.ts";
import { createPull } from "./pull.ts";
import { CHAT_API, chatParams, type KnownLevels, type Target, unaskable } from "./request.ts";
import { type ChatLine, ChatReader } from "./stream.ts";
import { createSurvey } from "./survey.ts";

/** What a server knows that refused how a model was told to think; `undefined`: it refused something else. */
function knownBy(error: unknown): KnownLevels | undefined {
  const { status, error: told } = apiErrorOf(error);
  const message = String(told?.message);
  if (status !== 400 || !/think/i.test(message)) return undefined;
  if (/invalid think value/i.test(message)) return "before-max";
  return /cannot unmarshal/i.test(message) ? "switch" : undefined;
}

export function createOllamaProvider(ctx: ProviderContext<OllamaConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const survey = createSurvey(ctx);
  /** Servers that do not know every level of thinking. */
  const older = new Map<string, KnownLevels>();

  const begin = async (access: Access, paramsFor: (levels: KnownLevels) => object, watch: Watch): Promise<Response> => {
    const levels = older.get(access.baseUrl) ?? "all";
    try {
      return await post(ctx.fetch, access, "/api/chat", paramsFor(levels), watch.signal);
    } catch (error) {
      const known = knownBy(error);
      if (known === undefined || known === levels || levels === "switch") throw error;
      older.set(access.baseUrl, known);
      return begin(access, paramsFor, watch);
    }
  };

  return {
    endpoints: async () => ({ endpoints: [...(await survey.statuses())] }),
    models: async ({ endpoint, refresh, credential }) => ({
      models: [...(await survey.models(endpoint, refresh === true, credential))],
    }),
    embed: createEmbed(ctx),
    pull: createPull(ctx, survey.changed),

    async probe({ endpoint, credential }, { signal }) {
      const failed = (failure: "auth" | "bad-request", message: string) => ({ failure: { class: failure, message } });
      const access = await accessTo(ctx, endpoint, credential);
      if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here`);
      if (access.missing !== undefined) return failed("auth", `no key for ${endpoint}: ${howToSet(access.missing)}`);
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.listTimeoutMs, signal, fetch });
      try {
        // The version is told to anybody.
        const response = await ask(fetch, access, access.key === undefined ? "/api/version" : "/api/tags", watch.signal);
        await response.body?.cancel();
        return {};
      } catch (error) {
        signal.throwIfAborted();
        if (watch.ended === "timeout") return { failure: silentFailure(access.baseUrl, endpoint) };
        return { failure: ollamaFailure(error, access.baseUrl, endpoint, clock.now()) };
      }
    },

    async *stream(request, { signal }) {
      const slash = request.model.indexOf("/");
      const [endpoint, model] = [request.model.slice(0, slash), request.model.slice(slash + 1)];
      const access = await accessTo(ctx, endpoint, request.credential);
      const answer = createAnswer({ provider: endpoint, model, api: CHAT_API, timestamp: clock.now() });
      const reading = newReading();
      const failed = (failure: "auth" | "bad-request", message: string) =>
        answer.finish({ stopReason: "error", usage: reading.usage, failure: { class: failure, message } });
      if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here, asked for "${request.model}"`);
      if (access.missing !== undefined) return failed("auth", `no key for ${endpoint}: ${howToSet(access.missing)}`);
      const refused = unaskable(request);
      if (refused !== undefined) return failed("bad-request", refused);

      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
      try {
        const known = await survey.model(access, model);
        const { contextLength, keepAliveMs } = ctx.config;
        const target: Omit<Target, "levels"> = { provider: endpoint, model, known, contextLength, keepAliveMs };
        if (!watch.ended) {
          const response = await begin(access, (levels) => chatParams(request, { ...target, levels }), watch);
          const reader = new ChatReader(answer, reading, request.parallelTools !== false);
          yield* read(response, request.whole === true, watch, reader);
        }
      } catch (error) {
        if (watch.ended === undefined) {
          const failure = ollamaFailure(error, access.baseUrl, request.model, clock.now());
          return answer.finish({ stopReason: "error", usage: reading.usage, failure });
        }
      }
      return conclude(answer, reading, watch, access.baseUrl, request.model);
    },
  };
}

/** A server that streams although it was asked not to is read as one that does. */
async function* read(response: Response, whole: boolean, watch: Watch, reader: ChatReader): AsyncGenerator<ModelEvent, void, void> {
  if (whole && response.headers.get("content-type")?.includes("ndjson") !== true) {
    watch.seen();
    yield* reader.read(JSON.parse(await response.text()) as ChatLine);
    return;
  }
  for await (const lines of jsonLines<ChatLine>(response, watch.seen)) for (const line of lines) yield* reader.read(line);
}
