/** Transcripts: trees of entries that only grow (see `schema.ts` for how they are kept). */
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { Entry, NewEntry } from "@pincer/plugin-sdk/contracts/sessions";
import { type Message, messageText } from "@pincer/plugin-sdk/message";
import type { Statement, Store } from "../store/store.ts";
import { splitLarge, withLarge } from "./body.ts";
import { refuseUnknown } from "./catalog.ts";
import { sessionErrors } from "./errors.ts";

type EntryRow = Omit<Entry, "message" | "runId"> & { entry: number; runId: string | null; body: string; blobs: string | null };

export interface PathQuery {
  readonly limit?: number;
  readonly before?: number;
  readonly fromSummary?: boolean;
  /** Of an earlier transcript of the session, from before a reset. */
  readonly sessionId?: string;
  /** Leaves large values empty instead of reading them. */
  readonly omitLarge?: boolean;
  /** Only messages that people read: of users and assistants, and with text. */
  readonly texts?: boolean;
}

const columns = "entry, id, parent, seq, kind, runId, at, body, blobs";

/** ?1 key, ?2 id, ?3 explicit parent, ?4 whether it is explicit, ?5 which of these ids needs which parent to be there, ?6 what the entry holds. */
const appendSql = `
insert into session_entry (transcript, session, branch, seq, id, parent, parent_branch, parent_seq, depth, kind, role, runId, at, body, text, blobs)
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
returning id, entry, parent, seq`;

const blobSql = `
insert or ignore into session_blob select e.entry, ?3, ?4 from session_entry e join session s on s.id = e.session where s.key = ?1 and e.id = ?2`;

const headSql = `
select t.id as transcript, t.leaf_branch as branch, t.leaf_seq as seq, t.leaf_depth as depth
from session s join session_transcript t on t.session = s.id and t.sessionId = coalesce(?2, s.sessionId) where s.key = ?1`;

const rangeSql = `
select ${columns} from session_entry where transcript = ?1 and branch = ?2 and seq between ?3 and ?4 and (?5 = 0 or text is not null)
order by seq desc limit ?6`;

const idsSql = `
select ${columns.replaceAll(/\w+/g, "e.$&")} from session s join session_entry e on e.session = s.id
where s.key = ? and e.id in (select value from json_each(?))`;

const summarySql = "select max(seq) as seq from session_entry where transcript = ?1 and branch = ?2 and seq <= ?3 and kind = 'summary'";

const forkSql = `
select parent_branch as branch, parent_seq as seq from session_entry where transcript = ?1 and branch = ?2 and seq = ?2 and parent_branch is not null`;

type Head = { transcript: number; branch: number | null; seq: number; depth: number };

export function createTranscripts({ store, clock, inlineBytes }: { store: Store; clock: Clock; inlineBytes(): number }) {
  const entryOf = ({ entry: _, body, blobs: __, runId, ...row }: EntryRow, message = JSON.parse(body) as Message): Entry => ({
    ...row,
    message,
    ...(runId !== null && { runId }),
  });

  const wholeEntry = async (row: EntryRow): Promise<Entry> => {
    if (row.blobs === null) return entryOf(row);
    const blobs = await store.read<{ value: string }>("select value from session_blob where entry = ? order by slot", row.entry);
    return entryOf(row, withLarge(JSON.parse(row.body), JSON.parse(row.blobs), blobs));
  };

  /** The branches of a path from the leaf upwards, each with the newest seq of it that is on the path. */
  async function* ranges(head: Head, before = Number.MAX_SAFE_INTEGER) {
    let at: Pick<Head, "branch" | "seq"> | undefined = head;
    while (at && at.branch !== null) {
      const branch: number = at.branch;
      if (before > branch) yield { branch, newest: Math.min(at.seq, before - 1) };
      [at] = await store.read<Head>(forkSql, head.transcript, branch);
    }
  }

  return {
    /**
     * One transaction. `fresh` are those that were not there before, without their large values. Throws `SESSION_UNKNOWN` and
     * `SESSION_ENTRY_ORPHAN`; then nothing was appended.
     */
    async append(key: string, entries: readonly NewEntry[]): Promise<{ entries: Entry[]; fresh: Entry[] }> {
      const at = clock.now();
      const ids = new Set<string>();
      const needed = new Map<string, string>();
      for (const { id, parent } of entries) {
        if (parent !== undefined && parent !== null && !ids.has(parent)) needed.set(id, parent);
        ids.add(id);
      }
      const parents = JSON.stringify(Object.fromEntries(needed));
      const written = new Map<string, Pick<EntryRow, "kind" | "runId" | "at" | "body" | "blobs">>();
      const statements = entries.flatMap(({ id, parent, kind, message, runId = null }): Statement[] => {
        const { json: body, paths, values } = splitLarge(message, inlineBytes());
        const blobs = paths.length > 0 ? JSON.stringify(paths) : null;
        if (!written.has(id)) written.set(id, { kind, runId, at, body, blobs });
        const held = [kind, message.role, runId, at, body, kind === "message" ? messageText(message) : null];
        return [
          [appendSql, key, id, parent ?? null, parent === undefined ? 0 : 1, parents, ...held, blobs],
          ...values.map((value, slot): Statement => [blobSql, key, id, slot, value]),
        ];
      });
      const added = (await store.write(...statements)).flat() as Pick<EntryRow, "id" | "entry" | "parent" | "seq">[];
      const fresh = added.map((row): EntryRow => ({ ...row, ...written.get(row.id)! }));
      const known = fresh.length < ids.size ? await store.read<EntryRow>(idsSql, key, JSON.stringify([...ids])) : [];
      const held = new Map([...known, ...fresh].map((row) => [row.id, row]));
      if (held.size < ids.size) {
        if ((await store.read(headSql, key, null)).length === 0) refuseUnknown(key);
        throw sessionErrors.SESSION_ENTRY_ORPHAN(`nothing was appended to ${key}: not every parent in ${parents} is in its transcript`);
      }
      return {
        entries: await Promise.all(entries.map(({ id }) => wholeEntry(held.get(id)!))),
        fresh: fresh.map((row) => entryOf(row)),
      };
    },

    /** The conversation, newest last; `total` counts all of it. Empty when there is no such session. */
    async path(key: string, { limit = Number.MAX_SAFE_INTEGER, before, fromSummary, sessionId, omitLarge, texts }: PathQuery) {
      const [head] = await store.read<Head>(headSql, key, sessionId ?? null);
      const found: EntryRow[] = [];
      for await (const { branch, newest } of head ? ranges(head, before) : []) {
        const summaries = fromSummary ? await store.read<{ seq: number | null }>(summarySql, head!.transcript, branch, newest) : [];
        const oldest = summaries[0]?.seq ?? null;
        const range = [head!.transcript, branch, oldest ?? branch, newest, texts ? 1 : 0, limit - found.length];
        found.push(...(await store.read<EntryRow>(rangeSql, ...range)));
        if (oldest !== null || found.length >= limit) break;
      }
      const entries = omitLarge ? found.map((row) => entryOf(row)) : await Promise.all(found.map(wholeEntry));
      return { entries: entries.reverse(), total: head?.depth ?? 0 };
    },
  };
}
