/** The part of the gateway's own methods that the agent calls. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const Row = Type.Record(Type.String(), Type.Unknown());

export const sessionsDescribe = defineMethod({
  name: "sessions.describe",
  summary: "One session's row.",
  scope: "operator.read",
  params: Type.Object({ key: Type.String() }),
  result: Type.Object({ session: Type.Union([Row, Type.Null()]) }),
});

export const sessionsResolve = defineMethod({
  name: "sessions.resolve",
  summary: "The key of a session that is named otherwise.",
  scope: "operator.read",
  params: Type.Object({ sessionId: Type.String(), allowMissing: Type.Boolean() }),
  result: Type.Object({ ok: Type.Boolean(), key: Type.Optional(Type.String()) }),
});

export const sessionsReset = defineMethod({
  name: "sessions.reset",
  summary: "Begins an empty transcript.",
  scope: "operator.admin",
  params: Type.Object({ key: Type.String(), reason: Type.Union([Type.Literal("new"), Type.Literal("reset")]) }),
  result: Type.Object({ ok: Type.Boolean() }),
});

export const modelsList = defineMethod({
  name: "models.list",
  summary: "The models that can be chosen.",
  scope: "operator.read",
  params: Type.Object({ agentId: Type.Optional(Type.String()) }),
  result: Type.Object({ models: Type.Array(Type.Unknown()) }),
});
