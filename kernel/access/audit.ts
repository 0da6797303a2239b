/**
 * Who did what, when, to what, and with which outcome: a chain of keyed hashes in the store, whose ends are anchored in a file outside
 * it. Without the key nobody can write, change or leave out an entry unseen; nor, without the file too, take entries off either end.
 */
import { readFile } from "node:fs/promises";
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { AuditEntry } from "@pincer/plugin-sdk/contracts/audit";
import { errorMessage } from "@pincer/plugin-sdk/error";
import { createQueue } from "@pincer/plugin-sdk/queue";
import { keyed, sameSecret } from "@pincer/plugin-sdk/tokens";
import { replaceFile } from "../../store/private-file.ts";
import type { Statement, Store } from "../../store/store.ts";
import type { Keys } from "./keys.ts";

export const auditSchema = `
  create table access_audit (seq integer primary key, at integer not null, principal text not null, action text not null,
    body text not null, mac text not null) strict;`;

type AuditVerdict = { readonly ok: true; readonly entries: number } | { readonly ok: false; readonly seq: number; readonly reason: string };

export type Audit = ReturnType<typeof createAudit>;

export interface Link {
  readonly seq: number;
  readonly mac: string;
}
/** `base` is the last entry that retention took away, `head` the newest one. */
interface Anchor {
  readonly base: Link;
  readonly head: Link;
}
type Stored = Link & { readonly at: number; readonly principal: string; readonly action: string; readonly body: string };

const genesis: Link = { seq: 0, mac: "" };
const most = 1_000;

export function createAudit(store: Store, clock: Clock, log: Logger, keys: Pick<Keys, "anchorPath" | "derive">, maxRows: () => number) {
  const key = keys.derive("audit");
  const inTurn = createQueue();
  /** What waits for the batch before it, to be written in one commit. */
  let waiting: { readonly entries: AuditEntry[]; readonly kept: Promise<void> } | undefined;
  let anchor: Anchor | undefined;

  const chain = (before: string, { seq, at, principal, action, body }: Omit<Stored, "mac">) =>
    keyed(key, before, String(seq), String(at), principal, action, body);
  const seal = ({ base, head }: Anchor) => keyed(key, "anchor", String(base.seq), base.mac, String(head.seq), head.mac);
  const save = (next: Anchor) => replaceFile(keys.anchorPath, JSON.stringify({ ...next, seal: seal(next) }));

  async function readAnchor(): Promise<Anchor | undefined> {
    try {
      const { base, head, seal: sealed } = JSON.parse(await readFile(keys.anchorPath, "utf8"));
      return sameSecret(sealed, seal({ base, head })) ? { base, head } : undefined;
    } catch {
      return undefined; // silent-ok: a missing or damaged anchor is evidence, which verify names and open keeps
    }
  }

  /** Goes on behind the newest entry. A broken end is kept as a gap in the numbers, which stays to be seen. */
  async function open(): Promise<Anchor> {
    const saved = await readAnchor();
    const [last] = await store.read<Stored>("select * from access_audit order by seq desc limit 1");
    if (!saved && !last) {
      // Before the first entry: a crash behind that would look as if somebody had taken the anchor away.
      const empty = { base: genesis, head: genesis };
      return save(empty).then(() => empty);
    }
    const head = last ?? saved?.base ?? genesis;
    if (saved && head.seq >= saved.head.seq) return { base: saved.base, head };
    log.error("audit.broken", { anchor: keys.anchorPath, expected: saved?.head.seq, found: head.seq });
    return { base: saved?.base ?? genesis, head: { seq: Math.max(head.seq, saved?.head.seq ?? 0) + 1, mac: head.mac } };
  }

  async function write(given?: readonly AuditEntry[]): Promise<void> {
    const entries = given ?? waiting?.entries ?? [];
    if (!given) waiting = undefined;
    const { base, head: last } = anchor ?? (await open());
    let head = last;
    // Behind a failure it is looked for again.
    anchor = undefined;
    const rows = entries.map(({ principal, action, agent, resources, outcome, once }) => {
      const row = { seq: head.seq + 1, at: clock.now(), principal, action, body: JSON.stringify({ agent, resources, outcome, once }) };
      head = { seq: row.seq, mac: chain(head.mac, row) };
      return { ...row, mac: head.mac };
    });
    await store.write(...rows.map((row): Statement => ["insert into access_audit values (?, ?, ?, ?, ?, ?)", ...Object.values(row)]));
    anchor = { base, head };
    try {
      await save(anchor);
      if (head.seq - base.seq > maxRows() * 1.1) await trim(head, head.seq - maxRows());
    } catch (error) {
      // The entries are kept; an anchor that is behind is caught up with by the next.
      log.error("audit.anchor-behind", { anchor: keys.anchorPath, error: errorMessage(error) });
    }
  }

  /** The anchor moves first: a crash in between leaves entries that nobody needs, never a chain without its beginning. */
  async function trim(head: Link, until: number): Promise<void> {
    const [base] = await store.read<Link>("select seq, mac from access_audit where seq <= ? order by seq desc limit 1", until);
    if (!base) return;
    anchor = { base, head };
    await save(anchor);
    await store.write(["delete from access_audit where seq <= ?", base.seq]);
  }

  const isKept = "select 1 from access_audit where body ->> 'once' = ?";
  const append = ({ once, ...entry }: AuditEntry): Promise<void> => {
    // Looked for in its turn: it may be appended again before it is kept.
    if (once) return inTurn(async () => void ((await store.read(isKept, once))[0] ?? (await write([{ ...entry, once }]))));
    waiting ??= { entries: [], kept: inTurn(() => write()) };
    waiting.entries.push(entry);
    return waiting.kept;
  };

  return {
    /** Resolves when the entry is durable. */
    append,
    /** For what is done whether or not the log can be kept: somebody who was let in is not turned away because the disk is full. */
    note: (entry: AuditEntry): void =>
      void append(entry).catch((error) => log.error("audit.append-failed", { action: entry.action, error: errorMessage(error) })),
    /** Resolves when every entry so far is durable, or has been reported as lost. */
    settled: (): Promise<void> => inTurn(async () => undefined),

    /** Names the first entry that is missing or not as it was written. */
    async verify(): Promise<AuditVerdict> {
      const bad = (seq: number, reason: string): AuditVerdict => ({ ok: false, seq, reason });
      const saved = await readAnchor();
      let { seq, mac } = saved?.base ?? genesis;
      const from = seq;
      for (;;) {
        const rows = await store.read<Stored>("select * from access_audit where seq > ? order by seq limit ?", seq, most);
        if (rows[0] && !saved) return bad(rows[0].seq, `${keys.anchorPath} is missing, or was not written with this home's key`);
        for (const row of rows) {
          if (row.seq !== seq + 1) return bad(seq + 1, "the entry is missing");
          if (row.mac !== chain(mac, row)) return bad(row.seq, "the entry is not as it was written, or what stood before it is missing");
          ({ seq, mac } = row);
        }
        if (rows.length < most) break;
      }
      return saved && seq < saved.head.seq ? bad(seq + 1, "the entry is missing from the end") : { ok: true, entries: seq - from };
    },

    /** Newest first; the last `seq` of a page asks for the next. */
    async page({ before = Number.MAX_SAFE_INTEGER, limit = 100 } = {}): Promise<(AuditEntry & Pick<Stored, "seq" | "at">)[]> {
      const rows = await store.read<Stored>("select * from access_audit where seq < ? order by seq desc limit ?", before, limit);
      return rows.map(({ seq, at, principal, action, body }) => ({ seq, at, principal, action, ...JSON.parse(body) }));
    },
  };
}
