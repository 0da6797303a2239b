/** Configuration of the plugin: how OpenRouter is reached, which of its providers it may ask, and the bounds of a request. */
import { EndpointName, endpointSettings, requestBounds } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

const names = (description: string) => Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description }));
const Dollars = Type.Optional(Type.Number({ minimum: 0 }));

/** In OpenRouter's own words, so that what its documentation says of them holds. */
const Routing = Type.Object(
  {
    order: names("Providers that are tried first, in this order"),
    only: names("No other providers than these"),
    ignore: names("Providers that are left out"),
    quantizations: names("Such as fp8"),
    sort: Type.Optional(
      Type.Union([Type.Literal("price"), Type.Literal("throughput"), Type.Literal("latency")], { description: "What matters most" }),
    ),
    allow_fallbacks: Type.Optional(Type.Boolean({ description: "Whether other providers may follow those of `order`" })),
    require_parameters: Type.Optional(Type.Boolean({ description: "Only providers that know all that is asked of them" })),
    data_collection: Type.Optional(
      Type.Union([Type.Literal("allow"), Type.Literal("deny")], { description: "Whether providers may that keep what they are sent" }),
    ),
    zdr: Type.Optional(Type.Boolean({ description: "Only providers that keep nothing at all" })),
    max_price: Type.Optional(
      Type.Object(
        { prompt: Dollars, completion: Dollars, request: Dollars, image: Dollars },
        { description: "Dollars for a million tokens" },
      ),
    ),
    preferred_min_throughput: Type.Optional(Type.Number({ minimum: 0, description: "Tokens a second" })),
    preferred_max_latency: Type.Optional(Type.Number({ minimum: 0, description: "Seconds" })),
  },
  { description: "Which of its providers answer: the object `provider` of its API" },
);

export const Endpoint = Type.Object({
  baseUrl: Type.Optional(Type.String({ description: "Address of the API", examples: ["https://openrouter.ai/api/v1"] })),
  ...endpointSettings,
  routing: Type.Optional(Routing),
});
export type Endpoint = Static<typeof Endpoint>;

export const OpenRouterConfig = Type.Object({
  endpoints: Type.Record(EndpointName, Endpoint, {
    default: {},
    description: "Changes to `openrouter`, and further names for it, each with a key or a routing of its own",
  }),
  app: Type.Object(
    {
      title: Type.String({ default: "Pincer", description: "What OpenRouter shows this as; empty: it is not told" }),
      url: Type.Optional(Type.String({ description: "With an address the use is counted in OpenRouter's public rankings" })),
    },
    { default: {}, description: "Whom OpenRouter takes this for" },
  ),
  ...requestBounds,
});
export type OpenRouterConfig = Static<typeof OpenRouterConfig>;
