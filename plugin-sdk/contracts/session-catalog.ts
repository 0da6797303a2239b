/** Every session of the gateway, for those who list, find and search them. Facets have the values that their plugins declare as defaults. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Session } from "./sessions.ts";

const text = Type.Optional(Type.String());
const flag = Type.Optional(Type.Boolean());
/** As a client writes it: `agentId` says whose a key without an agent is. */
export const WrittenKey = { key: Type.String(), agentId: text };

/** Absent filters let all pass. */
export const SessionQuery = Type.Object({
  archived: flag,
  agentId: text,
  agentIds: Type.Optional(Type.Array(Type.String())),
  keys: Type.Optional(Type.Array(Type.String())),
  label: text,
  owner: flag,
  parentSessionKey: text,
  createdBy: text,
  /** The beginning of a session id. */
  shortId: text,
  /** Something runs in it now. */
  running: Type.Optional(Type.Literal(true)),
  updatedSince: Type.Optional(Type.Integer()),
  interactedSince: Type.Optional(Type.Integer()),
  /** Part of a key, label or title. */
  search: text,
  /** Part of a label or title. */
  named: Type.Optional(Type.String({ minLength: 3 })),
  orderBy: Type.Optional(Type.Union([Type.Literal("updatedAt"), Type.Literal("lastInteractionAt")])),
  ownerFirst: flag,
  limit: Type.Integer({ minimum: 1 }),
  offset: Type.Optional(Type.Integer({ minimum: 0 })),
});
export type SessionQuery = Static<typeof SessionQuery>;

export const SearchQuery = Type.Object({
  text: Type.String(),
  keys: Type.Optional(Type.Array(Type.String())),
  agentId: text,
  limit: Type.Integer({ minimum: 1 }),
});
export type SearchQuery = Static<typeof SearchQuery>;

export const SearchHit = Type.Object({
  sessionKey: Type.String(),
  sessionId: Type.String(),
  messageId: Type.String(),
  role: Type.String(),
  timestamp: Type.Integer(),
  snippet: Type.String(),
  score: Type.Number(),
});
export type SearchHit = Static<typeof SearchHit>;

export const sessionCatalog = defineContract({
  id: "session-catalog",
  version: 1,
  arity: "one",
  scope: "operator.read",
  members: {
    /** The canonical key, and the session when there is one. Throws `SESSION_KEY_INVALID`. */
    find: call(
      Type.Object(WrittenKey),
      Type.Object({ key: Type.String(), agentId: Type.String(), session: Type.Union([Session, Type.Null()]) }),
      { safe: true },
    ),
    /** Newest first; `total` counts all that pass. */
    list: call(SessionQuery, Type.Object({ sessions: Type.Array(Session), total: Type.Integer() }), { safe: true }),
    /** Of the newest messages that hold every word, the last one as far as it was typed, the best first. */
    search: call(SearchQuery, Type.Object({ hits: Type.Array(SearchHit) }), { safe: true }),
  },
});
