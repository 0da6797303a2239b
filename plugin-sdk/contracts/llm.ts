/** The one way to a model: resolves references and streams answers. The plain one is `models`; failover ranks higher. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional, stream } from "../contract.ts";
import { EmbedAnswer, EmbedRequest, ModelAnswer, ModelEvent, ModelInfo, ModelRequest } from "./provider.ts";

/** `model` may be absent (the configured default), an alias, an endpoint, or `endpoint/model`. */
export const ResolveRequest = Type.Object({ model: Type.Optional(Type.String()), agentId: Type.Optional(Type.String()) });
export type ResolveRequest = Static<typeof ResolveRequest>;

const Caller = Type.Object({
  sessionKey: Type.Optional(Type.String()),
  runId: Type.Optional(Type.String()),
  /** The name of an auth profile, such as `openai:work`, to be tried first. */
  profile: Type.Optional(Type.String()),
});

export const LlmRequest = Type.Composite([Type.Omit(ModelRequest, ["model", "credential"]), ResolveRequest, Caller]);
export type LlmRequest = Static<typeof LlmRequest>;

export const LlmEmbedRequest = Type.Composite([Type.Omit(EmbedRequest, ["credential"]), Caller]);
export type LlmEmbedRequest = Static<typeof LlmEmbedRequest>;

export const llm = defineContract({
  id: "llm",
  version: 1,
  arity: "one",
  record: Type.Object({}),
  members: {
    resolve: call(ResolveRequest, ModelInfo, { safe: true }),
    stream: stream(LlmRequest, ModelEvent, ModelAnswer),
    /** The end of a `stream` that nobody reads before it, at less cost. What only events tell, such as probabilities, is not in it. */
    answer: optional(call(LlmRequest, ModelAnswer)),
    /** A vector for each text. A model's provider that makes none is a `failure` of class `bad-request`. */
    embed: optional(call(LlmEmbedRequest, EmbedAnswer, { safe: true })),
  },
});
