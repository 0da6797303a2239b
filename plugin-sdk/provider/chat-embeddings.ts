/** Vectors of texts, over the embeddings API that most servers have beside Chat Completions. */
import type { EmbedAnswer, EmbedRequest, ModelFailure } from "../contracts/provider.ts";
import { tokenUsage } from "./answer.ts";
import { type Place, postJson } from "./post.ts";
import type { Watch } from "./watch.ts";

export const failedEmbeddings = (failure: ModelFailure): EmbedAnswer => ({ embeddings: [], usage: tokenUsage({}), failure });

/** Throws what the server says instead, as `failureOf` reads it. */
export async function askEmbeddings(watch: Watch, place: Place, model: string, request: EmbedRequest): Promise<EmbedAnswer> {
  const { input, dimensions } = request;
  const params = { model, input: [...input], encoding_format: "float", ...(dimensions === undefined ? {} : { dimensions }) };
  return answerOf(await postJson(watch, place, "/embeddings", params), request);
}

interface Vectors {
  readonly data?: readonly { readonly embedding?: unknown; readonly index?: number }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly cost?: number } | null;
}

const isVector = (value: unknown): value is number[] => Array.isArray(value) && value.every(Number.isFinite);

/** What a server sends is checked by nobody before. */
function answerOf(sent: unknown, { input, model }: EmbedRequest): EmbedAnswer {
  const { data: given, usage } = (sent ?? {}) as Vectors;
  const data = Array.isArray(given) ? given : [];
  const embeddings: number[][] = [];
  for (const [at, { embedding, index = at }] of data.entries()) if (isVector(embedding)) embeddings[index] = embedding;
  if (embeddings.length !== input.length || embeddings.includes(undefined as never)) {
    return failedEmbeddings({ class: "unknown", message: `${model} answered ${data.length} vectors for ${input.length} texts` });
  }
  const { cost } = usage ?? {};
  return { embeddings, usage: tokenUsage({ input: usage?.prompt_tokens ?? 0, ...(typeof cost === "number" ? { cost } : {}) }) };
}
