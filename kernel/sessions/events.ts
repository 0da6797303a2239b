/** The events of sessions, and who receives them. */
import { type Entry, EntryKind } from "@pincer/plugin-sdk/contracts/sessions";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { Type } from "@sinclair/typebox";
import { SessionRow } from "./row.ts";

export const allTopic = "sessions";
export const topicOf = (key: string) => `session:${key}`;

const text = Type.Optional(Type.String());

/** A message of a transcript, and where it stands there. Large values are left out: an image then has empty `data`. */
export const TranscriptMessage = Type.Object({
  role: Type.String(),
  content: Type.Unknown(),
  timestamp: Type.Integer(),
  __openclaw: Type.Object({
    id: Type.String(),
    seq: Type.Integer(),
    runId: text,
    recordTimestampMs: Type.Integer(),
    /** Absent for an ordinary message. */
    kind: Type.Optional(EntryKind),
  }),
});

export const wireMessage = ({ id, seq, kind, message, runId, at }: Entry) => ({
  ...message,
  __openclaw: { id, seq, recordTimestampMs: at, ...(runId !== undefined && { runId }), ...(kind !== "message" && { kind }) },
});

export const sessionsChanged = defineEvent({
  name: "sessions.changed",
  summary: "A session was made, changed or removed, or something in it began or ended.",
  scope: "operator.read",
  payload: Type.Object({
    sessionKey: Type.String(),
    agentId: Type.String(),
    reason: text,
    phase: text,
    runId: text,
    ts: Type.Integer(),
    session: Type.Optional(SessionRow),
  }),
});

export const sessionMessage = defineEvent({
  name: "session.message",
  summary: "A message was added to a transcript.",
  scope: "operator.read",
  payload: Type.Object({
    sessionKey: Type.String(),
    agentId: Type.String(),
    sessionId: Type.String(),
    messageId: Type.String(),
    messageSeq: Type.Integer(),
    message: TranscriptMessage,
    session: SessionRow,
  }),
});
