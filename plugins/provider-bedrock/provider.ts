/** The `provider` contract over AWS's client library, which is loaded with the first request. */
import type { ConverseStreamCommandInput } from "@aws-sdk/client-bedrock-runtime";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelAnswer, ModelEvent, ModelFailure, ModelInfo, ModelRequest, provider } from "@pincer/plugin-sdk/contracts/provider";
import { type Answer, createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { callBounds, endpointNames, listBounds, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { cutOffFailure, endedFailure, refusalFailure } from "@pincer/plugin-sdk/provider/failure";
import { attempt, reaching } from "@pincer/plugin-sdk/provider/reach";
import { type Watch, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { linkSignals } from "@pincer/plugin-sdk/signal";
import { refusalOf } from "./answer-shape.ts";
import { type Clients, createClients } from "./clients.ts";
import type { BedrockConfig } from "./config.ts";
import { type Access, accessTo, HOME, statusOf } from "./endpoints.ts";
import { failureOf, isKnownThere, wantsWhole } from "./failure.ts";
import { abilitiesOf } from "./families.ts";
import type { Sending } from "./handler.ts";
import { type Listed, listModels, modelInfo } from "./listing.ts";
import { API, converseInput } from "./request.ts";
import { newReading, type Reading, readEvent, readWhole, stopDetail, stopReasonOf } from "./stream.ts";

export function createBedrockProvider(ctx: ProviderContext<BedrockConfig>): ImplementationOf<typeof provider> {
  const { clock } = ctx;
  const clients = createClients(ctx);
  const lists = new Map<string, Listed & { readonly at: number }>();

  const reach = reaching(ctx, accessTo, ({ missing }) => missing);
  const list = async (access: Access, refresh: boolean, signal: AbortSignal): Promise<Listed> => {
    const known = lists.get(access.endpoint);
    if (known && !refresh && clock.now() - known.at < ctx.config.listKeptMs) return known;
    const { fetch } = ctx;
    using watch = watchRequest({ clock, ...listBounds(ctx.config), signal, fetch });
    const listed = await unlessEnded(listModels(await clients.list(access), access.endpoint, watch), watch);
    lists.set(access.endpoint, { ...listed, at: clock.now() });
    return listed;
  };
  /** Of an error that the request itself did not end in. */
  const failed = (error: unknown, access: Access, where: string): ModelFailure => {
    const failure = failureOf(error, where, clock.now());
    if (failure.class === "auth") clients.refused(access);
    return failure;
  };

  return {
    endpoints: async () => ({ endpoints: await Promise.all(endpointNames(ctx.config, HOME).map((name) => statusOf(ctx, name))) }),

    async models({ endpoint, refresh, credential }, { signal }) {
      const names = endpoint === undefined ? endpointNames(ctx.config, HOME) : [endpoint];
      const models = await Promise.all(
        names.map(async (name): Promise<readonly ModelInfo[]> => {
          const configured = ctx.config.endpoints[name]?.models;
          if (configured) return configured.map((id) => modelInfo(name, id, id, abilitiesOf(id)));
          const { access } = await reach(name, credential);
          return access ? (await list(access, refresh === true, signal)).models : [];
        }),
      );
      return { models: models.flat() };
    },

    async probe({ endpoint, credential }, { signal }) {
      const { access, refused } = await reach(endpoint, credential);
      if (!access) return { failure: refused };
      const where = access.listUrl;
      const told = (error: unknown) => failed(error, access, where);
      return attempt(ctx, { bounds: listBounds(ctx.config), signal, where, what: endpoint, failureOf: told }, async (watch) => {
        const { ListFoundationModelsCommand } = await import("@aws-sdk/client-bedrock");
        const sending: Sending = { abortSignal: watch.signal, watch };
        const client = await clients.list(access);
        const asked = client.send(new ListFoundationModelsCommand({ byOutputModality: "TEXT" }), sending);
        await unlessEnded(asked, watch).catch((error: unknown) => (isKnownThere(error) ? undefined : Promise.reject(error)));
        return {};
      });
    },

    async *stream(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const target = { provider: endpoint, model, api: API };
      const answer = createAnswer({ ...target, timestamp: clock.now() });
      const reading = newReading();
      const end = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage: reading.usage, failure });
      const { access, refused: unreached } = await reach(endpoint, request.credential);
      if (!access) return end(unreached);
      const refused = refusalOf(request);
      if (refused !== undefined) return end({ class: "bad-request", message: refused });

      const { fetch } = ctx;
      let isRead = false;
      using gone = linkSignals(signal);
      using watch = watchRequest({ clock, ...callBounds(ctx.config), signal: gone.signal, fetch });
      try {
        const abilities = lists.get(access.endpoint)?.abilities.get(target.model) ?? abilitiesOf(target.model);
        const { maxOutputTokens } = ctx.config;
        const input = converseInput(request, { target, abilities, maxOutputTokens, guardrail: access.guardrail });
        if (!watch.ended) yield* read(clients, access, input, watch, answer, reading);
        isRead = true;
      } catch (error) {
        if (watch.ended === undefined) return end(failed(error, access, access.baseUrl));
      } finally {
        // The library does not hand on that nobody reads any more.
        if (!isRead && !watch.ended) gone.abort(new Error("nobody reads the answer any more"));
      }
      return conclude(answer, reading, watch, access, request);
    },
  };
}

async function* read(
  clients: Clients,
  access: Access,
  input: ConverseStreamCommandInput,
  watch: Watch,
  answer: Answer,
  reading: Reading,
): AsyncGenerator<ModelEvent, void, void> {
  const { ConverseCommand, ConverseStreamCommand } = await import("@aws-sdk/client-bedrock-runtime");
  const client = await clients.runtime(access);
  const sending: Sending = { abortSignal: watch.signal, watch };
  try {
    const { stream } = await unlessEnded(client.send(new ConverseStreamCommand(input), sending), watch);
    for await (const event of stream ?? []) yield* readEvent(event, answer, reading);
  } catch (error) {
    if (!wantsWhole(error)) throw error;
    const { guardrailConfig, ...rest } = input;
    const { streamProcessingMode: _, ...guardrail } = guardrailConfig ?? {};
    const whole = new ConverseCommand({ ...rest, ...(guardrailConfig === undefined ? {} : { guardrailConfig: guardrail }) });
    yield* readWhole(await unlessEnded(client.send(whole, sending), watch), answer, reading);
  }
}

/** The library does not end everything with the signal: what it needs for credentials goes on, and nobody waits for it any more. */
async function unlessEnded<T>(work: Promise<T>, { signal }: Watch): Promise<T> {
  const ended = Promise.withResolvers<never>();
  const onAbort = () => ended.reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, ended.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A stream that is cut off ends quietly: what is missing tells that from a proper end. */
function conclude(answer: Answer, { usage, stop }: Reading, watch: Watch, access: Access, { model }: ModelRequest): ModelAnswer {
  if (watch.ended === "aborted") return answer.finish({ stopReason: "aborted", usage });
  const failed = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage, failure });
  if (watch.ended !== undefined) return failed(endedFailure(watch.ended, access.baseUrl, model));
  if (stop === undefined) return failed(cutOffFailure(access.baseUrl, model));
  const stopReason = stopReasonOf(stop);
  const detail = stopDetail(stop, model);
  if (stopReason === "error") return failed({ class: "unknown", message: detail ?? `${model} stopped: ${stop}` });
  if (stopReason !== "refusal") return answer.finish({ stopReason, usage });
  return answer.finish({ stopReason, usage, failure: refusalFailure(model, detail) });
}
