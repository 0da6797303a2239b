/** The `provider` contract over one HTTP endpoint. What goes wrong is an answer too: a stream that has begun never throws. */
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { ModelFailure, ModelInfo, provider } from "@pincer/plugin-sdk/contracts/provider";
import { createAnswer } from "@pincer/plugin-sdk/provider/answer";
import { howToSet, type ProviderContext, splitRef } from "@pincer/plugin-sdk/provider/endpoint";
import { cutOffFailure, endedFailure, httpFailure, networkFailure, refusalFailure } from "@pincer/plugin-sdk/provider/failure";
import { serverEvents } from "@pincer/plugin-sdk/provider/server-events";
import { type Ended, watchRequest } from "@pincer/plugin-sdk/provider/watch";
import { type Static, Type } from "@sinclair/typebox";
import { createReader } from "./answer.ts";
import { API, requestBody } from "./request.ts";

export const ProviderConfig = Type.Object({
  baseUrl: Type.String({ default: "https://models.example.com", description: "Address of the server" }),
  models: Type.Array(Type.String(), { default: ["small", "large"], minItems: 1, description: "Its models, the usual one first" }),
  idleTimeoutMs: Type.Integer({ default: 300_000, minimum: 1, description: "Silence after which a request is given up" }),
});
export type ProviderConfig = Static<typeof ProviderConfig>;

const ENDPOINT = "my-provider";
const KEY = "MY_PROVIDER_KEY";
/** Of one answer. */
const LONGEST_MS = 3_600_000;
const MOST_BYTES = 134_217_728;

export function createProvider(ctx: ProviderContext<ProviderConfig>): ImplementationOf<typeof provider> {
  const modelInfo = (id: string): ModelInfo => ({
    ref: `${ENDPOINT}/${id}`,
    endpoint: ENDPOINT,
    id,
    name: id,
    // What you do not know is null, never a guess.
    contextWindow: null,
    maxOutputTokens: null,
    reasoning: true,
    vision: true,
    tools: true,
    price: null,
  });

  return {
    async endpoints() {
      const ready = (await ctx.secret(KEY)) !== undefined;
      const [defaultModel] = ctx.config.models;
      return {
        endpoints: [
          {
            endpoint: ENDPOINT,
            label: "My provider",
            ready,
            ...(ready ? {} : { detail: howToSet(KEY) }),
            ...(defaultModel === undefined ? {} : { defaultModel }),
          },
        ],
      };
    },

    models: async ({ endpoint = ENDPOINT }) => ({ models: endpoint === ENDPOINT ? ctx.config.models.map(modelInfo) : [] }),

    async *stream(request, { signal }) {
      const { endpoint, model } = splitRef(request.model);
      const answer = createAnswer({ provider: endpoint, model, api: API, timestamp: ctx.clock.now() });
      const reader = createReader(answer);
      const fail = (failure: ModelFailure) => answer.finish({ stopReason: "error", usage: reader.usage, failure });

      if (endpoint !== ENDPOINT) return fail({ class: "bad-request", message: `there is no endpoint "${endpoint}" here` });
      const key = await ctx.secret(KEY);
      if (key === undefined) return fail({ class: "auth", message: `no key for ${ENDPOINT}: ${howToSet(KEY)}` });

      const { baseUrl, idleTimeoutMs } = ctx.config;
      const bounds = { idleMs: idleTimeoutMs, longestMs: LONGEST_MS, mostBytes: MOST_BYTES };
      using watch = watchRequest({ ...bounds, clock: ctx.clock, signal, fetch: ctx.fetch });
      const ended = (why: Ended) =>
        why === "aborted" ? answer.finish({ stopReason: "aborted", usage: reader.usage }) : fail(endedFailure(why, baseUrl, request.model));
      if (watch.ended) return ended(watch.ended);
      try {
        const response = await watch.send(`${baseUrl}/v1/answers`, {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          body: JSON.stringify(requestBody(request, model)),
        });
        if (!response.ok)
          return fail(httpFailure(response.status, await response.text(), { headers: response.headers, now: ctx.clock.now() }));
        for await (const events of serverEvents(response, watch.seen)) for (const { data } of events) yield* reader.read(JSON.parse(data));
      } catch (error) {
        return watch.ended ? ended(watch.ended) : fail(networkFailure(error, baseUrl));
      }
      if (watch.ended) return ended(watch.ended);
      // A stream that was cut off ends quietly: what is missing tells that from a proper end.
      if (reader.failure) return fail(reader.failure);
      if (reader.stop === undefined) return fail(cutOffFailure(baseUrl, request.model));
      if (reader.stop !== "refusal") return answer.finish({ stopReason: reader.stop, usage: reader.usage });
      return answer.finish({ stopReason: "refusal", usage: reader.usage, failure: refusalFailure(request.model) });
    },
  };
}
