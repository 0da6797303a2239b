/** Transcripts: trees of entries that only grow (see `schema.ts` for how they are kept). */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import { type Entry, type NewEntry, sessionErrors, type sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { type Message, messageText } from "@pincer/plugin-sdk/message";
import type { Statement, Store } from "../../store/store.ts";
import { byKey, type createCatalog, refuseUnknown } from "./catalog.ts";

interface EntryRow extends Omit<Entry, "message" | "runId"> {
  readonly runId: string | null;
  /** The message's JSON; without its large values when `whole` has them. */
  readonly body: string;
  readonly whole: string | null;
}
type Place = { readonly branch: number | null; readonly seq: number };

type PathQuery = Omit<Parameters<ImplementationOf<typeof sessions>["path"]>[0], "key">;

/** ?1 key, ?2 id, ?3 explicit parent, ?4 whether it is explicit, ?5 which of these ids needs which parent to be there, ?6 what the entry holds. */
const appendSql = `
insert into session_entry (transcript, session, branch, seq, id, parent, parent_branch, parent_seq, depth, kind, role, runId, at, body, text, whole)
select t.id, s.id,
  case when p.id is null or exists (select 1 from session_entry n where n.transcript = t.id and n.branch = p.branch and n.seq > p.seq)
    then t.last_seq + 1 else p.branch end,
  t.last_seq + 1, ?2, p.id, p.branch, p.seq, coalesce(p.depth, 0) + 1, ?6, ?7, ?8, ?9, ?10, ?11, ?12
from session s join session_transcript t on t.sessionId = s.sessionId
left join session_entry p on p.session = s.id and p.transcript = t.id and p.id = case when ?4 then ?3 else t.leaf_id end
where s.key = ?1 and not exists (
  select 1 from json_each(?5) m where not exists (select 1 from session_entry e where e.session = s.id and e.id = m.key)
    and not exists (select 1 from session_entry e where e.session = s.id and e.transcript = t.id and e.id = m.value))
on conflict (session, id) do nothing
returning id, parent, seq`;

const headSql = `
select t.id as transcript, t.leaf_branch as branch, t.leaf_seq as seq, t.leaf_depth as depth
from session s join session_transcript t on t.session = s.id and t.sessionId = coalesce(?2, s.sessionId) where s.key = ?1`;

const columns = "id, parent, seq, kind, runId, at, body";
const idsSql = `
select ${columns.replaceAll(/\w+/g, "e.$&")}, e.whole from session s join session_entry e on e.session = s.id
where s.key = ? and e.id in (select value from json_each(?))`;

/** ?1 transcript, ?2 branch, ?3 the newest seq, ?4 whether from the last summary on, ?5 whether only texts, ?6 how many. */
const rangeSql = (whole: string) => `
select ${columns}, ${whole} from session_entry where transcript = ?1 and branch = ?2 and seq <= ?3
and seq >= case when ?4 then coalesce((select max(seq) from session_entry where transcript = ?1 and branch = ?2 and seq <= ?3 and kind = 'summary'), 0) else 0 end
and (?5 = 0 or text is not null) order by seq desc limit ?6`;

const forkSql = `
select parent_branch as branch, parent_seq as seq from session_entry where transcript = ?1 and branch = ?2 and seq = ?2 and parent_branch is not null`;

const shownChars = 1_000;

/** The JSON of a message without its long strings, when it has more than `inlineBytes` characters: an image, a huge tool result. */
const withoutLarge = (message: Message, json: string, inlineBytes: number): string =>
  json.length <= inlineBytes
    ? json
    : JSON.stringify(message, (name, value) => {
        if (typeof value !== "string" || value.length <= inlineBytes / 16) return value;
        return name === "data" ? "" : `${value.slice(0, shownChars).toWellFormed()}…`;
      });

const entryOf = ({ id, parent, seq, kind, at, runId, body, whole }: EntryRow): Entry => ({
  ...{ id, parent, seq, kind, at, message: JSON.parse(whole ?? body) as Message },
  ...(runId !== null && { runId }),
});

export function createTranscripts(store: Store, clock: Clock, inlineBytes: () => number, keep: ReturnType<typeof createCatalog>["keep"]) {
  return {
    /** One transaction. `fresh` are those that were not there before. Throws `SESSION_UNKNOWN` and `SESSION_ENTRY_ORPHAN`; then nothing was appended. */
    async append(key: string, given: readonly NewEntry[]) {
      const at = clock.now();
      const asked = new Map<string, NewEntry>();
      const needed = new Map<string, string>();
      for (const entry of given) {
        if (typeof entry.parent === "string" && !asked.has(entry.parent)) needed.set(entry.id, entry.parent);
        if (!asked.has(entry.id)) asked.set(entry.id, entry);
      }
      const parents = JSON.stringify(Object.fromEntries(needed));
      const statements = given.map(({ id, parent, kind, message, runId = null }): Statement => {
        const json = JSON.stringify(message);
        const body = withoutLarge(message, json, inlineBytes());
        const text = kind === "message" ? messageText(message) : null;
        const place = [parent ?? null, parent === undefined ? 0 : 1, parents];
        return [appendSql, key, id, ...place, kind, message.role, runId, at, body, text, body === json ? null : json];
      });
      const written = await store.write(...statements, [byKey, key]);
      const record = keep(written.pop()![0]) ?? refuseUnknown(key);
      const places = written.flat() as Pick<Entry, "id" | "parent" | "seq">[];
      const fresh = places.map((place): Entry => ({ ...asked.get(place.id)!, ...place, at }));
      const known = fresh.length < asked.size ? await store.read<EntryRow>(idsSql, key, JSON.stringify([...asked.keys()])) : [];
      const held = new Map([...known.map(entryOf), ...fresh].map((entry) => [entry.id, entry]));
      const orphaned = `nothing was appended to ${key}: not every parent in ${parents} is in its transcript`;
      if (held.size < asked.size) throw sessionErrors.SESSION_ENTRY_ORPHAN(orphaned);
      return { entries: given.map(({ id }) => held.get(id)!), fresh, record };
    },

    /** A copy without its large values. */
    lightened(message: Message): Message {
      return JSON.parse(withoutLarge(message, JSON.stringify(message), inlineBytes()));
    },

    /** The conversation, newest last; `total` counts all of it. Empty when there is no such session. */
    async path(key: string, query: PathQuery): Promise<{ entries: Entry[]; total: number }> {
      const { limit = Number.MAX_SAFE_INTEGER, before = Number.MAX_SAFE_INTEGER, fromSummary, sessionId, omitLarge, texts } = query;
      const [head] = await store.read<Place & { transcript: number; depth: number }>(headSql, key, sessionId ?? null);
      const found: EntryRow[] = [];
      for (let at: Place | undefined = head; head && at && at.branch !== null; ) {
        const range = [head.transcript, at.branch, Math.min(at.seq, before - 1), fromSummary ? 1 : 0, texts ? 1 : 0, limit - found.length];
        found.push(...(await store.read<EntryRow>(rangeSql(omitLarge ? "null as whole" : "whole"), ...range)));
        if (found.length >= limit || (fromSummary && found.at(-1)?.kind === "summary")) break;
        [at] = await store.read<Place>(forkSql, head.transcript, at.branch);
      }
      return { entries: found.reverse().map(entryOf), total: head?.depth ?? 0 };
    },
  };
}
