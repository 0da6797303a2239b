/** Several credentials for one endpoint, each with a name and a health of its own. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Credential, CredentialType, FailureClass } from "./provider.ts";

/** `<endpoint>:<name>`, such as `openai:work`. */
export const ProfileName = Type.String({ pattern: "^[a-z0-9][a-z0-9_-]*:[a-z0-9][a-z0-9_-]*$" });

const At = Type.Integer({ minimum: 0 });
export const ProfileReason = Type.Object({ class: FailureClass, message: Type.String(), at: At });

export const ProfileState = Type.Union([Type.Literal("active"), Type.Literal("cooldown"), Type.Literal("failed")]);
export type ProfileState = Static<typeof ProfileState>;

/** How one model does with one profile. */
export const ProfileModel = Type.Object({
  model: Type.String(),
  cooldownUntil: Type.Optional(At),
  successes: Type.Integer({ minimum: 0 }),
  failures: Type.Integer({ minimum: 0 }),
  /** To the first piece of an answer, over the last calls; null before the first. */
  latencyMs: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
});

export const AuthProfile = Type.Object({
  name: ProfileName,
  endpoint: Type.String(),
  type: CredentialType,
  /** Higher ones are tried first, where no order is set. */
  priority: Type.Integer(),
  /** `cooldown`: for some of its models; `failed`: until it is changed. */
  state: ProfileState,
  /** Why it failed or cools. */
  reason: Type.Optional(ProfileReason),
  cooldownUntil: Type.Optional(At),
  lastUsedAt: Type.Optional(At),
  failureCount: Type.Integer({ minimum: 0 }),
  expiresAt: Type.Optional(At),
  /** What the provider itself has, from the environment or its configuration: it cannot be forgotten here. */
  own: Type.Optional(Type.Literal(true)),
  models: Type.Array(ProfileModel),
});
export type AuthProfile = Static<typeof AuthProfile>;

export const authProfiles = defineContract({
  id: "auth-profiles",
  version: 1,
  arity: "one",
  members: {
    /** In the order in which they are tried, endpoint by endpoint; what a provider has of its own once it was used. */
    list: call(Type.Object({}), Type.Object({ profiles: Type.Array(AuthProfile) }), { safe: true }),
    /** Endpoints that have profiles, each with the credential of one, which has not failed if there is such a one. Asked with every request. */
    usable: call(Type.Object({}), Type.Object({ endpoints: Type.Record(Type.String(), Credential) }), { safe: true }),
    /** Forgets profiles and their credentials; of an endpoint, or those that are named. */
    forget: call(
      Type.Object({ endpoint: Type.String(), profiles: Type.Optional(Type.Array(Type.String())) }),
      Type.Object({ forgotten: Type.Array(Type.String()) }),
      { safe: true },
    ),
  },
});
