/** Vectors of texts. */
import type { EmbedAnswer, EmbedRequest } from "@pincer/plugin-sdk/contracts/provider";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { post } from "@pincer/plugin-sdk/provider/post";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OllamaConfig } from "./config.ts";
import { accessTo } from "./endpoints.ts";
import { ollamaFailure } from "./failure.ts";

const failed = (failure: NonNullable<EmbedAnswer["failure"]>): EmbedAnswer => ({ embeddings: [], usage: tokenUsage({}), failure });

export function createEmbed(ctx: ProviderContext<OllamaConfig>) {
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
    // A text that is too long is refused, not cut: half of it has another vector.
    const params = { model, input: [...input], truncate: false, ...(dimensions === undefined ? {} : { dimensions }) };
    try {
      const response = await post(watch.fetch, access, "/api/embed", params, watch.signal);
      return answerOf(await response.json(), request);
    } catch (error) {
      signal.throwIfAborted();
      if (watch.ended === "timeout") return failed(silentFailure(baseUrl, request.model));
      return failed(ollamaFailure(error, baseUrl, request.model, clock.now()));
    }
  };
}

const isVector = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);

/** What a server sends is checked by nobody before. */
function answerOf(sent: unknown, { input, model }: EmbedRequest): EmbedAnswer {
  const { embeddings, prompt_eval_count: count } = (sent ?? {}) as { readonly embeddings?: unknown; readonly prompt_eval_count?: number };
  const vectors = Array.isArray(embeddings) ? embeddings.filter(isVector) : [];
  if (vectors.length !== input.length) {
    return failed({ class: "unknown", message: `${model} answered ${vectors.length} vectors for ${input.length} texts` });
  }
  return { embeddings: vectors, usage: tokenUsage({ input: count }) };
}
