/** Sessions on the wire (`protocol` section 4.2): their rows, the messages of their transcripts, and the events about both. */
import { type Static, Type } from "@sinclair/typebox";
import { type Entry, EntryKind, type Session } from "../contracts/sessions.ts";
import { defineEvent } from "../event.ts";
import { parseKey } from "../session-key.ts";

/** What a connection subscribes to: every session, or one. */
export const allSessions = "sessions";
export const oneSession = (key: string) => `session:${key}`;
/** Who is told of what happens in a session. */
/** Those who follow a session together with what waits there for the owner's word. */
export const approvalsOf = (key: string) => `approvals:${key}`;
export const reviewersOf = (key: string) => ({ topics: [approvalsOf(key)] });
export const followersOf = (key: string) => ({ topics: [allSessions, oneSession(key)] });

const text = Type.Optional(Type.String());
const time = Type.Optional(Type.Integer());

/** Facets and attributes stand beside these, under their own names. */
export const SessionRow = Type.Object({
  key: Type.String(),
  kind: Type.String(),
  agentId: Type.String(),
  sessionId: Type.String(),
  updatedAt: Type.Integer(),
  createdAt: Type.Integer(),
  label: text,
  displayName: text,
  derivedTitle: text,
  lastMessagePreview: text,
  classification: Type.String(),
  channel: text,
  accountId: text,
  isMain: Type.Boolean(),
  archived: Type.Boolean(),
  pinned: Type.Boolean(),
  unread: Type.Boolean(),
  lastInteractionAt: time,
  /** When the session fell idle; absent while it is in use. */
  idleAt: time,
  /** Of the newest run. */
  status: text,
  startedAt: time,
  endedAt: time,
  hasActiveRun: Type.Boolean(),
  activeRunIds: Type.Array(Type.String()),
  snapshotAt: Type.Integer(),
});
export type SessionRow = Static<typeof SessionRow>;

export interface RowView {
  readonly includeDerivedTitles?: boolean | undefined;
  readonly includeLastMessage?: boolean | undefined;
}

const oneLine = (value: string | null) => value?.replaceAll(/\s+/g, " ").trim();

/** Facets never hide what the kernel knows, but may say what kind of conversation it is. */
export function sessionRow(session: Session, now: number, { includeDerivedTitles, includeLastMessage }: RowView): SessionRow {
  const { owner: _, title, preview, repliedAt, readAt, run, attributes, facets, ...plain } = session;
  const { rest, isMain, conversation } = parseKey(plain.key, plain.agentId);
  const row = {
    kind: "direct",
    ...facets,
    displayName: plain.label,
    ...attributes,
    ...(run && { status: "running", startedAt: run.startedAt, endedAt: null }),
    ...plain,
    derivedTitle: includeDerivedTitles ? oneLine(title) : null,
    lastMessagePreview: includeLastMessage ? oneLine(preview) : null,
    classification: rest.split(":", 1)[0]!,
    channel: conversation?.channel,
    accountId: conversation?.account,
    isMain,
    archivedAt: plain.archived ? attributes["archivedAt"] : null,
    pinned: attributes["pinnedAt"] !== undefined,
    unread: readAt === 0 || (repliedAt ?? 0) > readAt,
    hasActiveRun: run !== null,
    activeRunIds: run?.runIds ?? [],
    snapshotAt: now,
  };
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null && value !== undefined)) as SessionRow;
}

const phases = new Set(["start", "model", "end"]);
/** What is said of a run, under the name that clients look for it by. */
export const phaseOrReason = (said: string) => (phases.has(said) ? { phase: said } : { reason: said });

const endings: Readonly<Record<string, string>> = {
  error: "failed",
  failed: "failed",
  aborted: "killed",
  killed: "killed",
  timeout: "timeout",
};
/** The status of a run that has ended, by what is said of it; whatever else is said counts as done. */
export const endedStatus = (said: string): string => endings[said] ?? "done";

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

export const transcriptMessage = ({ id, seq, kind, message, runId, at }: Entry) => ({
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
