/** Finding sessions: the list with its filters, references that people type, and search in what was said. */
import { type Static, Type } from "@sinclair/typebox";
import type { Param, Store } from "../store/store.ts";
import type { SessionRecord } from "./row.ts";

const word = Type.Optional(Type.String({ minLength: 1 }));
const flag = (description = "") => Type.Optional(Type.Boolean({ description }));

export const ListParams = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    offset: Type.Optional(Type.Integer({ minimum: 0 })),
    activeMinutes: Type.Optional(Type.Integer({ minimum: 1 })),
    activeOnly: flag("Only sessions in which something runs now."),
    requireLastInteraction: flag("Only sessions in which somebody has written."),
    sortBy: Type.Optional(Type.Union([Type.Literal("updatedAt"), Type.Literal("lastInteractionAt")])),
    includeGlobal: flag("Taken for compatibility: there is no global session here."),
    includeUnknown: flag("Taken for compatibility: every session here has an agent."),
    includePeople: flag("Taken for compatibility: one owner uses a gateway."),
    configuredAgentsOnly: flag(),
    includeDerivedTitles: flag(),
    includeLastMessage: flag(),
    label: word,
    boardFace: Type.Optional(Type.Union([Type.Literal("chat"), Type.Literal("dashboard")])),
    creatorId: word,
    ownerId: word,
    involvingProfileId: word,
    involvingMe: flag(),
    ownerFirst: flag("The owner's own sessions first."),
    spawnedBy: word,
    agentId: word,
    search: Type.Optional(Type.String({ maxLength: 512 })),
    archived: Type.Optional(Type.Union([Type.Boolean(), Type.Literal("all")])),
  },
  { additionalProperties: false },
);
export type ListParams = Static<typeof ListParams>;

export interface ListView {
  readonly now: number;
  readonly running: readonly string[];
  readonly agentIds: readonly string[] | undefined;
  readonly limit: number;
}

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

/** A text as one phrase of FTS5, in which nothing is an operator. */
const phrase = (text: string) => `"${text.replaceAll("\0", "").replaceAll('"', '""')}"`;
/** Trigrams need three characters; shorter texts are looked for row by row. */
const shortestIndexed = 3;

function filters(params: ListParams, { now, running, agentIds }: ListView): { where: string; values: Param[] } {
  const clauses: string[] = [];
  const values: Param[] = [];
  const and = (clause: string, ...bound: Param[]) => {
    clauses.push(clause);
    values.push(...bound);
  };
  if (params.archived !== "all") and("archived = ?", params.archived ? 1 : 0);
  if (params.agentId !== undefined) and("agentId = ?", params.agentId);
  if (params.configuredAgentsOnly && agentIds) and("agentId in (select value from json_each(?))", JSON.stringify(agentIds));
  if (params.activeMinutes !== undefined) and("updatedAt >= ?", now - params.activeMinutes * 60_000);
  if (params.activeOnly) and("key in (select value from json_each(?))", JSON.stringify(running));
  if (params.requireLastInteraction) and("lastInteractionAt is not null");
  if (params.label !== undefined) and("label = ?", params.label);
  if (params.spawnedBy !== undefined) and("attributes ->> 'parentSessionKey' = ?", params.spawnedBy);
  if (params.boardFace === "dashboard") and("0");
  if (params.involvingMe) and("owner = 1");
  for (const person of [params.creatorId, params.ownerId, params.involvingProfileId]) {
    if (person !== undefined) and("attributes ->> 'createdBy' = ?", person);
  }
  const search = params.search?.trim() ?? "";
  if ([...search].length >= shortestIndexed) {
    and("id in (select rowid from session_name where session_name match ?)", phrase(search));
  } else if (search !== "") {
    and("instr(lower(concat_ws(char(10), key, label, title)), ?)", search.toLowerCase());
  }
  return { where: clauses.length > 0 ? `where ${clauses.join(" and ")}` : "", values };
}

export async function listSessions(store: Store, params: ListParams, view: ListView) {
  const { where, values } = filters(params, view);
  const time = params.sortBy === "lastInteractionAt" ? "lastInteractionAt" : "updatedAt";
  const order = `order by ${params.ownerFirst ? "owner desc, " : ""}${time} desc, id desc`;
  const offset = params.offset ?? 0;
  const records = await store.read<SessionRecord>(
    `select * from session ${where} ${order} limit ? offset ?`,
    ...values,
    view.limit,
    offset,
  );
  const [counted] = await store.read<{ count: number }>(`select count(*) as count from session ${where}`, ...values);
  return { records, totalCount: counted!.count };
}

export const mostCandidates = 10;

export interface Reference {
  readonly key?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly label?: string | undefined;
  readonly shortId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly spawnedBy?: string | undefined;
}

/** Sessions with that key, session id, label or beginning of a session id, newest first; one more than `mostCandidates` at most. */
export function resolveSessions(store: Store, { key, sessionId, label, shortId, agentId, spawnedBy }: Reference): Promise<SessionRecord[]> {
  return store.read<SessionRecord>(
    `select * from session where id in (
       select id from session where key = ?1 union select id from session where sessionId = ?2 union select id from session where label = ?3
       union select id from session where sessionId >= ?4 and sessionId < ?4 || '~')
     and agentId = coalesce(?5, agentId) and (?6 is null or attributes ->> 'parentSessionKey' = ?6) order by updatedAt desc limit ${mostCandidates + 1}`,
    ...[key ?? null, sessionId ?? null, label ?? null, shortId ?? null, agentId ?? null, spawnedBy ?? null],
  );
}

const hitColumns = "select s.key as sessionKey, t.sessionId as sessionId, e.id as messageId, e.role, e.at as timestamp";

/**
 * Messages that hold every word of the query, the last one as far as it was typed, best first; then sessions whose title holds the query,
 * shown by their first message.
 */
export async function searchMessages(
  store: Store,
  query: string,
  { keys, agentId, limit }: { readonly keys: readonly string[] | undefined; readonly agentId: string | undefined; readonly limit: number },
): Promise<SearchHit[]> {
  const words = query.match(/[\p{L}\p{N}\p{M}_]+/gu) ?? [];
  const among = `and (?2 is null or s.key in (select value from json_each(?2))) and s.agentId = coalesce(?3, s.agentId)`;
  const bound = [keys ? JSON.stringify(keys) : null, agentId ?? null, limit] as const;
  const said =
    words.length === 0
      ? []
      : await store.read<SearchHit>(
          `${hitColumns}, snippet(session_text, 0, '', '', '…', 24) as snippet, -bm25(session_text) as score
           from session_text join session_entry e on e.entry = session_text.rowid join session s on s.id = e.session
           join session_transcript t on t.id = e.transcript where session_text match ?1 ${among} order by rank limit ?4`,
          ...[`${words.map(phrase).join(" ")} *`, ...bound],
        );
  const title = query.trim();
  if (said.length >= limit || [...title].length < shortestIndexed) return said;
  const titled = await store.read<SearchHit>(
    `${hitColumns}, coalesce(s.label, s.title) as snippet, 0.0 as score
     from session_name join session s on s.id = session_name.rowid
     join session_transcript t on t.sessionId = s.sessionId
     join session_entry e on e.transcript = t.id and e.branch = 1 and e.seq = 1 and e.role in ('user', 'assistant')
     where session_name match ?1 ${among} order by s.updatedAt desc limit ?4`,
    ...[`{label title} : ${phrase(title)}`, ...bound],
  );
  const seen = new Set(said.map(({ sessionKey }) => sessionKey));
  return [...said, ...titled.filter(({ sessionKey }) => !seen.has(sessionKey))].slice(0, limit);
}
