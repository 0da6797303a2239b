/** The table of sessions: made, found, changed, reset, removed. */
import { checker, describeMismatch, mismatchOf } from "@pincer/plugin-sdk/check";
import type { Param, Statement, Store } from "../store/store.ts";
import { sessionErrors } from "./errors.ts";
import type { SessionKey } from "./keys.ts";
import type { Facets, SessionRecord } from "./row.ts";

type Values = Readonly<Record<string, unknown>>;

export interface Changes {
  readonly columns?: Readonly<Record<string, Param>>;
  /** Null clears, here and among the facets. */
  readonly attributes?: Values;
  readonly facets?: Values;
  /** Counters among the facets, and how much they grow. */
  readonly add?: Readonly<Record<string, number>>;
}

export interface NewSession {
  readonly owner?: boolean | undefined;
  readonly attributes?: Values;
  readonly facets?: Values;
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

/** One statement for all that is set, since each costs as much as a row. What grows comes behind what is set. */
function changeStatements(key: string, { columns = {}, attributes = {}, facets = {}, add = {} }: Changes): Statement[] {
  const update = (what: readonly string[], params: readonly Param[]): Statement[] =>
    what.length === 0 ? [] : [[`update session set ${what.join(", ")} where key = ?`, ...params, key]];
  const path = (name: string) => `$."${name}"`;
  const given = Object.entries(columns).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  const what = given.map(({ name }) => `${name} = ?`);
  const params: Param[] = given.map(({ value }) => value);
  for (const [column, values] of Object.entries({ attributes, facets })) {
    const cleared = Object.keys(values).filter((name) => values[name] === null);
    const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
    if (cleared.length + kept.length === 0) continue;
    const rest = cleared.length === 0 ? column : `json_remove(${column}${", ?".repeat(cleared.length)})`;
    what.push(`${column} = json_set(${rest}${", ?, json(?)".repeat(kept.length)})`);
    params.push(...cleared.map(path), ...kept.flatMap(([name, value]) => [path(name), JSON.stringify(value)]));
  }
  const counters = Object.entries(add);
  const grown = counters.map(() => "?, coalesce(facets ->> ?, 0) + ?").join(", ");
  return [
    ...update(what, params),
    ...update(
      counters.length === 0 ? [] : [`facets = json_set(facets, ${grown})`],
      counters.flatMap(([name, amount]) => [path(name), path(name), amount]),
    ),
  ];
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
    /** The session, made when it does not exist; `created` says whether it was. An owner that is said is kept, also later. */
    async ensure({ key, agentId, isMain }: SessionKey, { owner, attributes = {}, facets = {} }: NewSession, now: number) {
      const existing = await find(key);
      if (existing) {
        const differs = owner !== undefined && owner !== (existing.owner === 1);
        return { record: differs ? await change(key, { columns: { owner: owner ? 1 : 0 } }) : existing, created: false };
      }
      const sessionId = crypto.randomUUID();
      const [, , rows] = await store.write(
        [
          `insert into session (key, agentId, sessionId, owner, attributes, facets, createdAt, updatedAt, readAt)
           values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?7) on conflict (key) do nothing`,
          ...[key, agentId, sessionId, (owner ?? isMain) ? 1 : 0, JSON.stringify(attributes), JSON.stringify(facets), now],
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
export const refuseReplaced = (key: string): never => {
  throw sessionErrors.SESSION_CHANGED(`${key} was reset or deleted by somebody else in the meantime; read it again`);
};
