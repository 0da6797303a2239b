/** The table of sessions: made, found, changed, reset, removed. */
import type { Facet } from "@pincer/plugin-sdk";
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import type { SessionDetails } from "@pincer/plugin-sdk/contracts/session-catalog";
import { defineErrors } from "@pincer/plugin-sdk/error";
import type { SessionKey } from "@pincer/plugin-sdk/session-key";
import type { Param, Statement, Store } from "../../store/store.ts";

export const sessionErrors = defineErrors({
  SESSION_UNKNOWN: { message: "there is no such session", wire: "INVALID_REQUEST" },
  SESSION_FIELD_INVALID: { message: "a field of the session cannot be set like this", wire: "INVALID_REQUEST" },
  SESSION_ENTRY_ORPHAN: { message: "an entry names a parent that this session's transcript does not hold", wire: "INVALID_REQUEST" },
  SESSION_CHANGED: { message: "the session was reset or replaced since it was last read", wire: "INVALID_REQUEST" },
  SESSION_PROTECTED: { message: "this session cannot be deleted", wire: "INVALID_REQUEST" },
});

export type Facets = ReadonlyMap<string, Facet>;
type Values = Readonly<Record<string, unknown>>;

/** A row of the table: what nothing is looked for by is JSON. */
export type SessionRecord = Omit<SessionDetails, "owner" | "archived" | "attributes" | "facets" | "run"> & {
  id: number;
  owner: number;
  archived: number;
  attributes: string;
  facets: string;
};

export interface Changes {
  /** As the table has them; absent ones stay. */
  readonly columns?: Readonly<Record<string, Param | undefined>>;
  /** Null clears, here and among the facets. */
  readonly attributes?: Values | undefined;
  readonly facets?: Values | undefined;
  /** Counters among the facets, and how much they grow. */
  readonly add?: Readonly<Record<string, number>> | undefined;
}

/** Throws `SESSION_FIELD_INVALID` for a facet that no plugin declares, or a value that its schema refuses; null, which clears, is fine. */
export async function checkFacets(values: Values, facets: Facets): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    const facet = facets.get(name);
    if (!facet) throw sessionErrors.SESSION_FIELD_INVALID(`no plugin declares the facet ${JSON.stringify(name)}`);
    const check = await checker(facet.schema);
    if (value === null || value === undefined || check.Check(value)) continue;
    throw sessionErrors.SESSION_FIELD_INVALID(`${name}: ${describeMismatch(mismatchOf(check, value))}`);
  }
}

/** One statement for all that is set, since each costs as much as a row. */
function changeStatements(key: string, { columns = {}, attributes = {}, facets = {}, add = {} }: Changes): Statement[] {
  const set: string[] = [];
  const params: Param[] = [];
  const path = (name: string) => `$."${name}"`;
  for (const [name, value] of Object.entries(columns)) {
    if (value === undefined) continue;
    set.push(`${name} = ?`);
    params.push(value);
  }
  for (const [column, values] of Object.entries({ attributes, facets })) {
    let json = column;
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      json = value === null ? `json_remove(${json}, ?)` : `json_set(${json}, ?, json(?))`;
      params.push(path(name), ...(value === null ? [] : [JSON.stringify(value)]));
    }
    for (const [name, amount] of Object.entries(column === "facets" ? add : {})) {
      json = `json_set(${json}, ?, coalesce(facets ->> ?, 0) + ?)`;
      params.push(path(name), path(name), amount);
    }
    if (json !== column) set.push(`${column} = ${json}`);
  }
  return set.length === 0 ? [] : [[`update session set ${set.join(", ")} where key = ?`, ...params, key]];
}

const byKey = "select * from session where key = ?";
const addTranscript = `insert into session_transcript (sessionId, session, createdAt) select sessionId, id, ? from session where sessionId = ?`;

