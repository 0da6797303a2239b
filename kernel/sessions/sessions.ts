/** The kernel's sessions: what plugins use, what happens to them is told to subscribers, and the sweep of what has fallen idle. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { sessionCatalog } from "@pincer/plugin-sdk/contracts/session-catalog";
import type { sessionEditor } from "@pincer/plugin-sdk/contracts/session-editor";
import { type Session, sessionErrors, type sessions } from "@pincer/plugin-sdk/contracts/sessions";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { Emit } from "@pincer/plugin-sdk/event";
import { parseKey, type SessionKey } from "@pincer/plugin-sdk/session-key";
import {
  endedStatus,
  followersOf,
  phaseOrReason,
  sessionMessage,
  sessionRow,
  sessionsChanged,
  transcriptMessage,
} from "@pincer/plugin-sdk/wire/session";
import { type Static, Type } from "@sinclair/typebox";
import type { Retention } from "../../store/retention.ts";
import type { Store } from "../../store/store.ts";
import { type Changes, checkFacets, createCatalog, type Facets, fallIdle, requireSame, type SessionRecord } from "./catalog.ts";
import { listSessions, searchMessages } from "./find.ts";
import { createTranscripts } from "./transcript.ts";

const positive = (fallback: number, description: string) => Type.Integer({ default: fallback, minimum: 1, description });

export const SessionsConfig = Type.Object(
  {
    idleMs: Type.Integer({
      default: 86_400_000,
      minimum: 0,
      description:
        "Milliseconds without a message after which a session falls idle and what it holds is let go; its transcript is kept. 0: never.",
    }),
    sweepMs: positive(3_600_000, "Milliseconds between looks for sessions that have fallen idle."),
    sweepSize: positive(500, "Sessions that one step of a sweep takes."),
    searchSize: positive(2_000, "Messages that a search compares: the newest that hold its words. To rank each takes a microsecond."),
    inlineBytes: positive(1_000_000, "Characters of a message's JSON above which its long values are kept beside it."),
  },
  { additionalProperties: false, default: {} },
);
export type SessionsConfig = Static<typeof SessionsConfig>;

export interface SessionsDeps {
  readonly store: Store;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly log: Logger;
  settings(): SessionsConfig;
  readonly emit: Emit;
  facets(): Facets;
  defaultAgentId(): string;
  /** Called before a session is reset or deleted, and once it has fallen idle: whatever holds something for it lets go. */
  ended(key: string, reason: "reset" | "deleted" | "idle"): Promise<void>;
}

