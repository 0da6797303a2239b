/** Vectors of texts, over the embeddings API that most servers have beside the other two. */
import type { EmbedAnswer, EmbedRequest } from "@pincer/plugin-sdk/contracts/provider";
import { failureOf } from "@pincer/plugin-sdk/provider/api-failure";
import { askEmbeddings, failedEmbeddings } from "@pincer/plugin-sdk/provider/chat-embeddings";
import { callBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { attempt, reaching } from "@pincer/plugin-sdk/provider/reach";
import type { OpenAiConfig } from "./config.ts";
import { accessTo } from "./endpoints.ts";

export function createEmbed(ctx: ProviderContext<OpenAiConfig>) {
  const reach = reaching(ctx, accessTo);
  return async (request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> => {
    const { endpoint, model } = splitRef(request.model);
    const { access, refused } = await reach(endpoint, request.credential);
    if (!access) return failedEmbeddings(refused);
    const where = access.baseUrl;
    const told = (error: unknown) => failureOf(error, where, ctx.clock.now());
    const asking = { bounds: callBounds(ctx.config), signal, where, what: request.model, failureOf: told };
    const answer = await attempt(ctx, asking, (watch) => askEmbeddings(watch, access, model, request));
    return "embeddings" in answer ? answer : failedEmbeddings(answer.failure);
  };
}