export function createCatalog(store: Store) {
  const find = async (key: string): Promise<SessionRecord | undefined> => (await store.read<SessionRecord>(byKey, key))[0];
  const change = async (key: string, changes: Changes): Promise<SessionRecord> => {
    const statements = changeStatements(key, changes);
    const rows = statements.length > 0 ? (await store.write(...statements, [byKey, key])).at(-1)! : await store.read(byKey, key);
    return (rows[0] as SessionRecord | undefined) ?? refuseUnknown(key);
  };

  return {
    find,
    change,
    /** The session, made when it does not exist; `created` says whether it was. */
    async ensure({ key, agentId }: SessionKey, owner: boolean, attributes: Values, facets: Values, now: number) {
      const existing = await find(key);
      if (existing) return { record: existing, created: false };
      const sessionId = crypto.randomUUID();
      const [, , rows] = await store.write(
        [
          `insert into session (key, agentId, sessionId, owner, attributes, facets, createdAt, updatedAt, readAt)
           values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?7) on conflict (key) do nothing`,
          ...[key, agentId, sessionId, owner ? 1 : 0, JSON.stringify(attributes), JSON.stringify(facets), now],
        ],
        [addTranscript, now, sessionId],
        [byKey, key],
      );
      const record = rows![0] as SessionRecord;
      return { record, created: record.sessionId === sessionId };
    },
    /**
     * Begins another transcript under a new session id; the old one is kept under its own. What was chosen for the session stays, what
     * plugins measured in the old transcript goes.
     */
    async reset(record: SessionRecord, facets: Facets, now: number): Promise<SessionRecord> {
      const sessionId = crypto.randomUUID();
      const chosen = Object.entries(JSON.parse(record.facets)).filter(([name]) => facets.get(name)?.patch !== undefined);
      const [, , rows] = await store.write(
        [
          `update session set sessionId = ?1, title = null, preview = null, updatedAt = ?2, readAt = ?2, lastInteractionAt = null,
           repliedAt = null, idleAt = null, facets = ?3, attributes = json_set(json_remove(attributes, '$.status', '$.startedAt', '$.endedAt'),
           '$.previousSessionId', sessionId) where key = ?4 and sessionId = ?5`,
          ...[sessionId, now, JSON.stringify(Object.fromEntries(chosen)), record.key, record.sessionId],
        ],
        [addTranscript, now, sessionId],
        ["select * from session where sessionId = ?", sessionId],
      );
      return (rows![0] as SessionRecord | undefined) ?? refuseReplaced(record.key);
    },
    /** Removes the session, and its transcripts unless they are kept; answers with the session ids of those that are. */
    async remove({ id, key, sessionId }: SessionRecord, keepTranscripts: boolean): Promise<string[]> {
      const gone = "session = ? and not exists (select 1 from session where session.id = session)";
      const [removed, kept] = await store.write(
        ["delete from session where key = ? and sessionId = ? returning id", key, sessionId],
        ["select sessionId from session_transcript where session = ?", id],
        ...(keepTranscripts ? [] : ["session_entry", "session_transcript"]).map(
          (table): Statement => [`delete from ${table} where ${gone}`, id],
        ),
      );
      if (removed!.length === 0) refuseReplaced(key);
      return keepTranscripts ? kept!.map((row) => String(row.sessionId)) : [];
    },
    /** Marks what nobody has used since `before` as idle; at most `limit`, so that a long overdue sweep comes in pieces. */
    async fallIdle(before: number, busy: readonly string[], now: number, limit: number): Promise<SessionRecord[]> {
      const [rows] = await store.write([
        `update session set idleAt = ?1 where id in (select id from session where idleAt is null and updatedAt < ?2
         and key not in (select value from json_each(?3)) order by updatedAt limit ?4) returning *`,
        ...[now, before, JSON.stringify(busy), limit],
      ]);
      return rows as SessionRecord[];
    },
  };
}

export const refuseUnknown = (key: string): never => {
  throw sessionErrors.SESSION_UNKNOWN(`there is no session ${key}; sessions.list shows those that there are`);
};
/** Throws `SESSION_CHANGED` when a session id is expected and the session has another. */
export function requireSame(record: SessionRecord, sessionId: string | undefined): void {
  if (sessionId !== undefined && record.sessionId !== sessionId) refuseReplaced(record.key);
}
const refuseReplaced = (key: string): never => {
  throw sessionErrors.SESSION_CHANGED(`${key} was reset or deleted by somebody else in the meantime; read it again`);
};
