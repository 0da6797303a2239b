/** Vectors of texts, as many at once as the API takes. */
import type { EmbedAnswer, EmbedRequest } from "@pincer/plugin-sdk/contracts/provider";
import { tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { failedEmbeddings } from "@pincer/plugin-sdk/provider/chat-embeddings";
import { callBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { postJson } from "@pincer/plugin-sdk/provider/post";
import { attempt, reaching } from "@pincer/plugin-sdk/provider/reach";
import type { Watch } from "@pincer/plugin-sdk/provider/watch";
import type { GeminiConfig } from "./config.ts";
import { type Access, accessTo, modelPath, placeOf } from "./endpoints.ts";
import { failureOf } from "./failure.ts";

const MOST_AT_ONCE = 100;

interface Vectors {
  readonly embeddings?: readonly { readonly values?: unknown }[];
  readonly usageMetadata?: { readonly promptTokenCount?: number };
}

const isVector = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite);

export function createEmbed(ctx: ProviderContext<GeminiConfig>) {
  const reach = reaching(ctx, accessTo);
  return async (request: EmbedRequest, { signal }: { readonly signal: AbortSignal }): Promise<EmbedAnswer> => {
    const { endpoint, model } = splitRef(request.model);
    const { access, refused } = await reach(endpoint, request.credential);
    if (!access) return failedEmbeddings(refused);
    const where = access.baseUrl;
    const told = (error: unknown) => failureOf(error, where, ctx.clock.now());
    const asking = { bounds: callBounds(ctx.config), signal, where, what: request.model, failureOf: told };
    const answer = await attempt(ctx, asking, (watch) => askAll(watch, access, model, request));
    return "embeddings" in answer ? answer : failedEmbeddings(answer.failure);
  };
}

async function askAll(watch: Watch, access: Access, model: string, { input, dimensions, ...asked }: EmbedRequest): Promise<EmbedAnswer> {
  const embeddings: number[][] = [];
  let tokens = 0;
  for (let at = 0; at < input.length; at += MOST_AT_ONCE) {
    const texts = input.slice(at, at + MOST_AT_ONCE);
    const requests = texts.map((text) => ({
      model: `models/${model}`,
      content: { parts: [{ text }] },
      ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
    }));
    const sent = await postJson(watch, placeOf(access), `${modelPath(model)}:batchEmbedContents`, { requests });
    const { embeddings: given, usageMetadata } = (sent ?? {}) as Vectors;
    const vectors = (Array.isArray(given) ? given : []).map((one: { readonly values?: unknown }) => one?.values).filter(isVector);
    if (vectors.length !== texts.length) {
      return failedEmbeddings({ class: "unknown", message: `${asked.model} answered ${vectors.length} vectors for ${texts.length} texts` });
    }
    embeddings.push(...vectors);
    tokens += usageMetadata?.promptTokenCount ?? 0;
  }
  return { embeddings, usage: tokenUsage({ input: tokens }) };
}
