/** The events of conversations (`protocol` sections 5.1 and 5.2). */
import { defineEvent } from "@pincer/plugin-sdk/event";
import { type Static, Type } from "@sinclair/typebox";

const seq = Type.Integer({ minimum: 0 });
const runId = Type.String({ minLength: 1 });
const sessionKey = Type.String({ minLength: 1 });
const agentId = Type.String({ minLength: 1 });

export const agentEvent = defineEvent({
  name: "agent",
  summary: "What a run is doing: its life, its text, its tools.",
  scope: "operator.read",
  payload: Type.Object({
    runId,
    stream: Type.String({ minLength: 1 }),
    data: Type.Record(Type.String(), Type.Unknown()),
    seq,
    ts: Type.Integer({ minimum: 0 }),
    sessionKey,
    sessionId: Type.Optional(Type.String()),
    agentId,
  }),
});

export const ErrorKind = Type.Union([
  Type.Literal("refusal"),
  Type.Literal("timeout"),
  Type.Literal("rate_limit"),
  Type.Literal("context_length"),
  Type.Literal("unknown"),
]);
export type ErrorKind = Static<typeof ErrorKind>;

/** The assistant's message as clients show it while it grows and when it is done. */
const ShownMessage = Type.Object({
  role: Type.Literal("assistant"),
  content: Type.Array(Type.Object({ type: Type.Literal("text"), text: Type.String() })),
  timestamp: Type.Integer(),
  /** The answer to a command, not the model's. */
  command: Type.Optional(Type.Boolean()),
});
type ShownMessage = Static<typeof ShownMessage>;

const common = { runId, sessionKey, agentId, seq };
const message = Type.Optional(ShownMessage);

export const chatEvent = defineEvent({
  name: "chat",
  summary: "A run as a conversation shows it: growing text, and exactly one end.",
  scope: "operator.read",
  payload: Type.Union([
    Type.Object({
      ...common,
      state: Type.Literal("status"),
      phase: Type.Literal("preparing_context"),
    }),
    Type.Object({
      ...common,
      state: Type.Literal("delta"),
      deltaText: Type.String(),
      message: ShownMessage,
      replace: Type.Optional(Type.Boolean()),
    }),
    Type.Object({
      ...common,
      state: Type.Literal("final"),
      message,
      stopReason: Type.Optional(Type.String()),
      usage: Type.Optional(Type.Unknown()),
    }),
    Type.Object({
      ...common,
      state: Type.Literal("aborted"),
      message,
      stopReason: Type.String(),
      errorMessage: Type.Optional(Type.String()),
    }),
    Type.Object({ ...common, state: Type.Literal("error"), message, errorMessage: Type.String(), errorKind: ErrorKind }),
  ]),
});
export type ChatPayload = Static<typeof chatEvent.payload>;

export const sessionOperation = defineEvent({
  name: "session.operation",
  summary: "A compaction of a session begins or ends.",
  scope: "operator.read",
  payload: Type.Object({
    operationId: Type.String({ minLength: 1 }),
    operation: Type.Literal("compact"),
    phase: Type.Union([Type.Literal("start"), Type.Literal("end")]),
    sessionKey,
    agentId,
    ts: Type.Integer(),
    completed: Type.Optional(Type.Boolean()),
    reason: Type.Optional(Type.String()),
  }),
});

export const shownText = (text: string, timestamp: number): ShownMessage => ({
  role: "assistant",
  content: [{ type: "text", text }],
  timestamp,
});
