/** Vectors of texts, over the embeddings API that most servers have beside the other two. */
import type { EmbedAnswer, EmbedRequest } from "@pincer/plugin-sdk/contracts/provider";
import { failureOf } from "@pincer/plugin-sdk/provider/api-failure";
import { askEmbeddings, failedEmbeddings } from "@pincer/plugin-sdk/provider/chat-embeddings";
import { howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { watchRequest } from "@pincer/plugin-sdk/provider/watch";
import type { OpenAiConfig } from "./config.ts";
import { accessTo } from "./endpoints.ts";

export function createEmbed(ctx: ProviderContext<OpenAiConfig>) {
  return async (request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> => {
    const slash = request.model.indexOf("/");
    const [endpoint, model] = [request.model.slice(0, slash), request.model.slice(slash + 1)];
    const failed = (failure: "auth" | "bad-request", message: string) => failedEmbeddings({ class: failure, message });
    const access = await accessTo(ctx, endpoint, request.credential);
    if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here, asked for "${request.model}"`);
    const { missing, baseUrl } = access;
    if (missing !== undefined) return failed("auth", `no key for ${endpoint}: ${howToSet(missing)}`);
    const { clock, fetch } = ctx;
    using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
    try {
      return await askEmbeddings(fetch, access, model, request, watch.signal);
    } catch (error) {
      signal.throwIfAborted();
      return failedEmbeddings(watch.ended === "timeout" ? silentFailure(baseUrl, request.model) : failureOf(error, baseUrl, clock.now()));
    }
  };
}
