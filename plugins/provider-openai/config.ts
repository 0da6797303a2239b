/** Configuration of the plugin: endpoints that speak OpenAI's APIs, and the bounds of a request. */
import { type Static, Type } from "@sinclair/typebox";

export const Endpoint = Type.Object({
  baseUrl: Type.Optional(Type.String({ description: "Address of the API, with its /v1", examples: ["http://127.0.0.1:8000/v1"] })),
  api: Type.Optional(
    Type.Union([Type.Literal("chat"), Type.Literal("responses")], {
      description: "Chat Completions or Responses; absent: Responses at OpenAI itself, Chat Completions elsewhere",
    }),
  ),
  key: Type.Optional(
    Type.Union([Type.Object({ secret: Type.String({ minLength: 1 }) }), Type.String({ minLength: 1 })], {
      description: 'The API key, best as { secret: "NAME" }',
      sensitive: true,
    }),
  ),
  headers: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "Sent with every request", sensitive: true })),
  models: Type.Optional(Type.Array(Type.String(), { description: "Model ids, for a server that does not list them" })),
  defaultModel: Type.Optional(Type.String({ description: "The model when a reference names only the endpoint" })),
  reasoning: Type.Optional(Type.Boolean({ description: "Its models understand reasoning_effort" })),
});
export type Endpoint = Static<typeof Endpoint>;

export const OpenAiConfig = Type.Object({
  endpoints: Type.Record(Type.String({ pattern: "^[a-z0-9][a-z0-9_-]*$" }), Endpoint, {
    default: {},
    description: "Changes to `openai`, `ollama` and `openrouter`, and any other server that speaks OpenAI's API",
  }),
  idleTimeoutMs: Type.Integer({ default: 300_000, minimum: 1, description: "Silence after which a request is given up" }),
  listTimeoutMs: Type.Integer({ default: 5000, minimum: 1, description: "Longest wait for a list of models" }),
  listKeptMs: Type.Integer({ default: 3_600_000, minimum: 0, description: "How long a list of models is kept" }),
  probeTimeoutMs: Type.Integer({ default: 400, minimum: 1, description: "Longest wait to find out whether a local server is there" }),
  probeKeptMs: Type.Integer({ default: 30_000, minimum: 0, description: "How long that finding holds" }),
});
export type OpenAiConfig = Static<typeof OpenAiConfig>;
