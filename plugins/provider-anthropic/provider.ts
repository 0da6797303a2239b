/** The `provider` contract over the vendor's client library, which is loaded with the first request. */

import type Anthropic from "@anthropic-ai/sdk";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelAnswer, ModelEvent, ModelFailure, ModelInfo, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, createAnswer, tokenUsage } from "@pincer/plugin-sdk/provider/answer";
import { keepClients } from "@pincer/plugin-sdk/provider/clients";
import type { ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { cutOffFailure, refusalFailure, silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { serverEvents } from "@pincer/plugin-sdk/provider/server-events";
import { type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { refusalOf } from "./answer-shape.ts";
import type { AnthropicConfig } from "./config.ts";
import { type Access, accessTo, endpointNames, keyDetail, needsKey, statusOf } from "./endpoints.ts";
import { failureOf, streamError } from "./failure.ts";
import { API, messageParams } from "./request.ts";
import { newReading, type Reading, readEvent, stopReasonOf } from "./stream.ts";
import { type Abilities, abilitiesByName, abilitiesOf } from "./thinking.ts";

/** How often a turn that the vendor paused is taken up again within one answer. */
const MOST_ROUNDS = 8;

interface Listed {
  readonly at: number;
  readonly models: readonly ModelInfo[];
  readonly abilities: ReadonlyMap<string, Abilities>;
}

export function createAnthropicProvider(ctx: ProviderContext<AnthropicConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const lists = new Map<string, Listed>();

  const clientAt = keepClients(async ({ baseUrl, key, headers }: Pick<Access, "baseUrl" | "key" | "headers">): Promise<Anthropic> => {
    const { default: Client } = await import("@anthropic-ai/sdk");
    return new Client({
      baseURL: baseUrl,
      apiKey: key ?? "none",
      defaultHeaders: headers,
      maxRetries: 0,
      // The watch keeps the time; the library's own timer must not end a request first.
      timeout: 2 ** 31 - 1,
      logLevel: "off",
      fetch: ctx.fetch as typeof globalThis.fetch,
      openTelemetry: false,
    });
  });
  const clientFor = ({ baseUrl, key, headers }: Access): Promise<Anthropic> => clientAt({ baseUrl, key, headers });

  const list = async (access: Access, refresh: boolean, signal: AbortSignal): Promise<Listed> => {
    const known = lists.get(access.endpoint);
    if (known && !refresh && clock.now() - known.at < ctx.config.listKeptMs) return known;
    const { clock: time, fetch } = ctx;
    using watch = watchRequest({ clock: time, idleMs: ctx.config.listTimeoutMs, signal, fetch });
    const client = await clientFor(access);
    const found: Anthropic.ModelInfo[] = [];
    for await (const model of client.models.list({ limit: 1000 }, { signal: watch.signal })) {
      watch.seen();
      found.push(model);
    }
    const abilities = new Map(found.map((info) => [info.id, abilitiesOf(info)]));
    const listed = { at: clock.now(), abilities, models: found.map((info) => modelInfo(access.endpoint, info, abilities.get(info.id))) };
    lists.set(access.endpoint, listed);
    return listed;
  };

  return {
    endpoints: async () => ({ endpoints: await Promise.all(endpointNames(ctx.config).map((name) => statusOf(ctx, name))) }),

    async models({ endpoint, refresh, credential }, { signal }) {
      const names = endpoint === undefined ? endpointNames(ctx.config) : [endpoint];
      const models = await Promise.all(
        names.map(async (name): Promise<readonly ModelInfo[]> => {
          const configured = ctx.config.endpoints[name]?.models;
          if (configured) return configured.map((id) => modelInfo(name, { id, display_name: id }, abilitiesByName(id)));
          const access = await accessTo(ctx, name, credential);
          if (!access || needsKey(access)) return [];
          return (await list(access, refresh === true, signal)).models;
        }),
      );
      return { models: models.flat() };
    },

    async probe({ endpoint, credential }, { signal }) {
      const failed = (failure: "auth" | "bad-request", message: string) => ({ failure: { class: failure, message } });
      const access = await accessTo(ctx, endpoint, credential);
      if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here`);
      if (needsKey(access)) return failed("auth", `no key for ${endpoint}: ${keyDetail(access)}`);
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.listTimeoutMs, signal, fetch });
      try {
        await (await clientFor(access)).models.list({ limit: 1 }, { signal: watch.signal }).asResponse();
        return {};
      } catch (error) {
        signal.throwIfAborted();
        return {
          failure: watch.ended === "timeout" ? silentFailure(access.baseUrl, endpoint) : failureOf(error, access.baseUrl, clock.now()),
        };
      }
    },

    async *stream(request, { signal }) {
      const slash = request.model.indexOf("/");
      const target = { provider: request.model.slice(0, slash), model: request.model.slice(slash + 1), api: API };
      const answer = createAnswer({ ...target, timestamp: clock.now() });
      const reading = newReading();
      const failed = (message: string, failure: "auth" | "bad-request") =>
        answer.finish({ stopReason: "error", usage: reading.usage, failure: { class: failure, message } });
      const access = await accessTo(ctx, target.provider, request.credential);
      if (!access) return failed(`there is no endpoint "${target.provider}" here, asked for "${request.model}"`, "bad-request");
      const refused = refusalOf(request);
      if (refused !== undefined) return failed(refused, "bad-request");
      if (needsKey(access)) return failed(`no key for ${access.endpoint}: ${keyDetail(access)}`, "auth");

      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch });
      try {
        const abilities = lists.get(access.endpoint)?.abilities.get(target.model) ?? abilitiesByName(target.model);
        const params = messageParams(request, target, abilities, ctx.config.maxOutputTokens);
        if (!watch.ended) yield* readRounds(await clientFor(access), params, watch, answer, reading);
        return conclude(answer, reading, watch, access, request);
      } catch (error) {
        if (watch.ended === undefined) {
          const failure = failureOf(error, access.baseUrl, clock.now());
          return answer.finish({ stopReason: "error", usage: reading.usage, failure });
        }
        return conclude(answer, reading, watch, access, request);
      }
    },
  };
}

/** One round, or more when the vendor pauses a long turn and wants it back as it was to go on. */
async function* readRounds(
  client: Anthropic,
  params: Anthropic.MessageCreateParamsStreaming,
  watch: Watch,
  answer: Answer,
  reading: Reading,
): AsyncGenerator<ModelEvent, void, void> {
  let messages = params.messages;
  const before = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const one = newReading();
    const response = await client.messages.create({ ...params, messages }, { signal: watch.signal }).asResponse();
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

/** A stream that is cut off ends quietly: what is missing tells that from a proper end. */
function conclude(answer: Answer, reading: Reading, watch: Watch, access: Access, request: ModelRequest): ModelAnswer {
  const { usage, stop, ended, refusal } = reading;
  if (watch.ended === "aborted") return answer.finish({ stopReason: "aborted", usage });
  const failed = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage, failure });
  if (watch.ended === "timeout") return failed(silentFailure(access.baseUrl, request.model));
  if (stop === undefined || !ended) return failed(cutOffFailure(access.baseUrl, request.model));
  const stopReason = stopReasonOf(stop);
  if (stopReason !== "refusal") return answer.finish({ stopReason, usage });
  return answer.finish({ stopReason, usage, failure: refusalFailure(request.model, refusal) });
}

function modelInfo(endpoint: string, { id, display_name }: Pick<Anthropic.ModelInfo, "id" | "display_name">, found?: Abilities): ModelInfo {
  const abilities = found ?? abilitiesByName(id);
  return {
    ref: `${endpoint}/${id}`,
    endpoint,
    id,
    name: display_name,
    contextWindow: abilities.contextWindow,
    maxOutputTokens: abilities.maxOutputTokens,
    reasoning: abilities.mode !== "none",
    vision: abilities.vision,
    documents: abilities.documents,
    tools: true,
    price: null,
  };
}
