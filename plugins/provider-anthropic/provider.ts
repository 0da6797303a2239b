/** The `provider` contract over the Messages API. */
import type Anthropic from "@anthropic-ai/sdk";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelAnswer, ModelEvent, ModelFailure, ModelInfo, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, createAnswer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { apiError, type Told } from "@pincer/plugin-sdk/provider/api-failure";
import { callBounds, endpointNames, listBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { cutOffFailure, endedFailure, refusalFailure } from "@pincer/plugin-sdk/provider/failure";
import { ask, post } from "@pincer/plugin-sdk/provider/post";
import { probed, reaching } from "@pincer/plugin-sdk/provider/reach";
import { serverEvents } from "@pincer/plugin-sdk/provider/server-events";
import { type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { refusalOf } from "./answer-shape.ts";
import type { AnthropicConfig } from "./config.ts";
import { type Access, accessTo, HOME, statusOf } from "./endpoints.ts";
import { failureOf } from "./failure.ts";
import { type Listing, listModels, modelInfo } from "./models.ts";
import { API, messageParams } from "./request.ts";
import { newReading, type Reading, readEvent, stopReasonOf } from "./stream.ts";
import { abilitiesByName } from "./thinking.ts";

/** How often a turn that the vendor paused is taken up again within one answer. */
const MOST_ROUNDS = 8;

export function createAnthropicProvider(ctx: ProviderContext<AnthropicConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const reach = reaching(ctx, accessTo);
  const lists = new Map<string, Listing & { readonly at: number }>();

  const list = async (access: Access, refresh: boolean, signal: AbortSignal): Promise<Listing> => {
    const known = lists.get(access.endpoint);
    if (known && !refresh && clock.now() - known.at < ctx.config.listKeptMs) return known;
    const { fetch } = ctx;
    using watch = watchRequest({ clock, ...listBounds(ctx.config), signal, fetch });
    const listed = { at: clock.now(), ...(await listModels(access, watch)) };
    lists.set(access.endpoint, listed);
    return listed;
  };

  return {
    endpoints: async () => ({ endpoints: await Promise.all(endpointNames(ctx.config, HOME).map((name) => statusOf(ctx, name))) }),

    async models({ endpoint, refresh, credential }, { signal }) {
      const names = endpoint === undefined ? endpointNames(ctx.config, HOME) : [endpoint];
      const models = await Promise.all(
        names.map(async (name): Promise<readonly ModelInfo[]> => {
          const configured = ctx.config.endpoints[name]?.models;
          if (configured) return configured.map((id) => modelInfo(name, id, id, abilitiesByName(id)));
          const { access } = await reach(name, credential);
          return access ? (await list(access, refresh === true, signal)).models : [];
        }),
      );
      return { models: models.flat() };
    },

    async probe({ endpoint, credential }, { signal }) {
      const { access, refused } = await reach(endpoint, credential);
      if (!access) return { failure: refused };
      const where = access.baseUrl;
      const told = (error: unknown) => failureOf(error, where, clock.now());
      const asking = { bounds: listBounds(ctx.config), signal, where, what: endpoint, failureOf: told };
      return probed(ctx, asking, (watch) => ask(watch, access, "/v1/models?limit=1"));
    },

    async *stream(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const target = { provider: endpoint, model, api: API };
      const answer = createAnswer({ ...target, timestamp: clock.now() });
      const reading = newReading();
      const failed = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage: reading.usage, failure });
      const { access, refused: unreached } = await reach(endpoint, request.credential);
      if (!access) return failed(unreached);
      const refused = refusalOf(request);
      if (refused !== undefined) return failed({ class: "bad-request", message: refused });

      const { fetch } = ctx;
      using watch = watchRequest({ clock, ...callBounds(ctx.config), signal, fetch });
      try {
        const abilities = lists.get(endpoint)?.abilities.get(model) ?? abilitiesByName(model);
        const params = messageParams(request, target, abilities, ctx.config.maxOutputTokens);
        if (!watch.ended) yield* readRounds(access, params, watch, answer, reading);
      } catch (error) {
        if (watch.ended === undefined) return failed(failureOf(error, access.baseUrl, clock.now()));
      }
      return conclude(answer, reading, watch, access, request);
    },
  };
}

/** One round, or more when the vendor pauses a long turn and wants it back as it was to go on. */
async function* readRounds(
  access: Access,
  params: Anthropic.MessageCreateParamsStreaming,
  watch: Watch,
  answer: Answer,
  reading: Reading,
): AsyncGenerator<ModelEvent, void, void> {
  let messages = params.messages;
  const before = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const one = newReading();
    const response = await post(watch, access, "/v1/messages", { ...params, messages });
    for await (const events of serverEvents(response, watch.seen)) {
      for (const event of events) {
        if (event.event === undefined || event.event === "ping") continue;
        if (event.event === "error") throw streamError(event.data);
        yield* readEvent(JSON.parse(event.data) as Anthropic.RawMessageStreamEvent, answer, one, round);
        reading.usage = tokenUsage({
          input: before.input + one.usage.input,
          output: before.output + one.usage.output,
          cacheRead: before.cacheRead + one.usage.cacheRead,
          cacheWrite: before.cacheWrite + one.usage.cacheWrite,
        });
      }
    }
    Object.assign(reading, { stop: one.stop, ended: one.ended, refusal: one.refusal });
    if (one.stop !== "pause_turn" || !one.ended) return;
    Object.assign(before, reading.usage);
    messages = [...messages, { role: "assistant", content: one.blocks }];
  }
}

/** What the vendor reports in the middle of a stream. */
function streamError(data: string): Error {
  const { error } = JSON.parse(data) as { readonly error?: Told };
  return apiError({ ...error, message: error?.message ?? data });
}

/** A stream that is cut off ends quietly: what is missing tells that from a proper end. */
function conclude(answer: Answer, reading: Reading, watch: Watch, access: Access, request: ModelRequest): ModelAnswer {
  const { usage, stop, ended, refusal } = reading;
  if (watch.ended === "aborted") return answer.finish({ stopReason: "aborted", usage });
  const failed = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage, failure });
  if (watch.ended !== undefined) return failed(endedFailure(watch.ended, access.baseUrl, request.model));
  if (stop === undefined || !ended) return failed(cutOffFailure(access.baseUrl, request.model));
  const stopReason = stopReasonOf(stop);
  if (stopReason !== "refusal") return answer.finish({ stopReason, usage });
  return answer.finish({ stopReason, usage, failure: refusalFailure(request.model, refusal) });
}
