/** Configuration of the plugin: servers of Ollama, how they load models, and the bounds of a request. */
import { EndpointName, endpointSettings, requestBounds } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

const { key, headers, defaultModel } = endpointSettings;

export const Endpoint = Type.Object({
  baseUrl: Type.Optional(Type.String({ description: "Address of the server", examples: ["http://box:11434"] })),
  ...{ key, headers, defaultModel },
});
export type Endpoint = Static<typeof Endpoint>;

export const OllamaConfig = Type.Object({
  endpoints: Type.Record(EndpointName, Endpoint, { default: {}, description: "Changes to `ollama`, and further servers of Ollama" }),
  contextLength: Type.Integer({
    default: 32_768,
    minimum: 1024,
    description:
      "Tokens of context that a model is loaded with, if it can have so many. Where it is loaded with more, or its Modelfile sets `num_ctx`, that holds",
  }),
  keepAliveMs: Type.Optional(
    Type.Integer({ minimum: -1, description: "How long a model stays loaded behind a request; -1: for ever; absent: as the server does" }),
  ),
  ...requestBounds,
  listKeptMs: Type.Integer({ default: 30_000, minimum: 0, description: "How long it holds what models a server has" }),
  probeTimeoutMs: Type.Integer({ default: 400, minimum: 1, description: "Longest wait to find out whether a server is there" }),
});
export type OllamaConfig = Static<typeof OllamaConfig>;
