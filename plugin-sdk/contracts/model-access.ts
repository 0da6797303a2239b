/**
 * One model, asked once, with one credential: what a ranking `llm` is made of. Each call is priced, counted, and may be refused by
 * `model.calling`, as any of the plain `llm` is.
 */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, stream } from "../contract.ts";
import { LlmEmbedRequest, LlmRequest, ResolveRequest } from "./llm.ts";
import { Credential, CredentialType, EmbedAnswer, ModelAnswer, ModelEvent, ModelInfo, Probed, SignIn } from "./provider.ts";

const own = {
  /** The provider has a credential of its own, or needs none: another text whenever it is another. Absent: it has none. */
  own: Type.Optional(Type.String()),
};

/** The auth profile that the credential is of, so that it is known what each is used for. Which one is asked is no choice here. */
const profile = Type.Optional(Type.String());

export const AccessRequest = Type.Composite([
  Type.Omit(LlmRequest, ["profile"]),
  Type.Object({
    /** Absent: the provider's own. */
    credential: Type.Optional(Credential),
    profile,
  }),
]);
export type AccessRequest = Static<typeof AccessRequest>;

export const AccessEmbedRequest = Type.Composite([
  Type.Omit(LlmEmbedRequest, ["profile"]),
  Type.Object({ credential: Type.Optional(Credential), profile }),
]);

export const AccessibleModel = Type.Object({ info: ModelInfo, ...own });
export type AccessibleModel = Static<typeof AccessibleModel>;

export const AccessibleEndpoint = Type.Object({
  endpoint: Type.String(),
  label: Type.String(),
  /** The plugin that serves it, and is to be granted what its requests are made with. */
  plugin: Type.String(),
  /** What is missing and how to add it, when there is no credential of its own. */
  detail: Type.Optional(Type.String()),
  ...own,
  /** What else its requests may be made with. */
  credentials: Type.Array(CredentialType),
  local: Type.Boolean(),
  /** Its provider answers by itself, without any model. */
  offline: Type.Boolean(),
  defaultModel: Type.Optional(Type.String()),
  /** Where its provider says that somebody signs in. */
  signIn: Type.Optional(SignIn),
});
export type AccessibleEndpoint = Static<typeof AccessibleEndpoint>;

export const modelAccess = defineContract({
  id: "model-access",
  version: 1,
  arity: "one",
  members: {
    /** Throws `LLM_MODEL_UNKNOWN`, `LLM_PROVIDER_NOT_READY` and `LLM_MODEL_EXCLUDED`. */
    resolve: call(ResolveRequest, AccessibleModel, { safe: true }),
    /** Throws those, and `LLM_CALL_REFUSED`, before the first event alone. */
    stream: stream(AccessRequest, ModelEvent, ModelAnswer, { safe: true }),
    /** As `answer` of `llm`; throws as `stream` does. */
    answer: call(AccessRequest, ModelAnswer, { safe: true }),
    /** Throws as they do. */
    embed: call(AccessEmbedRequest, EmbedAnswer, { safe: true }),
    endpoints: call(Type.Object({}), Type.Object({ endpoints: Type.Array(AccessibleEndpoint) }), { safe: true }),
    /** `possible: false`: the provider has no way to find out that costs nothing. */
    probe: call(
      Type.Object({ endpoint: Type.String(), credential: Type.Optional(Credential) }),
      Type.Composite([Probed, Type.Object({ possible: Type.Boolean() })]),
      { safe: true },
    ),
  },
});
