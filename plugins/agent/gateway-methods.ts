/** The part of the gateway's own methods that the agent calls. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

export const sessionsReset = defineMethod({
  name: "sessions.reset",
  summary: "Begins an empty transcript.",
  scope: "operator.admin",
  params: Type.Object({
    key: Type.String(),
    reason: Type.Union([Type.Literal("new"), Type.Literal("reset")]),
    expectedSessionId: Type.String(),
  }),
  result: Type.Object({ ok: Type.Boolean() }),
});

export const modelsList = defineMethod({
  name: "models.list",
  summary: "The models that can be chosen.",
  scope: "operator.read",
  params: Type.Object({ agentId: Type.Optional(Type.String()) }),
  result: Type.Object({ models: Type.Array(Type.Unknown()) }),
});
