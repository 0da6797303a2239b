/** A scripted server of OpenAI's API: Chat Completions, Responses, the list of models; and what Ollama adds to it. */

import type { Exchange } from "@pincer/plugin-sdk/testing/http-server";
import { sse, startScriptedVendor } from "@pincer/plugin-sdk/testing/scripted-vendor";
import type { ScriptedVendor } from "@pincer/plugin-sdk/testing/vendor-script";
import { chatEvents } from "./chat.ts";
import { responsesEvents } from "./responses.ts";

export interface OpenAiVendorOptions {
  /** What `GET /v1/models` lists; entries beyond `id` as the server at hand has them. */
  readonly models?: readonly (Readonly<Record<string, unknown>> & { readonly id: string })[];
  /** The status that the list is answered with, by key; 200 when not given. */
  readonly lists?: (key: string) => number;
  /** Makes it an Ollama: capabilities by model, for `POST /api/show`. */
  readonly ollama?: Readonly<Record<string, readonly string[]>>;
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
    events: (answer, call) => (call.path.endsWith("/responses") ? responsesEvents(answer, call) : chatEvents(answer, call)),
    other(exchange) {
      const { models = [{ id: "gpt-test" }], ollama } = options;
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
      return ollama !== undefined && answerOllama(exchange, ollama);
    },
  });

function answerOllama(exchange: Exchange, known: NonNullable<OpenAiVendorOptions["ollama"]>): boolean {
  if (exchange.path === "/api/ps") {
    const [first] = Object.keys(known);
    exchange.send(200, JSON.stringify({ models: first === undefined ? [] : [{ model: first, context_length: 8192 }] }));
    return true;
  }
  if (exchange.path !== "/api/show") return false;
  const { model } = JSON.parse(exchange.body) as { model: string };
  const capabilities = known[model];
  if (capabilities) exchange.send(200, JSON.stringify({ capabilities, model_info: {} }));
  else exchange.send(404, JSON.stringify({ error: `model '${model}' not found` }));
  return true;
}
