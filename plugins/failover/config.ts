/** The `failover` section of the configuration. Durations are milliseconds. */
import { ProfileName } from "@pincer/plugin-sdk/contracts/auth-profiles";
import { EndpointName } from "@pincer/plugin-sdk/provider/endpoint";
import { type Static, Type } from "@sinclair/typebox";

export const Trigger = Type.Union([
  Type.Literal("rate-limit"),
  Type.Literal("auth"),
  Type.Literal("on-error"),
  Type.Literal("context-overflow"),
  Type.Literal("always"),
]);
export type Trigger = Static<typeof Trigger>;

const Reference = Type.String({ minLength: 1 });
export const Fallback = Type.Union([
  Reference,
  Type.Object({
    model: Reference,
    on: Type.Array(Trigger, {
      minItems: 1,
      description:
        "Failures after which it is asked; absent: rate-limit, auth and on-error. `always` is any, a request that was refused too",
    }),
  }),
]);
export type Fallback = Static<typeof Fallback>;

const fallbacks = (description: string) => Type.Array(Fallback, { default: [], description });
const Secret = Type.Object({ secret: Type.String({ minLength: 1 }) });

/** Where somebody signs in with a device code (RFC 8628), and where a token is refreshed. */
export const OAuthSettings = Type.Object({
  deviceUrl: Type.Optional(Type.String({ description: "Where a device code is asked for; without it nobody can sign in here" })),
  tokenUrl: Type.String({ description: "Where tokens are given out and refreshed" }),
  clientId: Type.String({ minLength: 1 }),
  clientSecret: Type.Optional(Type.Union([Secret, Type.String({ minLength: 1 })], { sensitive: true })),
  scopes: Type.Array(Type.String(), { default: [] }),
});
export type OAuthSettings = Static<typeof OAuthSettings>;

const count = (value: number, description: string, minimum = 1) => Type.Integer({ default: value, minimum, description });

export const FailoverConfig = Type.Object({
  fallbacks: fallbacks("Models that are asked, in this order, when the wanted one does not answer"),
  agents: Type.Record(Type.String(), Type.Array(Fallback), { default: {}, description: "Instead of `fallbacks`, by agent" }),
  models: Type.Record(Type.String(), Type.Array(Fallback), {
    default: {},
    description: "Instead of both, by the model that was wanted: its reference, or the alias that was used",
  }),
  order: Type.Record(EndpointName, Type.Array(ProfileName), {
    default: {},
    description: "Auth profiles in the order in which they are tried, by endpoint; those that are not named follow by priority",
  }),
  retryPauseMs: count(250, "Pause before the one repetition after a fault of the server or the network", 0),
  retryJitter: Type.Number({ default: 0.2, minimum: 0, maximum: 1, description: "By which part of itself that pause may be shorter" }),
  cooldownMs: count(
    60_000,
    "How long a model rests with a profile after too many requests, when the vendor does not say; doubles each time",
  ),
  cooldownLongestMs: count(300_000, "At most"),
  retryAfterLongestMs: count(3_600_000, "How long a model rests with a profile at most where the vendor says how long"),
  probe: Type.Boolean({
    default: true,
    description: "Ask a vendor whether a profile is taken again, by what costs nothing, before a turn does",
  }),
  imageSidePx: count(1_568, "To which longest side images are made smaller that a vendor refuses", 64),
  imageBytes: count(3_500_000, "And to how many bytes", 10_000),
  imagePixels: count(100_000_000, "How many pixels the images of a request may have together, of which one that has more is left as it is"),
  refreshAheadMs: count(300_000, "How long before its end a token is refreshed", 0),
  oauth: Type.Record(EndpointName, OAuthSettings, { default: {}, description: "Where to sign in, by endpoint" }),
});
export type FailoverConfig = Static<typeof FailoverConfig>;

export const USUAL_TRIGGERS: readonly Trigger[] = ["rate-limit", "auth", "on-error"];
