/** Configuration of the plugin: endpoints that speak OpenAI's APIs, and the bounds of a request. */
import { EndpointName, endpointSettings, requestBounds } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

export const Endpoint = Type.Object({
  baseUrl: Type.Optional(Type.String({ description: "Address of the API, with its /v1", examples: ["http://127.0.0.1:8000/v1"] })),
  api: Type.Optional(
    Type.Union([Type.Literal("chat"), Type.Literal("responses")], {
      description: "Chat Completions or Responses; absent: Responses at OpenAI itself, Chat Completions elsewhere",
    }),
  ),
  ...endpointSettings,
  reasoning: Type.Optional(Type.Boolean({ description: "Its models understand reasoning_effort" })),
  vision: Type.Optional(Type.Boolean({ description: "Its models see images" })),
  documents: Type.Optional(Type.Boolean({ description: "Its models read PDFs" })),
  continues: Type.Optional(
    Type.Boolean({ description: "Its models go on behind an unfinished answer, which Chat Completions leaves to the server" }),
  ),
});
export type Endpoint = Static<typeof Endpoint>;

export const OpenAiConfig = Type.Object({
  endpoints: Type.Record(EndpointName, Endpoint, {
    default: {},
    description: "Changes to `openai`, and any other server that speaks OpenAI's API",
  }),
  ...requestBounds,
  probeTimeoutMs: Type.Integer({ default: 400, minimum: 1, description: "Longest wait to find out whether a local server is there" }),
  probeKeptMs: Type.Integer({ default: 30_000, minimum: 0, description: "How long that finding holds" }),
});
export type OpenAiConfig = Static<typeof OpenAiConfig>;
