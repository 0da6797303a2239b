/** The table of sessions: made, found, changed, reset, removed. */
import type { Facet } from "@pincer/plugin-sdk";
import { requireValid } from "@pincer/plugin-sdk/check";
import { type Session, type SessionChanges, sessionErrors } from "@pincer/plugin-sdk/contracts/sessions";
import type { SessionKey } from "@pincer/plugin-sdk/session-key";
import type { Param, Row, Statement, Store } from "../../store/store.ts";

export type Facets = ReadonlyMap<string, Facet>;
type Values = Readonly<Record<string, unknown>>;

/** A row of the table: what nothing is looked for by is JSON. */
export type SessionRecord = Omit<Session, "owner" | "archived" | "attributes" | "facets" | "run"> & {
  readonly id: number;
  readonly owner: number;
  readonly archived: number;
  readonly attributes: string;
  readonly facets: string;
};

/** `add` names counters among the facets, and how much they grow. */
type Settable = SessionChanges & { owner: boolean; add: Readonly<Record<string, number>> };
export type Changes = { readonly [K in keyof Settable]?: Settable[K] | undefined };

/** Throws `SESSION_FIELD_INVALID` for a facet that no plugin declares, or a value that its schema refuses; null, which clears, is fine. */
export function checkFacets(values: Values, facets: Facets): void {
  for (const [name, value] of Object.entries(values)) {
    const facet = facets.get(name);
    if (!facet) throw sessionErrors.SESSION_FIELD_INVALID(`no plugin declares the facet ${JSON.stringify(name)}`);
    if (value === null || value === undefined) continue;
    requireValid(facet.schema, value, (how) => sessionErrors.SESSION_FIELD_INVALID(`${name}: ${how}`));
  }
}

/** One statement for all that is set, since each costs as much as a row; none when there is nothing to set. */
function changing(key: string, changes: Changes): Statement | undefined {
  const set: string[] = [];
  const params: Param[] = [];
  const path = (name: string) => `$."${name}"`;
  for (const column of ["label", "owner", "archived", "readAt"] as const) {
    const value = changes[column];
    if (value === undefined) continue;
    set.push(`${column} = ?`);
    params.push(typeof value === "boolean" ? Number(value) : value);
  }
  for (const column of ["attributes", "facets"] as const) {
    const values = Object.entries(changes[column] ?? {}).filter(([, value]) => value !== undefined);
    const gone = values.filter(([, value]) => value === null);
    const kept = values.filter(([, value]) => value !== null);
    const added = Object.entries((column === "facets" && changes.add) || {});
    if (values.length + added.length === 0) continue;
    // One call for all, since each reads and writes the whole.
    const places = `${", ?, json(?)".repeat(kept.length)}${", ?, coalesce(facets ->> ?, 0) + ?".repeat(added.length)}`;
    set.push(`${column} = json_set(json_remove(${column}${", ?".repeat(gone.length)})${places})`);
    params.push(...gone.map(([name]) => path(name)), ...kept.flatMap(([name, value]) => [path(name), JSON.stringify(value)]));
    params.push(...added.flatMap(([name, amount]) => [path(name), path(name), amount]));
  }
  return set.length === 0 ? undefined : [`update session set ${set.join(", ")} where key = ? returning *`, ...params, key];
}

export const byKey = "select * from session where key = ?";
const addTranscript = `insert into session_transcript (sessionId, session, createdAt) select sessionId, id, ? from session where sessionId = ?`;

const mostKnown = 256;
export function createCatalog(store: Store) {
  /** Rows as their last writes left them, in the order of the commits: what is asked for has mostly just been written. */
  const known = new Map<string, SessionRecord>();
  const keep = (record: Row | undefined): SessionRecord | undefined => {
    if (known.size >= mostKnown) known.clear();
    if (record) known.set(String(record.key), record as unknown as SessionRecord);
    return record as unknown as SessionRecord | undefined;
  };
  const find = async (key: string) => known.get(key) ?? (await store.read<SessionRecord>(byKey, key))[0];
  const change = async (key: string, changes: Changes): Promise<SessionRecord> => {
    const statement = changing(key, changes);
    return (statement ? keep((await store.write(statement))[0]![0]) : await find(key)) ?? refuseUnknown(key);
  };

  return {
    find,
    change,
    /** To be called where a write is awaited, and nowhere later. */
    keep,
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
      const record = keep(rows![0])!;
      return { record, created: record.sessionId === sessionId };
    },
    /** Begins another transcript; the old one is kept. What is chosen for the session by then stays, what plugins measured in it goes. */
    async reset(record: SessionRecord, facets: Facets, now: number): Promise<SessionRecord> {
      const sessionId = crypto.randomUUID();
      const names = [...facets.keys(), ...Object.keys(JSON.parse(record.facets))].filter((name) => !facets.get(name)?.patch);
      const [rows] = await store.write(
        [
          `update session set sessionId = ?1, title = null, preview = null, updatedAt = ?2, readAt = ?2, lastInteractionAt = null,
           repliedAt = null, idleAt = null, facets = json_remove(facets${names.map((_, at) => `, ?${at + 5}`).join("")}),
           attributes = json_set(json_remove(attributes, '$.status', '$.startedAt', '$.endedAt'), '$.previousSessionId', sessionId)
           where key = ?3 and sessionId = ?4 returning *`,
          ...[sessionId, now, record.key, record.sessionId, ...names.map((name) => `$."${name}"`)],
        ],
        [addTranscript, now, sessionId],
      );
      return keep(rows![0]) ?? refuseReplaced(record.key);
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
      known.delete(key);
      return keepTranscripts ? kept!.map((row) => String(row.sessionId)) : [];
    },
  };
}

/** Marks what nobody has used since `before` as idle, at most `limit`. */
export const fallIdle = (before: number, busy: readonly string[], now: number, limit: number): Statement => [
  `update session set idleAt = ?1 where id in (select id from session where idleAt is null and updatedAt < ?2
   and key not in (select value from json_each(?3)) order by updatedAt limit ?4) returning *`,
  ...[now, before, JSON.stringify(busy), limit],
];

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
