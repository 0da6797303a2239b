/** The kernel's sessions: what plugins use, what the wire offers, and the sweep of what has fallen idle. */
import type { Logger } from "@pincer/plugin-sdk";
import type { Clock } from "@pincer/plugin-sdk/clock";
import type { ImplementationOf } from "@pincer/plugin-sdk/contract";
import type { sessions } from "@pincer/plugin-sdk/contracts/sessions";
import type { TurnRequest } from "@pincer/plugin-sdk/contracts/turn";
import { errorMessage } from "@pincer/plugin-sdk/error";
import type { GatewayEvent } from "@pincer/plugin-sdk/event";
import { type Static, Type } from "@sinclair/typebox";
import type { Emit, MethodBinding } from "../bus/bindings.ts";
import type { Param, Store } from "../store/store.ts";
import { checkFacets, createCatalog } from "./catalog.ts";
import { allTopic, sessionMessage, sessionsChanged, topicOf, wireMessage } from "./events.ts";
import { listSessions } from "./find.ts";
import { parseKey, type SessionKey } from "./keys.ts";
import { readingMethods } from "./reading.ts";
import { type Facets, type Running, rowOf, type SessionRecord, type SessionRow, sessionOf } from "./row.ts";
import { createTranscripts } from "./transcript.ts";
import { writingMethods } from "./writing.ts";

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
    inlineBytes: positive(1_000_000, "Characters of a message's JSON above which its long values are kept beside it."),
    listLimit: positive(100, "Sessions on a page when the client does not say."),
    listLimitMax: positive(1_000, "Sessions on a page at most."),
  },
  { additionalProperties: false, default: {} },
);
export type SessionsConfig = Static<typeof SessionsConfig>;

export interface SessionsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  settings(): SessionsConfig;
  readonly emit: Emit;
  subscribe(connectionId: string, topic: string): void;
  unsubscribe(connectionId: string, topic: string): void;
  facets(): Facets;
  defaultAgentId(): string;
  /** Called before a session is reset or deleted, and once it has fallen idle: whatever holds something for it lets go. */
  readonly hooks: { ended(key: string, reason: "reset" | "deleted" | "idle"): Promise<void> };
  /** Agents that are configured, for a filter of sessions.list; without it the filter lets all pass. */
  readonly agentIds?: () => readonly string[];
  /** What holds for sessions that chose nothing, such as the default model: `defaults` of sessions.list. */
  readonly defaults?: () => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
  /** Begins a turn, when a plugin offers turns; a repeated `runId` is the same run. */
  readonly startTurn?: (request: TurnRequest) => Promise<{ readonly runId: string }>;
}

/** What the methods share. */
export interface Room extends SessionsDeps {
  readonly catalog: ReturnType<typeof createCatalog>;
  readonly transcripts: ReturnType<typeof createTranscripts>;
  readonly running: ReadonlyMap<string, Running>;
  keyOf(written: string, agentId?: string): SessionKey;
  row(record: SessionRecord, view?: { includeDerivedTitles?: boolean; includeLastMessage?: boolean }): SessionRow;
  /** Tells subscribers; without a `record` the session is gone. */
  changed(key: string, agentId: string, what: { reason?: string; phase?: string; runId?: string }, record?: SessionRecord): void;
}

export interface Sessions {
  readonly contract: ImplementationOf<typeof sessions>;
  readonly methods: readonly MethodBinding[];
  readonly events: readonly GatewayEvent[];
  /** Marks sessions that have fallen idle; answers with how many. */
  sweep(): Promise<number>;
  /** How many there are, and the latest of them. */
  recent(
    limit: number,
    agentId?: string,
  ): Promise<{ readonly count: number; readonly recent: readonly { readonly key: string; readonly updatedAt: number }[] }>;
  /** Sweeps on the clock until disposed. */
  startSweeping(): Disposable;
}

const phases = new Set(["start", "model", "end"]);
/** How a run ended, by what is said of it; whatever else is said counts as done. */
const endings: Readonly<Record<string, string>> = {
  error: "failed",
  failed: "failed",
  aborted: "killed",
  killed: "killed",
  timeout: "timeout",
};
const shown = { includeDerivedTitles: true, includeLastMessage: true };

