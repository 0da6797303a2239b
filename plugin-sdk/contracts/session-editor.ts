/** Making, changing, emptying and removing any session, in the name of whoever asked for it. Subscribers of sessions are told. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import type { WireScope } from "../method.ts";
import { WrittenKey } from "./session-catalog.ts";
import { Session, SessionChanges } from "./sessions.ts";

const Values = Type.Optional(Type.Record(Type.String(), Type.Unknown()));
const text = Type.Optional(Type.String());
const flag = Type.Optional(Type.Boolean());

export const sessionEditor = defineContract({
  id: "session-editor",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    /** The facets that clients may set, and the scope that each asks for. */
    settable: call(Type.Object({}), Type.Object({ facets: Type.Record(Type.String(), Type.Unsafe<WireScope>(Type.String())) }), {
      safe: true,
    }),
    /**
     * Sets what is given, in a session that is made when there is none; null clears a label, an attribute or a facet. With `sessionId`,
     * throws `SESSION_CHANGED` when it has another. Throws `SESSION_FIELD_INVALID` for a facet that its plugin would not take.
     */
    change: call(
      Type.Object({
        ...WrittenKey,
        sessionId: text,
        /** Attributes that the session begins with when it is made. */
        made: Values,
        /** What subscribers are told; absent: `create` when it was made, else `patch`. */
        reason: text,
        ...SessionChanges.properties,
      }),
      Session,
      { safe: true },
    ),
    /** Stops what runs in it and begins an empty transcript under a new session id. Makes the session, and refuses, as `change` does. */
    reset: call(Type.Object({ ...WrittenKey, sessionId: text, made: Values, reason: Type.String() }), Session),
    /** Stops what runs in it and removes it; `kept` are the session ids of transcripts that stay. Throws `SESSION_PROTECTED`, `SESSION_CHANGED`. */
    remove: call(
      Type.Object({ ...WrittenKey, sessionId: text, archivedOnly: flag, keepTranscripts: flag }),
      Type.Object({ key: Type.String(), deleted: Type.Boolean(), kept: Type.Array(Type.String()) }),
    ),
  },
});
