/** The `provider` contract over both APIs of the vendor. */

import type { ImplementationOf, Io } from "@pincer/plugin-sdk/contract";
import type { ModelAnswer, ModelEvent, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, createAnswer, endOf } from "@pincer/plugin-sdk/provider/answer";
import { howToSet, type ProviderContext } from "@pincer/plugin-sdk/provider/endpoint";
import { cutOffFailure, refusalFailure, silentFailure } from "@pincer/plugin-sdk/provider/failure";
import { type ServerEvent, serverEvents } from "@pincer/plugin-sdk/provider/server-events";
import { type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { needsChat } from "./answer-shape.ts";
import { CHAT_API, type ChatTarget, chatParams } from "./chat-request.ts";
import { ChatReader } from "./chat-stream.ts";
import type { OpenAiConfig } from "./config.ts";
import { type Effort, effortsOf } from "./effort.ts";
import { createEmbed } from "./embeddings.ts";
import { type Access, accessTo } from "./endpoints.ts";
import { failureOf, refusesSummaries } from "./failure.ts";
import { ask, post } from "./post.ts";
import { newReading, type Reading } from "./reading.ts";
import { RESPONSES_API, responsesParams } from "./responses-request.ts";
import { ResponsesReader } from "./responses-stream.ts";
import { createSurvey } from "./survey.ts";

const LOCAL_EFFORTS: readonly Effort[] = ["none", "low", "medium", "high"];

interface StreamError {
  readonly message?: string;
  readonly code?: string | number | null;
  readonly param?: string | null;
}

/** One of the two APIs' readers. */
interface Reader {
  read(object: object): Iterable<ModelEvent>;
  readWhole(object: object): Iterable<ModelEvent>;
}

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
  /** Endpoints that have refused to summarize a model's thinking. */
  const withoutSummaries = new Set<string>();

  const effortsFor = async (access: Access, model: string): Promise<readonly Effort[] | undefined> => {
    if (access.kind !== "ollama") return effortsOf(model) ?? (access.settings.reasoning === true ? LOCAL_EFFORTS : undefined);
    return (await survey.ollamaModel(access, model))?.thinking === true ? LOCAL_EFFORTS : undefined;
  };

  /** Or the answer, when there is nobody to ask. */
  const prepare = async (request: ModelRequest): Promise<Prepared | ModelAnswer> => {
    const slash = request.model.indexOf("/");
    const [endpoint, model] = [request.model.slice(0, slash), request.model.slice(slash + 1)];
    const access = await accessTo(ctx, endpoint, request.credential);
    const api = access?.api === "responses" && !(access.kind === "vendor" && needsChat(request)) ? RESPONSES_API : CHAT_API;
    const answer = createAnswer({ provider: endpoint, model, api, timestamp: clock.now() });
    const reading = newReading();
    const failed = (failure: "auth" | "bad-request", message: string) =>
      answer.finish({ stopReason: "error", usage: reading.usage, failure: { class: failure, message } });
    if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here, asked for "${request.model}"`);
    if (access.missing !== undefined) return failed("auth", `no key for ${endpoint}: ${howToSet(access.missing)}`);
    return { request, access, model, api, efforts: await effortsFor(access, model), answer, reading };
  };

  const sendChat = async ({ request, access, model, efforts, watch, answer, reading }: Exchange) => {
    const dialect: ChatTarget["dialect"] = access.kind === "vendor" ? "openai" : access.kind === "openrouter" ? "openrouter" : "common";
    const params = chatParams(request, { provider: access.endpoint, model, dialect, efforts });
    const response = await post(ctx.fetch, access, "/chat/completions", params, watch.signal);
    return { response, reader: new ChatReader(answer, reading) };
  };

  const sendResponses = async (exchange: Exchange): Promise<{ readonly response: Response; readonly reader: Reader }> => {
    const { request, access, model, efforts, watch, answer, reading } = exchange;
    const summaries = !withoutSummaries.has(access.endpoint);
    const params = responsesParams(request, { provider: access.endpoint, model, efforts, summaries });
    try {
      const response = await post(ctx.fetch, access, "/responses", params, watch.signal);
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
    if (watch.ended !== undefined) return conclude(exchange);
    return answer.finish({ stopReason: "error", usage: reading.usage, failure: failureOf(error, access.baseUrl, clock.now()) });
  };

  async function* stream(request: ModelRequest, { signal }: Io): AsyncGenerator<ModelEvent, ModelAnswer, void> {
    const prepared = await prepare(request);
    if ("message" in prepared) return prepared;
    using watch = watchRequest({ clock, idleMs: ctx.config.idleTimeoutMs, signal, fetch: ctx.fetch });
    const exchange = { ...prepared, watch };
    try {
      if (watch.ended) return conclude(exchange);
      const { response, reader } = await send(exchange);
      if (isWhole(request, response)) {
        for (const event of reader.readWhole(await wholeOf(response, watch))) yield event;
        return conclude(exchange);
      }
      for await (const events of serverEvents(response, watch.seen)) {
        const end = events.findIndex(({ data }) => data === "[DONE]");
        // Not `yield*`, which waits for each as if it were promised.
        for (const event of end < 0 ? events : events.slice(0, end)) for (const told of reader.read(objectOf(event))) yield told;
        if (end >= 0) break;
      }
      return conclude(exchange);
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
      const failed = (failure: "auth" | "bad-request", message: string) => ({ failure: { class: failure, message } });
      const access = await accessTo(ctx, endpoint, credential);
      if (!access) return failed("bad-request", `there is no endpoint "${endpoint}" here`);
      if (access.missing !== undefined) return failed("auth", `no key for ${endpoint}: ${howToSet(access.missing)}`);
      const { fetch } = ctx;
      using watch = watchRequest({ clock, idleMs: ctx.config.listTimeoutMs, signal, fetch });
      try {
        // OpenRouter tells its models to anybody.
        const response = await ask(fetch, access, access.kind === "openrouter" ? "/key" : "/models", watch.signal);
        await response.body?.cancel();
        return {};
      } catch (error) {
        signal.throwIfAborted();
        return {
          failure: watch.ended === "timeout" ? silentFailure(access.baseUrl, endpoint) : failureOf(error, access.baseUrl, clock.now()),
        };
      }
    },
    embed: createEmbed(ctx),

    stream,
    answer: (request, io) => endOf(stream({ ...request, whole: true }, io)),
  };
}

/** A server that streams all the same is read as one that does. */
const isWhole = ({ whole }: ModelRequest, { headers }: Response): boolean =>
  whole === true && headers.get("content-type")?.includes("event-stream") !== true;

async function wholeOf(response: Response, watch: Watch): Promise<object> {
  watch.seen();
  const data = await response.text();
  return objectOf({ event: undefined, data });
}

/** Throws what a server reports in the middle of a stream, as the library's errors carry it. */
function objectOf({ event, data }: ServerEvent): object {
  const object = JSON.parse(data) as { readonly error?: StreamError | string };
  const error = event === "error" ? (object.error ?? (object as StreamError)) : object.error;
  if (!error) return object;
  // Local servers tell it in a bare word.
  const told: StreamError = typeof error === "string" ? { message: error } : error;
  throw Object.assign(new Error(told.message ?? data), { error: told, code: told.code, param: told.param });
}

/** A stream that is cut off ends quietly: what is missing tells that from a proper end. */
function conclude({ answer, reading, watch, access, request }: Exchange): ModelAnswer {
  const { usage, stop, refused, failure } = reading;
  const error = (found: NonNullable<ModelAnswer["failure"]>) => answer.finish({ stopReason: "error", usage, failure: found });
  if (watch.ended === "aborted") return answer.finish({ stopReason: "aborted", usage });
  if (watch.ended === "timeout") return error(silentFailure(access.baseUrl, request.model));
  if (failure) return error(failure);
  if (stop === undefined) return error(cutOffFailure(access.baseUrl, request.model));
  if (!refused) return answer.finish({ stopReason: stop, usage });
  return answer.finish({ stopReason: "refusal", usage, failure: refusalFailure(request.model) });
}