export function createSessions(deps: SessionsDeps): Sessions {
  const { store, clock, log, emit, settings, facets } = deps;
  const catalog = createCatalog(store);
  const transcripts = createTranscripts({ store, clock, inlineBytes: () => settings().inlineBytes });
  const running = new Map<string, Running>();
  const keyOf: Room["keyOf"] = (written, agentId) => parseKey(written, deps.defaultAgentId(), agentId);
  const row: Room["row"] = (record, view) =>
    rowOf(record, { now: clock.now(), facets: facets(), running: running.get(record.key), ...view });
  const changed: Room["changed"] = (key, agentId, what, record) =>
    emit(sessionsChanged, () => ({ sessionKey: key, agentId, ...what, ts: clock.now(), ...(record && { session: row(record, shown) }) }), {
      topics: [allTopic, topicOf(key)],
    });

  const contract: Sessions["contract"] = {
    async ensure({ key, owner, facets: initial = {} }) {
      await checkFacets(initial, facets());
      const { record, created } = await catalog.ensure(keyOf(key), { owner, facets: initial }, clock.now());
      if (created) changed(record.key, record.agentId, { reason: "create" }, record);
      return sessionOf(record);
    },
    async get({ key }) {
      const record = await catalog.find(keyOf(key).key);
      return record ? sessionOf(record) : null;
    },
    async patch({ key, label, facets: set = {}, add = {} }) {
      await checkFacets({ ...set, ...add }, facets());
      const columns: Record<string, Param> = label === undefined ? {} : { label };
      const record = await catalog.change(keyOf(key).key, { columns, facets: set, add });
      changed(record.key, record.agentId, { reason: "patch" }, record);
      return {};
    },
    async append({ key: written, entries: given }) {
      const { key, agentId } = keyOf(written);
      const { entries, fresh } = await transcripts.append(key, given);
      const record = fresh.length > 0 ? await catalog.find(key) : undefined;
      if (!record) return { entries };
      let session: SessionRow | undefined;
      for (const entry of fresh) {
        const payload = () => {
          session ??= row(record, shown);
          const { sessionId } = record;
          return { sessionKey: key, agentId, sessionId, session, messageId: entry.id, messageSeq: entry.seq, message: wireMessage(entry) };
        };
        emit(sessionMessage, payload, { topics: [allTopic, topicOf(key)] });
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
      const record = await catalog.find(key);
      if (!record) return {};
      if (runIds.length === 0 && before) {
        const ended = { status: endings[reason] ?? "done", startedAt: before.startedAt, endedAt: now };
        record.attributes = JSON.stringify({ ...JSON.parse(record.attributes), ...ended });
        // Shown from memory now, so that the end of a turn does not wait for this commit.
        const lost = (error: unknown) => log.warn("sessions.run-not-kept", { key, error: errorMessage(error) });
        catalog.change(key, { attributes: ended }).catch(lost);
      }
      const runId = runIds[0] ?? before?.runIds[0];
      const what = { [phases.has(reason) ? "phase" : "reason"]: reason, ...(runId !== undefined && { runId }) };
      changed(key, agentId, what, record);
      return {};
    },
  };

  const sweep = async () => {
    const { idleMs, sweepSize } = settings();
    for (let swept = 0; idleMs > 0; ) {
      const records = await catalog.fallIdle(clock.now() - idleMs, [...running.keys()], clock.now(), sweepSize);
      for (const record of records) {
        await deps.hooks.ended(record.key, "idle");
        changed(record.key, record.agentId, { reason: "idle" }, record);
      }
      swept += records.length;
      if (records.length < sweepSize) return swept;
    }
    return 0;
  };

  const room: Room = { ...deps, catalog, transcripts, running, keyOf, row, changed };
  return {
    contract,
    methods: [...readingMethods(room), ...writingMethods(room)],
    events: [sessionsChanged, sessionMessage],
    sweep,
    async recent(limit, agentId) {
      const { records, totalCount } = await listSessions(store, agentId === undefined ? {} : { agentId }, {
        now: clock.now(),
        running: [],
        agentIds: undefined,
        limit,
      });
      return { count: totalCount, recent: records.map(({ key, updatedAt }) => ({ key, updatedAt })) };
    },
    startSweeping: () =>
      clock.every(settings().sweepMs, () => {
        sweep().catch((error) => log.warn("sessions.sweep-failed", { error: errorMessage(error) }));
      }),
  };
}
