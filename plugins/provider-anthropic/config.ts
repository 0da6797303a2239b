/** Configuration of the plugin: endpoints that speak the Messages API, and the bounds of a request. */
import { type Static, Type } from "@sinclair/typebox";

export const Endpoint = Type.Object({
  baseUrl: Type.Optional(Type.String({ description: "Address of the API, without /v1", examples: ["https://api.anthropic.com"] })),
  key: Type.Optional(
    Type.Union([Type.Object({ secret: Type.String({ minLength: 1 }) }), Type.String({ minLength: 1 })], {
      description: 'The API key, best as { secret: "NAME" }',
      sensitive: true,
    }),
  ),
  headers: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "Sent with every request", sensitive: true })),
  models: Type.Optional(Type.Array(Type.String(), { description: "Model ids, for a server that does not list them" })),
  defaultModel: Type.Optional(Type.String({ description: "The model when a reference names only the endpoint" })),
});
export type Endpoint = Static<typeof Endpoint>;

export const AnthropicConfig = Type.Object({
  endpoints: Type.Record(Type.String({ pattern: "^[a-z0-9][a-z0-9_-]*$" }), Endpoint, {
    default: {},
    description: "`anthropic` itself, and any server that speaks its Messages API",
  }),
  maxOutputTokens: Type.Integer({ default: 32_000, minimum: 1, description: "Most tokens of an answer, thinking included" }),
  idleTimeoutMs: Type.Integer({ default: 300_000, minimum: 1, description: "Silence after which a request is given up" }),
  listTimeoutMs: Type.Integer({ default: 5000, minimum: 1, description: "Longest wait for the list of models" }),
  listKeptMs: Type.Integer({ default: 3_600_000, minimum: 0, description: "How long the list of models is kept" }),
});
export type AnthropicConfig = Static<typeof AnthropicConfig>;
