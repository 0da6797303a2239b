/** Finding sessions: the list with its filters, and search in what was said. */
import type { SearchHit, SearchQuery, SessionQuery } from "@pincer/plugin-sdk/contracts/session-catalog";
import type { Param, Store } from "../../store/store.ts";
import type { SessionRecord } from "./catalog.ts";

/** A text as one phrase of FTS5, in which nothing is an operator. */
const phrase = (text: string) => `"${text.replaceAll("\0", "").replaceAll('"', '""')}"`;
/** Trigrams need three characters; shorter texts are looked for row by row. */
const shortestIndexed = 3;

const oneOf = (column: string) => `${column} in (select value from json_each(?))`;
/** What the table of counts can tell, then what only the sessions themselves can. */
const counted = { archived: "archived = ?", agentId: "agentId = ?" };
const filters = {
  ...counted,
  agentIds: oneOf("agentId"),
  keys: oneOf("key"),
  busy: oneOf("key"),
  label: "label = ?",
  owner: "owner = ?",
  parentSessionKey: "attributes ->> 'parentSessionKey' = ?",
  createdBy: "attributes ->> 'createdBy' = ?",
  updatedSince: "updatedAt >= ?",
  interactedSince: "lastInteractionAt >= ?",
  shortId: "id in (select id from session, (select ? as start) where sessionId >= start and sessionId < start || '~')",
  named: "id in (select rowid from session_name where session_name match ?)",
  indexed: "id in (select rowid from session_name where session_name match ?)",
  short: "instr(lower(concat_ws(char(10), key, label, title)), ?)",
};

/** Newest first, and how many there are. `busy` are the keys of sessions in which something runs. */
export async function listSessions(store: Store, query: SessionQuery, busy: readonly string[]) {
  const { running, search, named, orderBy = "updatedAt", ownerFirst, limit, offset = 0, ...plain } = query;
  const text = search?.trim() ?? "";
  const isIndexed = [...text].length >= shortestIndexed;
  const asked = Object.entries({
    ...plain,
    busy: running && busy,
    named: named && `{label title} : ${phrase(named)}`,
    indexed: isIndexed ? phrase(text) : undefined,
    short: isIndexed || text === "" ? undefined : text.toLowerCase(),
  }).filter(([, value]) => value !== undefined);
  const where = ["true", ...asked.map(([name]) => filters[name as keyof typeof filters])].join(" and ");
  const values = asked.map(
    ([, value]): Param => (typeof value === "object" ? JSON.stringify(value) : typeof value === "boolean" ? Number(value) : value!),
  );
  const order = `${ownerFirst ? "owner desc, " : ""}${orderBy} desc, id desc`;
  const page = `select * from session where ${where} order by ${order} limit ? offset ?`;
  const records = await store.read<SessionRecord>(page, ...values, limit, offset);
  const count = asked.every(([name]) => name in counted)
    ? "coalesce(sum(count), 0) as total from session_count"
    : "count(*) as total from session";
  const [counts] = await store.read<{ total: number }>(`select ${count} where ${where}`, ...values);
  return { records, total: counts!.total };
}

/** A message in the index, and where it was said: ?1 the words, ?2 the keys of sessions, ?3 the agent. */
const matches = `session_text join session_entry e on e.entry = session_text.rowid join session s on s.id = e.session
  where session_text match ?1 and (?2 is null or s.key in (select value from json_each(?2))) and s.agentId = coalesce(?3, s.agentId)`;
const searchSql = `
select s.key as sessionKey, (select sessionId from session_transcript where id = e.transcript) as sessionId, e.id as messageId, e.role,
  e.at as timestamp, snippet(session_text, 0, '', '', '…', 24) as snippet, -bm25(session_text) as score
from ${matches} and session_text.rowid >= (select min(entry) from (select e.entry from ${matches} order by session_text.rowid desc limit ?5))
order by rank limit ?4`;

/** The newest `ranked` messages that hold every word of the text, the last one as far as it was typed, best first. */
export async function searchMessages(store: Store, { text, keys, agentId, limit }: SearchQuery, ranked: number): Promise<SearchHit[]> {
  const words = text.match(/[\p{L}\p{N}\p{M}_]+/gu) ?? [];
  if (words.length === 0) return [];
  const asked = [`${words.map(phrase).join(" ")} *`, keys ? JSON.stringify(keys) : null, agentId ?? null];
  return store.read<SearchHit>(searchSql, ...asked, limit, ranked);
}
