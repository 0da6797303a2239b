/** The kernel's sessions and transcripts, as plugins see them. Writes keep the order in which they were called. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Message } from "../message.ts";

export const Session = Type.Object({
  /** Canonical: `agent:<agent>:<rest>`. */
  key: Type.String(),
  agentId: Type.String(),
  /** Changes at every reset. */
  sessionId: Type.String(),
  owner: Type.Boolean(),
  label: Type.Union([Type.String(), Type.Null()]),
  createdAt: Type.Integer(),
  updatedAt: Type.Integer(),
  archived: Type.Boolean(),
  facets: Type.Record(Type.String(), Type.Unknown()),
});
export type Session = Static<typeof Session>;

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
  members: {
    /** Makes the session when it does not exist. `main` and `agent:<id>` are resolved to canonical keys. */
    ensure: call(
      Type.Object({ key, owner: Type.Optional(Type.Boolean()), facets: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
      Session,
      { safe: true },
    ),
    get: call(Type.Object({ key }), Type.Union([Session, Type.Null()]), { safe: true }),
    /** Sets facets (null clears); counters named in `add` grow by that much. */
    patch: call(
      Type.Object({
        key,
        label: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        facets: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
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
