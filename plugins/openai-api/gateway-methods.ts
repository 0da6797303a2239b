/** The part of the gateway's own methods and events that this plugin needs. */
import { defineEvent } from "@pincer/plugin-sdk/event";
import { Usage } from "@pincer/plugin-sdk/message";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const text = Type.Optional(Type.String());

export const agentMethod = defineMethod({
  name: "agent",
  summary: "Runs a turn.",
  scope: "operator.write",
  params: Type.Object({
    message: Type.String(),
    idempotencyKey: Type.String(),
    agentId: text,
    sessionKey: text,
    model: text,
    user: text,
    thinking: text,
    extraSystemPrompt: text,
    attachments: Type.Optional(Type.Array(Type.Object({ mimeType: text, fileName: text, content: Type.String() }))),
  }),
  result: Type.Object({
    status: Type.String(),
    summary: Type.String(),
    result: Type.Object({
      payloads: Type.Array(Type.Object({ text: Type.String() })),
      meta: Type.Object({ stopReason: Type.String(), refusal: text, agentMeta: Type.Object({ usage: Type.Optional(Usage) }) }),
    }),
  }),
});

export const chatAbort = defineMethod({
  name: "chat.abort",
  summary: "Stops a run.",
  scope: "operator.write",
  params: Type.Object({ sessionKey: Type.String(), runId: Type.String() }),
  result: Type.Object({ ok: Type.Literal(true) }),
});

export const modelsList = defineMethod({
  name: "models.list",
  summary: "The models that can be chosen.",
  scope: "operator.read",
  params: Type.Object({}),
  result: Type.Object({ models: Type.Array(Type.Object({ id: Type.String(), provider: Type.String() })) }),
});

export const chatEvent = defineEvent({
  name: "chat",
  summary: "A run as a conversation shows it.",
  scope: "operator.read",
  payload: Type.Object({
    runId: Type.String(),
    state: Type.String(),
    deltaText: text,
    replace: Type.Optional(Type.Boolean()),
    errorKind: text,
  }),
});
