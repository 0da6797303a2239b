/** A scripted server of OpenAI's API: Chat Completions, Responses, embeddings, the list of models. */

import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";
import { sse, startScriptedVendor } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { ScriptedVendor } from "@pincer/plugin-sdk/testing/vendor-script";
import { chatEvents, chatWhole } from "./chat.ts";
import { responsesEvents, responsesWhole } from "./responses.ts";

/** A vector of two numbers, which say how long the text is and where it was asked. */
const vectorOf = (text: string, at: number) => [text.length / 64, at];

export interface OpenAiVendorOptions {
  /** What `GET /v1/models` lists; entries beyond `id` as the server at hand has them. */
  readonly models?: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
  /** The status that the list is answered with, by key; 200 when not given. */
  readonly lists?: (key: string) => number;
}

const fault = { message: "The server had an error.", type: "server_error", code: "server_error" };
const failedEvent = () =>
  sse(
    { type: "response.failed", sequence_number: 99, response: { id: "resp_scripted", status: "failed", error: fault } },
    "response.failed",
  );

export const startOpenAiVendor = (options: OpenAiVendorOptions = {}): ScriptedVendor =>
  startScriptedVendor({
    keepAlive: ": keep-alive\n\n",
    errorEvent: ({ path }) => (path.endsWith("/responses") ? failedEvent() : sse({ error: fault })),
    errorBody: ({ code = null, param = null, message }) =>
      JSON.stringify({ error: { message, type: "invalid_request_error", param, code } }),
    whole: (answer, call) => JSON.stringify(call.path.endsWith("/responses") ? responsesWhole(answer, call) : chatWhole(answer, call)),
    events: (answer, call) => (call.path.endsWith("/responses") ? responsesEvents(answer, call) : chatEvents(answer, call)),
    other(exchange) {
      const { models = [{ id: "gpt-test" }] } = options;
      if (exchange.path.endsWith("/models")) {
        const status = options.lists?.((exchange.headers.get("authorization") ?? "").replace(/^Bearer /, "")) ?? 200;
        if (status !== 200) {
          exchange.send(status, JSON.stringify({ error: { message: `the list is answered with ${status}` } }));
          return true;
        }
        exchange.send(
          200,
          JSON.stringify({ object: "list", data: models.map((model) => ({ object: "model", owned_by: "test", ...model })) }),
        );
        return true;
      }
      return exchange.path.endsWith("/embeddings") && answerEmbeddings(exchange);
    },
  });

function answerEmbeddings(exchange: Exchange): true {
  const { input, model, dimensions } = JSON.parse(exchange.body) as { input: readonly string[]; model: string; dimensions?: number };
  const [first = ""] = input;
  if (exchange.headers.get("authorization") === "Bearer refused") exchange.send(401, JSON.stringify({ error: { message: "no such key" } }));
  else if (model === "limited") exchange.send(429, JSON.stringify({ error: { message: "Slow down" } }), { "retry-after": "3" });
  else {
    const data = input.map((text, index) => ({ object: "embedding", index, embedding: vectorOf(text, index).slice(0, dimensions) }));
    // In no order of its own, as its index says where each belongs.
    const usage = { prompt_tokens: first.length, total_tokens: first.length };
    exchange.send(200, JSON.stringify({ object: "list", model, data: data.reverse(), usage }));
  }
  return true;
}
