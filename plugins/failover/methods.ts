/** What `pincer models auth` asks of the gateway. The wire's own `models.authStatus` and `models.authLogout` are the plugin models'. */
import { AuthProfile, ProfileName } from "@pincer/plugin-sdk/contracts/auth-profiles";
import { ModelFailure, SignIn } from "@pincer/plugin-sdk/contracts/provider";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { EndpointName } from "@pincer/plugin-sdk/provider/endpoint";
import { type TProperties, Type } from "@sinclair/typebox";

const closed = { additionalProperties: false };
const Text = Type.String({ minLength: 1 });

const method = <P extends TProperties, R extends TProperties>(name: string, summary: string, params: P, result: R) =>
  defineMethod({ name, summary, scope: "operator.admin", params: Type.Object(params, closed), result: Type.Object(result) });

export const profilesList = defineMethod({
  name: "failover.profiles.list",
  summary: "The auth profiles, in the order in which they are tried, and how each does with each model.",
  scope: "operator.read",
  params: Type.Object({ provider: Type.Optional(EndpointName) }, closed),
  result: Type.Object({ ts: Type.Integer(), profiles: Type.Array(AuthProfile) }),
});

export const profilesAdd = method(
  "failover.profiles.add",
  "Keep an auth profile, or give the one of that name another credential, which is kept encrypted.",
  {
    name: ProfileName,
    type: Type.Optional(
      Type.Union([Type.Literal("api-key"), Type.Literal("token"), Type.Literal("oauth"), Type.Literal("aws-sdk")], {
        description: "Absent: the first of these that the provider takes",
      }),
    ),
    value: Type.Optional(Type.String({ minLength: 1, maxLength: 65_536, description: "The key or token; of oauth the access token" })),
    refreshToken: Type.Optional(Type.String({ minLength: 1, maxLength: 65_536, description: "Of oauth" })),
    expiresAt: Type.Optional(Type.Integer({ minimum: 0, description: "When it ends, in milliseconds since the epoch" })),
    awsProfile: Type.Optional(Type.String({ minLength: 1, description: "Of aws-sdk: the profile in AWS's own files" })),
    priority: Type.Optional(Type.Integer({ description: "Higher ones are tried first, where no order is set" })),
  },
  { profile: AuthProfile },
);

export const orderSet = method(
  "failover.order.set",
  "Try these profiles of a provider first, in this order, whatever the configuration says; without any, as it says.",
  { provider: EndpointName, profiles: Type.Array(ProfileName) },
  { provider: Text, order: Type.Array(Text) },
);

export const profilesTest = method(
  "failover.profiles.test",
  "Ask the vendors whether they take the profiles, by what costs nothing. One that had failed and is taken is active again.",
  { profiles: Type.Optional(Type.Array(Text, { minItems: 1 })) },
  {
    results: Type.Array(
      Type.Object({
        profile: Text,
        outcome: Type.Union([Type.Literal("ok"), Type.Literal("failed"), Type.Literal("unknown")]),
        failure: Type.Optional(ModelFailure),
        ms: Type.Integer(),
      }),
    ),
  },
);

export const signInPlace = method(
  "failover.signIn.place",
  "Where somebody signs in for a profile: as the configuration says, or else as the provider suggests, which is asked only once the configuration says so.",
  { name: ProfileName },
  { configured: Type.Boolean(), suggested: Type.Optional(SignIn) },
);

export const signInStart = method(
  "failover.signIn.start",
  "Begin to sign in for a profile: a code, and the page on which it is to be entered.",
  { name: ProfileName, priority: Type.Optional(Type.Integer()) },
  {
    id: Text,
    userCode: Text,
    verificationUri: Text,
    verificationUriComplete: Type.Optional(Text),
    expiresAt: Type.Integer(),
  },
);

export const signInWait = method(
  "failover.signIn.wait",
  "Wait until somebody has entered the code; the profile is kept then.",
  { id: Text },
  { profile: AuthProfile },
);
