/** The `provider` contract over both APIs of the vendor. */

import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { ModelAnswer, ModelEvent, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, createAnswer, endOf } from "@pincer/plugin-sdk/provider/answer";
import { failureOf } from "@pincer/plugin-sdk/provider/api-failure";
import { chatParams } from "@pincer/plugin-sdk/provider/chat-request";
import { ChatReader } from "@pincer/plugin-sdk/provider/chat-stream";
import { callBounds, listBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { probed, reaching } from "@pincer/plugin-sdk/provider/reach";
import { conclude, newReading, type Reader, type Reading, readResponse } from "@pincer/plugin-sdk/provider/reading";
import { type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { needsChat } from "./answer-shape.ts";
import type { OpenAiConfig } from "./config.ts";
import { type Effort, effortFor, effortsOf } from "./effort.ts";
import { createEmbed } from "./embeddings.ts";
import { type Access, accessTo } from "./endpoints.ts";
import { RESPONSES_API, refusesSummaries, responsesParams } from "./responses-request.ts";
import { ResponsesReader } from "./responses-stream.ts";
import { createSurvey } from "./survey.ts";

const CHAT_API = "openai-chat";

const LOCAL_EFFORTS: readonly Effort[] = ["none", "low", "medium", "high"];

/** A request before it is sent. */
interface Prepared {
  readonly request: ModelRequest;
  readonly access: Access;
  readonly model: string;
  readonly api: typeof CHAT_API | typeof RESPONSES_API;
  readonly efforts: readonly Effort[] | undefined;
  readonly answer: Answer;
  readonly reading: Reading;
}
interface Exchange extends Prepared {
  readonly watch: Watch;
}

export function createOpenAiProvider(ctx: ProviderContext<OpenAiConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const survey = createSurvey(ctx);
  const reach = reaching(ctx, accessTo);
  /** Endpoints that have refused to summarize a model's thinking. */
  const withoutSummaries = new Set<string>();

  const effortsFor = (access: Access, model: string): readonly Effort[] | undefined =>
    effortsOf(model) ?? (access.settings.reasoning === true ? LOCAL_EFFORTS : undefined);
  const ended = ({ answer, reading, watch, access, request }: Exchange): ModelAnswer =>
    conclude(answer, reading, watch, access.baseUrl, request.model);

  /** Or the answer, when there is nobody to ask. */
  const prepare = async (request: ModelRequest): Promise<Prepared | ModelAnswer> => {
    const { endpoint, model } = splitRef(request.model);
    const { access, refused } = await reach(endpoint, request.credential);
    const api = access?.api === "responses" && !(access.kind === "vendor" && needsChat(request)) ? RESPONSES_API : CHAT_API;
    const answer = createAnswer({ provider: endpoint, model, api, timestamp: clock.now() });
    const reading = newReading();
    if (!access) return answer.finish({ stopReason: "error", usage: reading.usage, failure: refused });
    return { request, access, model, api, efforts: effortsFor(access, model), answer, reading };
  };

  const sendChat = async ({ request, access, model, efforts, watch, answer, reading }: Exchange) => {
    const { thinking, cacheKey } = request;
    const isVendors = access.kind === "vendor";
    const limit = isVendors ? "max_completion_tokens" : "max_tokens";
    const target = { provider: access.endpoint, model, api: CHAT_API, limit, reasons: efforts !== undefined } as const;
    const params = Object.assign(chatParams(request, target), {
      reasoning_effort: thinking === undefined || efforts === undefined ? undefined : effortFor(thinking, efforts),
      prompt_cache_key: isVendors ? cacheKey : undefined,
    });
    const response = await post(watch, access, "/chat/completions", params);
    return { response, reader: new ChatReader(answer, reading) };
  };

  const sendResponses = async (exchange: Exchange): Promise<{ readonly response: Response; readonly reader: Reader }> => {
    const { request, access, model, efforts, watch, answer, reading } = exchange;
    const summaries = !withoutSummaries.has(access.endpoint);
    const params = responsesParams(request, { provider: access.endpoint, model, efforts, summaries });
    try {
      const response = await post(watch, access, "/responses", params);
      return { response, reader: new ResponsesReader(answer, reading) };
    } catch (error) {
      if (!summaries || !refusesSummaries(error)) throw error;
      withoutSummaries.add(access.endpoint);
      return sendResponses(exchange);
    }
  };
  const send = (exchange: Exchange): Promise<{ readonly response: Response; readonly reader: Reader }> =>
    exchange.api === RESPONSES_API ? sendResponses(exchange) : sendChat(exchange);

  const broken = (error: unknown, exchange: Exchange): ModelAnswer => {
    const { watch, answer, reading, access } = exchange;
    if (watch.ended !== undefined) return ended(exchange);
    return answer.finish({ stopReason: "error", usage: reading.usage, failure: failureOf(error, access.baseUrl, clock.now()) });
  };

  async function* stream(request: ModelRequest, { signal }: Io): AsyncGenerator<ModelEvent, ModelAnswer, void> {
    const prepared = await prepare(request);
    if ("message" in prepared) return prepared;
    using watch = watchRequest({ clock, ...callBounds(ctx.config), signal, fetch: ctx.fetch });
    const exchange = { ...prepared, watch };
    try {
      if (watch.ended) return ended(exchange);
      const { response, reader } = await send(exchange);
      for await (const event of readResponse(request, response, watch, reader)) yield event;
      return ended(exchange);
    } catch (error) {
      return broken(error, exchange);
    }
  }

  return {
    endpoints: async () => ({ endpoints: [...(await survey.statuses())] }),
    models: async ({ endpoint, refresh, credential }) => ({
      models: [...(await survey.models(endpoint, refresh === true, credential))],
    }),

    async probe({ endpoint, credential }, { signal }) {
      const { access, refused } = await reach(endpoint, credential);
      if (!access) return { failure: refused };
      const where = access.baseUrl;
      const told = (error: unknown) => failureOf(error, where, clock.now());
      const asking = { bounds: listBounds(ctx.config), signal, where, what: endpoint, failureOf: told };
      return probed(ctx, asking, (watch) => ask(watch, access, "/models"));
    },

    embed: createEmbed(ctx),

    stream,
    answer: (request, io) => endOf(stream({ ...request, whole: true }, io)),
  };
}
