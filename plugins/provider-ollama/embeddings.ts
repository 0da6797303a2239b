/** Vectors of texts. */
import type { EmbedAnswer, EmbedRequest } from "@pincer/plugin-sdk/contracts/provider";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { failedEmbeddings } from "@pincer/plugin-sdk/provider/chat-embeddings";
import { callBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { postJson } from "@pincer/plugin-sdk/provider/post";
import { attempt, reaching } from "@pincer/plugin-sdk/provider/reach";
import type { OllamaConfig } from "./config.ts";
import { accessTo } from "./endpoints.ts";
import { ollamaFailure } from "./failure.ts";

export function createEmbed(ctx: ProviderContext<OllamaConfig>) {
  const reach = reaching(ctx, accessTo);
  return async (request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> => {
    const { endpoint, model } = splitRef(request.model);
    const { access, refused } = await reach(endpoint, request.credential);
    if (!access) return failedEmbeddings(refused);
    const { input, dimensions } = request;
    // A text that is too long is refused, not cut: half of it has another vector.
    const params = { model, input: [...input], truncate: false, ...(dimensions === undefined ? {} : { dimensions }) };
    const where = access.baseUrl;
    const told = (error: unknown) => ollamaFailure(error, where, request.model, ctx.clock.now());
    const asking = { bounds: callBounds(ctx.config), signal, where, what: request.model, failureOf: told };
    const answer = await attempt(ctx, asking, async (watch) => answerOf(await postJson(watch, access, "/api/embed", params), request));
    return "embeddings" in answer ? answer : failedEmbeddings(answer.failure);
  };
}

const isVector = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);

/** What a server sends is checked by nobody before. */
function answerOf(sent: unknown, { input, model }: EmbedRequest): EmbedAnswer {
  const { embeddings, prompt_eval_count: count } = (sent ?? {}) as { readonly embeddings?: unknown; readonly prompt_eval_count?: number };
  const vectors = Array.isArray(embeddings) ? embeddings.filter(isVector) : [];
  if (vectors.length !== input.length) {
    return failedEmbeddings({ class: "unknown", message: `${model} answered ${vectors.length} vectors for ${input.length} texts` });
  }
  return { embeddings: vectors, usage: tokenUsage({ input: count }) };
}
