/** Configuration of the plugin: endpoints that speak the Messages API, and the bounds of a request. */
import { EndpointName, endpointSettings, requestBounds } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

export const Endpoint = Type.Object({
  baseUrl: Type.Optional(Type.String({ description: "Address of the API, without /v1", examples: ["https://api.anthropic.com"] })),
  ...endpointSettings,
});
export type Endpoint = Static<typeof Endpoint>;

export const AnthropicConfig = Type.Object({
  endpoints: Type.Record(EndpointName, Endpoint, {
    default: {},
    description: "`anthropic` itself, and any server that speaks its Messages API",
  }),
  maxOutputTokens: Type.Integer({ default: 32_000, minimum: 1, description: "Most tokens of an answer, thinking included" }),
  ...requestBounds,
});
export type AnthropicConfig = Static<typeof AnthropicConfig>;
