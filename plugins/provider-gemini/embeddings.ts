/** Vectors of texts, as many at once as the API takes. */
import type { EmbedAnswer, EmbedRequest } from "@pincer/plugin-sdk/contracts/provider";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import type { ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { post } from "@pincer/plugin-sdk/provider/post";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { GeminiConfig } from "./config.ts";
import { accessTo, keyDetail, modelPath, placeOf } from "./endpoints.ts";
import { failureOf } from "./failure.ts";

const MOST_AT_ONCE = 100;

interface Vectors {
  readonly embeddings?: readonly { readonly values?: unknown }[];
  readonly usageMetadata?: { readonly promptTokenCount?: number };
}

const failed = (failure: NonNullable<EmbedAnswer["failure"]>): EmbedAnswer => ({ embeddings: [], usage: tokenUsage({}), failure });
const isVector = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);

export function createEmbed(ctx: ProviderContext<GeminiConfig>) {
  return async (request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> => {
    const slash = request.model.indexOf("/");
    const [endpoint, model] = [request.model.slice(0, slash), request.model.slice(slash + 1)];
    const access = await accessTo(ctx, endpoint, request.credential);
    if (!access) return failed({ class: "bad-request", message: `there is no endpoint "${endpoint}" here, asked for "${request.model}"` });
    if (access.missing !== undefined) return failed({ class: "auth", message: `no key for ${endpoint}: ${keyDetail(access)}` });
    const { clock, fetch } = ctx;
    const embeddings: number[][] = [];
    let input = 0;
    using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
    try {
      for (let at = 0; at < request.input.length; at += MOST_AT_ONCE) {
        const texts = request.input.slice(at, at + MOST_AT_ONCE);
        const requests = texts.map((text) => ({
          model: `models/${model}`,
          content: { parts: [{ text }] },
          ...(request.dimensions === undefined ? {} : { outputDimensionality: request.dimensions }),
        }));
        const response = await post(fetch, placeOf(access), `${modelPath(model)}:batchEmbedContents`, { requests }, watch.signal);
        const { embeddings: sent, usageMetadata } = (await response.json()) as Vectors;
        watch.seen();
        const vectors = (Array.isArray(sent) ? sent : []).map((one: { readonly values?: unknown }) => one?.values).filter(isVector);
        if (vectors.length !== texts.length) {
          return failed({ class: "unknown", message: `${request.model} answered ${vectors.length} vectors for ${texts.length} texts` });
        }
        embeddings.push(...vectors);
        input += usageMetadata?.promptTokenCount ?? 0;
      }
      return { embeddings, usage: tokenUsage({ input }) };
    } catch (error) {
      signal.throwIfAborted();
      if (watch.ended === "timeout") return failed(silentFailure(access.baseUrl, request.model));
      return failed(failureOf(error, access.baseUrl, clock.now()));
    }
  };
}
