/** Vectors of texts, over the embeddings API that most servers have beside the other two. */
import type { EmbedAnswer, EmbedRequest } from "@pincer/plugin-sdk/contracts/provider";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { failureOf } from "@pincer/plugin-sdk/provider/api-failure";
import { howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { post } from "@pincer/plugin-sdk/provider/post";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { CreateEmbeddingResponse } from "openai/resources/embeddings";
import type { OpenAiConfig } from "./config.ts";
import { accessTo } from "./endpoints.ts";

const failed = (failure: NonNullable<EmbedAnswer["failure"]>): EmbedAnswer => ({ embeddings: [], usage: tokenUsage({}), failure });

export function createEmbed(ctx: ProviderContext<OpenAiConfig>) {
  return async (request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> => {
    const slash = request.model.indexOf("/");
    const [endpoint, model] = [request.model.slice(0, slash), request.model.slice(slash + 1)];
    const access = await accessTo(ctx, endpoint, request.credential);
    if (!access) return failed({ class: "bad-request", message: `there is no endpoint "${endpoint}" here, asked for "${request.model}"` });
    const { missing, baseUrl } = access;
    if (missing !== undefined) return failed({ class: "auth", message: `no key for ${endpoint}: ${howToSet(missing)}` });
    const { clock, fetch } = ctx;
    using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
    const { input, dimensions } = request;
    const params = { model, input: [...input], encoding_format: "float" as const, ...(dimensions === undefined ? {} : { dimensions }) };
    try {
      const response = await post(fetch, access, "/embeddings", params, watch.signal);
      return answerOf((await response.json()) as CreateEmbeddingResponse, request);
    } catch (error) {
      signal.throwIfAborted();
      if (watch.ended === "timeout") return failed(silentFailure(baseUrl, request.model));
      return failed(failureOf(error, baseUrl, clock.now()));
    }
  };
}

const isVector = (value: unknown): value is number[] => Array.isArray(value) && value.every(Number.isFinite);

/** What a server sends is checked by nobody before. */
function answerOf({ data: sent, usage }: Partial<CreateEmbeddingResponse>, { input, model }: EmbedRequest): EmbedAnswer {
  const data = Array.isArray(sent) ? sent : [];
  const embeddings: number[][] = [];
  for (const [at, { embedding, index = at }] of data.entries()) if (isVector(embedding)) embeddings[index] = embedding;
  if (embeddings.length !== input.length || embeddings.includes(undefined as never)) {
    return failed({ class: "unknown", message: `${model} answered ${data.length} vectors for ${input.length} texts` });
  }
  return { embeddings, usage: tokenUsage({ input: usage?.prompt_tokens ?? 0 }) };
}
