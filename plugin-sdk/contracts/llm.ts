/** The one way to a model: resolves references and streams answers. The plain one is `models`; failover ranks higher. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, stream } from "../contract.ts";
import { ModelAnswer, ModelEvent, ModelInfo, ModelRequest } from "./provider.ts";

/** `model` may be absent (the configured default), an alias, an endpoint, or `endpoint/model`. */
export const ResolveRequest = Type.Object({ model: Type.Optional(Type.String()), agentId: Type.Optional(Type.String()) });
export type ResolveRequest = Static<typeof ResolveRequest>;

export const LlmRequest = Type.Composite([
  Type.Omit(ModelRequest, ["model", "credential"]),
  ResolveRequest,
  Type.Object({
    sessionKey: Type.Optional(Type.String()),
    runId: Type.Optional(Type.String()),
    /** The name of an auth profile, such as `openai:work`, to be tried first. */
    profile: Type.Optional(Type.String()),
  }),
]);
export type LlmRequest = Static<typeof LlmRequest>;

export const llm = defineContract({
  id: "llm",
  version: 1,
  arity: "one",
  record: Type.Object({}),
  members: {
    resolve: call(ResolveRequest, ModelInfo, { safe: true }),
    stream: stream(LlmRequest, ModelEvent, ModelAnswer),
  },
});
