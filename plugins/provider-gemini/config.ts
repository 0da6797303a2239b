/** Configuration of the plugin: endpoints that speak the Gemini API, and the bounds of a request. */
import { EndpointName, endpointSettings, requestBounds } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

export const Endpoint = Type.Object({
  baseUrl: Type.Optional(
    Type.String({ description: "Address of the API, without /v1beta", examples: ["https://generativelanguage.googleapis.com"] }),
  ),
  ...endpointSettings,
});
export type Endpoint = Static<typeof Endpoint>;

export const GeminiConfig = Type.Object({
  endpoints: Type.Record(EndpointName, Endpoint, {
    default: {},
    description: "`google` itself, and any server that speaks the Gemini API",
  }),
  ...requestBounds,
});
export type GeminiConfig = Static<typeof GeminiConfig>;