export const sessionEvents = [sessionsChanged, sessionMessage];
export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(deps: SessionsDeps) {
  const { store, clock, log, settings, emit, facets, defaultAgentId, ended } = deps;
  const catalog = createCatalog(store);
  const transcripts = createTranscripts(store, clock, () => settings().inlineBytes, catalog.keep);
  const running = new Map<string, { readonly runIds: string[]; readonly startedAt: number }>();
  const keyOf = (written: string, agentId?: string): SessionKey => parseKey(written, defaultAgentId(), agentId);

  const sessionOf = ({ id: _, owner, archived, attributes, facets, ...plain }: SessionRecord, defaults: object): Session => ({
    ...{ ...plain, owner: owner === 1, archived: archived === 1, run: running.get(plain.key) ?? null },
    ...{ attributes: JSON.parse(attributes), facets: { ...defaults, ...JSON.parse(facets) } },
  });
  /** Of facets; the same for every session of a list. */
  const defaults = () =>
    Object.fromEntries([...facets()].flatMap(([name, { schema }]) => (schema.default === undefined ? [] : [[name, schema.default]])));
  const details = (record: SessionRecord): Session => sessionOf(record, defaults());
  const row = (record: SessionRecord) => sessionRow(details(record), clock.now(), { includeDerivedTitles: true, includeLastMessage: true });
  /** Tells subscribers; without a `record` the session is gone. */
  const changed = (key: string, agentId: string, what: { reason?: string; phase?: string; runId?: string }, record?: SessionRecord) => {
    const payload = () => ({ sessionKey: key, agentId, ...what, ts: clock.now(), ...(record && { session: row(record) }) });
    emit(sessionsChanged, payload, followersOf(key));
  };
  const change = async (key: string, changes: Changes, reason: string): Promise<SessionRecord> => {
    const record = await catalog.change(key, changes);
    changed(key, record.agentId, { reason }, record);
    return record;
  };
  /** For somebody who edits it: made when there is none, the owner's unless its key is a conversation of a channel. */
  const open = async (key: SessionKey, sessionId: string | undefined, made = {}) => {
    const opened = await catalog.ensure(key, key.conversation === undefined, made, {}, clock.now());
    requireSame(opened.record, sessionId);
    return opened;
  };

  /** Ends what runs in a session, then writes, in one step with having seen that nothing has begun meanwhile. What cannot be ended is let be. */
  const whenEnded = async <T>(key: string, reason: "reset" | "deleted", write: () => Promise<T>): Promise<T> => {
    for (let known: object | undefined; ; ) {
      await ended(key, reason);
      const left = running.get(key);
      if (left === undefined || left === known) return write();
      known = left;
    }
  };

  const contract: ImplementationOf<typeof sessions> = {
    async ensure({ key: written, owner, facets: initial = {} }) {
      checkFacets(initial, facets());
      const key = keyOf(written);
      const { record, created } = await catalog.ensure(key, owner ?? key.isMain, {}, initial, clock.now());
      if (created) changed(record.key, record.agentId, { reason: "create" }, record);
      // An owner that is said is kept, also later.
      const differs = owner !== undefined && owner !== (record.owner === 1);
      return sessionOf(differs ? await catalog.change(record.key, { owner }) : record, {});
    },
    async get({ key }) {
      const record = await catalog.find(keyOf(key).key);
      return record ? sessionOf(record, {}) : null;
    },
    async patch({ key, label, facets: set, add }) {
      checkFacets({ ...set, ...add }, facets());
      await change(keyOf(key).key, { label, facets: set, add }, "patch");
      return {};
    },
    async append({ key: written, entries: given }) {
      const { key, agentId } = keyOf(written);
      const { entries, fresh, record } = await transcripts.append(key, given);
      let session: ReturnType<typeof row> | undefined;
      for (const entry of fresh) {
        const payload = () => {
          session ??= row(record);
          const message = transcriptMessage({ ...entry, message: transcripts.lightened(entry.message) });
          const place = { sessionKey: key, agentId, sessionId: record.sessionId, messageId: entry.id, messageSeq: entry.seq };
          return { ...place, session, message };
        };
        emit(sessionMessage, payload, followersOf(key));
      }
      return { entries };
    },
    path: ({ key, ...query }) => transcripts.path(keyOf(key).key, query),
    async running({ key: written, runIds, reason }) {
      const { key, agentId } = keyOf(written);
      const before = running.get(key);
      const now = clock.now();
      if (runIds.length > 0) running.set(key, { runIds: [...runIds], startedAt: before?.startedAt ?? now });
      else running.delete(key);
      let record = await catalog.find(key);
      if (!record) return {};
      if (runIds.length === 0 && before) {
        const end = { status: endedStatus(reason), startedAt: before.startedAt, endedAt: now };
        record = { ...record, attributes: JSON.stringify({ ...JSON.parse(record.attributes), ...end }) };
        // Shown from memory now, so that the end of a turn does not wait for this commit.
        const lost = (error: unknown) => log.warn("sessions.run-not-kept", { key, error: errorMessage(error) });
        catalog.change(key, { attributes: end }).catch(lost);
      }
      const runId = runIds[0] ?? before?.runIds[0];
      changed(key, agentId, { ...phaseOrReason(reason), ...(runId !== undefined && { runId }) }, record);
      return {};
    },
  };

  const sessionsCatalog: ImplementationOf<typeof sessionCatalog> = {
    async find({ key: written, agentId: whose }) {
      const { key, agentId } = keyOf(written, whose);
      const record = await catalog.find(key);
      return { key, agentId, session: record ? details(record) : null };
    },
    async list(query) {
      const { records, total } = await listSessions(store, query, [...running.keys()]);
      const unset = defaults();
      return { sessions: records.map((record) => sessionOf(record, unset)), total };
    },
    search: async (query) => ({ hits: await searchMessages(store, query, settings().searchSize) }),
  };

  const editor: ImplementationOf<typeof sessionEditor> = {
    settable: async () => ({ facets: Object.fromEntries([...facets()].flatMap(([name, { patch }]) => (patch ? [[name, patch]] : []))) }),
    async change({ key, agentId, sessionId, made, reason, label, archived, readAt, attributes, facets: set }) {
      checkFacets(set ?? {}, facets());
      const { record, created } = await open(keyOf(key, agentId), sessionId, made);
      const changes = { label, archived, readAt, attributes, facets: set };
      return details(await change(record.key, changes, reason ?? (created ? "create" : "patch")));
    },
    async reset({ key, agentId, sessionId, made, reason }) {
      const { record: before } = await open(keyOf(key, agentId), sessionId, made);
      const record = await whenEnded(before.key, "reset", () => catalog.reset(before, facets(), clock.now()));
      changed(record.key, record.agentId, { reason }, record);
      return details(record);
    },
    async remove({ key: written, agentId: whose, sessionId, archivedOnly, keepTranscripts }) {
      const { key, isMain, agentId } = keyOf(written, whose);
      if (isMain) throw sessionErrors.SESSION_PROTECTED(`${key} is the main conversation and stays; sessions.reset empties it`);
      const record = await catalog.find(key);
      if (!record) return { key, deleted: false, kept: [] };
      requireSame(record, sessionId);
      if (archivedOnly && record.archived === 0) {
        throw sessionErrors.SESSION_PROTECTED(`${key} is not archived, and archivedOnly was asked for; archive it first`);
      }
      const kept = await whenEnded(key, "deleted", () => catalog.remove(record, keepTranscripts === true));
      changed(key, agentId, { reason: "delete" });
      return { key, deleted: true, kept };
    },
  };

  deps.retention.register({
    name: "sessions",
    everyMs: settings().sweepMs,
    sweep(now) {
      const { idleMs, sweepSize } = settings();
      return idleMs === 0 ? [] : [fallIdle(now - idleMs, [...running.keys()], now, sweepSize)];
    },
    async swept(rows) {
      for (const record of rows.map(catalog.keep) as SessionRecord[]) {
        await ended(record.key, "idle");
        changed(record.key, record.agentId, { reason: "idle" }, record);
      }
    },
  });

  return { contract, catalog: sessionsCatalog, editor };
}
