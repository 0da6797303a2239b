/** The kernel's sessions and transcripts, as plugins see them. Writes keep the order in which they were called. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { defineErrors } from "../error.ts";
import { Message } from "../message.ts";

export const sessionErrors = defineErrors({
  SESSION_UNKNOWN: { message: "there is no such session", wire: "INVALID_REQUEST" },
  SESSION_FIELD_INVALID: { message: "a field of the session cannot be set like this", wire: "INVALID_REQUEST" },
  SESSION_ENTRY_ORPHAN: { message: "an entry names a parent that this session's transcript does not hold", wire: "INVALID_REQUEST" },
  SESSION_CHANGED: { message: "the session was reset or replaced since it was last read", wire: "INVALID_REQUEST" },
  SESSION_PROTECTED: { message: "this session cannot be deleted", wire: "INVALID_REQUEST" },
});

const time = Type.Union([Type.Integer(), Type.Null()]);
const words = Type.Union([Type.String(), Type.Null()]);
const values = Type.Record(Type.String(), Type.Unknown());

export const Session = Type.Object({
  /** Canonical: `agent:<agent>:<rest>`. */
  key: Type.String(),
  agentId: Type.String(),
  /** Changes at every reset. */
  sessionId: Type.String(),
  owner: Type.Boolean(),
  label: words,
  /** The beginning of what was said first, and of what was said last. */
  title: words,
  preview: words,
  createdAt: Type.Integer(),
  updatedAt: Type.Integer(),
  lastInteractionAt: time,
  repliedAt: time,
  /** 0: marked unread. */
  readAt: Type.Integer(),
  /** When the session fell idle; null while it is in use. */
  idleAt: time,
  archived: Type.Boolean(),
  /** What nothing is looked for by, but `parentSessionKey` and `createdBy`. */
  attributes: values,
  facets: values,
  /** What runs in it now. */
  run: Type.Union([Type.Object({ runIds: Type.Array(Type.String()), startedAt: Type.Integer() }), Type.Null()]),
});
export type Session = Static<typeof Session>;

/** What may be set of a session; null clears, what is absent stays. */
export const SessionChanges = Type.Object({
  label: Type.Optional(words),
  archived: Type.Optional(Type.Boolean()),
  readAt: Type.Optional(Type.Integer()),
  attributes: Type.Optional(values),
  facets: Type.Optional(values),
});
export type SessionChanges = Static<typeof SessionChanges>;

/**
 * `message`: one of the conversation. `summary`: stands for everything before it (compaction). `note`: shown to people, not to the model.
 * Entries are a tree: each has a parent, and the session's leaf is where the conversation goes on.
 */
export const EntryKind = Type.Union([Type.Literal("message"), Type.Literal("summary"), Type.Literal("note")]);

export const Entry = Type.Object({
  id: Type.String(),
  parent: Type.Union([Type.String(), Type.Null()]),
  /** Grows by one with each entry of a session. */
  seq: Type.Integer(),
  kind: EntryKind,
  message: Message,
  runId: Type.Optional(Type.String()),
  at: Type.Integer(),
});
export type Entry = Static<typeof Entry>;

export const NewEntry = Type.Object({
  /** Chosen by the caller, so that a replay appends nothing twice. */
  id: Type.String(),
  /** Absent: the session's leaf. */
  parent: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  kind: EntryKind,
  message: Message,
  runId: Type.Optional(Type.String()),
});
export type NewEntry = Static<typeof NewEntry>;

const key = Type.String();

export const sessions = defineContract({
  id: "sessions",
  version: 1,
  arity: "one",
  scope: "operator.write",
  members: {
    /** Makes the session when it does not exist. `main` and `agent:<id>` are resolved to canonical keys. */
    ensure: call(Type.Object({ key, owner: Type.Optional(Type.Boolean()), facets: Type.Optional(values) }), Session, { safe: true }),
    get: call(Type.Object({ key }), Type.Union([Session, Type.Null()]), { safe: true }),
    /** Sets facets (null clears); counters named in `add` grow by that much. */
    patch: call(
      Type.Object({
        key,
        label: Type.Optional(words),
        facets: Type.Optional(values),
        add: Type.Optional(Type.Record(Type.String(), Type.Number())),
      }),
      Type.Object({}),
    ),
    /** Appends in order, moves the leaf to the last, and tells subscribers (`session.message`). An id that exists is left as it is. */
    append: call(Type.Object({ key, entries: Type.Array(NewEntry) }), Type.Object({ entries: Type.Array(Entry) }), { safe: true }),
    /** The conversation from the leaf upwards, newest last: the path in the tree, from the last summary on when `fromSummary`. */
    path: call(
      Type.Object({
        key,
        limit: Type.Optional(Type.Integer()),
        before: Type.Optional(Type.Integer()),
        fromSummary: Type.Optional(Type.Boolean()),
        /** Of an earlier transcript of the session, from before a reset. */
        sessionId: Type.Optional(Type.String()),
        /** Does not read large values, so that a history with big images is quick: an image then has `data: ""`, a text its beginning. */
        omitLarge: Type.Optional(Type.Boolean()),
        /** Only messages that people read: of users and assistants, and with text. */
        texts: Type.Optional(Type.Boolean()),
      }),
      Type.Object({ entries: Type.Array(Entry), total: Type.Integer() }),
      { safe: true },
    ),
    /** Says what runs in a session, for rows and `sessions.changed`. */
    running: call(Type.Object({ key, runIds: Type.Array(Type.String()), reason: Type.String() }), Type.Object({}), { safe: true }),
  },
});
