/** The `provider` contract over Ollama's own API. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelEvent, ModelFailure, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { apiErrorOf } from "@pincer/plugin-sdk/provider/api-failure";
import { readJson } from "@pincer/plugin-sdk/provider/body";
import { callBounds, listBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { probed, reaching } from "@pincer/plugin-sdk/provider/reach";
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
  const reach = reaching(ctx, accessTo);
  /** Servers that do not know every level of thinking. */
  const older = new Map<string, KnownLevels>();

  const begin = async (access: Access, paramsFor: (levels: KnownLevels) => object, watch: Watch): Promise<Response> => {
    const levels = older.get(access.baseUrl) ?? "all";
    try {
      return await post(watch, access, "/api/chat", paramsFor(levels));
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
      const { access, refused } = await reach(endpoint, credential);
      if (!access) return { failure: refused };
      const where = access.baseUrl;
      const told = (error: unknown) => ollamaFailure(error, where, endpoint, clock.now());
      const asking = { bounds: listBounds(ctx.config), signal, where, what: endpoint, failureOf: told };
      // The version is told to anybody.
      return probed(ctx, asking, (watch) => ask(watch, access, access.key === undefined ? "/api/version" : "/api/tags"));
    },

    async *stream(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const { access, refused: unreached } = await reach(endpoint, request.credential);
      const answer = createAnswer({ provider: endpoint, model, api: CHAT_API, timestamp: clock.now() });
      const reading = newReading();
      const failed = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage: reading.usage, failure });
      if (!access) return failed(unreached);
      const refused = unaskable(request);
      if (refused !== undefined) return failed({ class: "bad-request", message: refused });

      const { fetch } = ctx;
      using watch = watchRequest({ clock, ...callBounds(ctx.config), signal, fetch });
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
    yield* reader.read((await readJson(response, watch.seen)) as ChatLine);
    return;
  }
  for await (const lines of jsonLines<ChatLine>(response, watch.seen)) for (const line of lines) yield* reader.read(line);
}
