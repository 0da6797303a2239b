/** The methods that look at sessions. */
import { defineMethod, type Method, type MethodCall, type MethodHandler } from "@pincer/plugin-sdk/method";
import { type Static, type TObject, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { bindMethod, type MethodBinding } from "../bus/bindings.ts";
import { messageText } from "./body.ts";
import { refuseUnknown } from "./catalog.ts";
import { sessionErrors } from "./errors.ts";
import { allTopic, TranscriptMessage, topicOf, wireMessage } from "./events.ts";
import { ListParams, listSessions, mostCandidates, resolveSessions, SearchHit, searchMessages } from "./find.ts";
import { SessionRow } from "./row.ts";
import type { Room } from "./sessions.ts";

/** What the wire calls the place where sessions are kept. */
export const storePath = "store";

const text = Type.String();
const word = Type.String({ minLength: 1 });
const maybe = Type.Optional(word);
const flag = Type.Optional(Type.Boolean());
const upTo = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }));
const closed = { additionalProperties: false };
const one = { key: word, agentId: maybe };

const SessionList = Type.Object({
  ts: Type.Integer(),
  path: text,
  count: Type.Integer(),
  totalCount: Type.Integer(),
  limitApplied: Type.Integer(),
  nextOffset: Type.Union([Type.Integer(), Type.Null()]),
  hasMore: Type.Boolean(),
  owners: Type.Array(Type.Unknown()),
  defaults: Type.Record(text, Type.Unknown()),
  sessions: Type.Array(SessionRow),
});

const Subscription = Type.Object({ subscribed: Type.Boolean(), key: text });
const PreviewStatus = Type.Union([Type.Literal("ok"), Type.Literal("empty"), Type.Literal("missing")]);
const Preview = Type.Object({ key: text, status: PreviewStatus, items: Type.Array(Type.Object({ role: text, text })) });

const candidate = { key: word, agentId: word, displayName: Type.Optional(text) };
const Resolved = Type.Union([
  Type.Object({ ok: Type.Literal(true), ...candidate }, closed),
  Type.Object({ ok: Type.Literal(false), candidates: Type.Optional(Type.Array(Type.Object(candidate, closed))) }, closed),
]);
const references = { key: maybe, sessionId: maybe, label: maybe, shortId: maybe, reference: maybe };

const reading = <P extends TProperties, R extends TSchema>(
  name: string,
  summary: string,
  params: P,
  result: R,
  handler: (params: Static<TObject<P>>, call: MethodCall) => Static<R> | Promise<Static<R>>,
): MethodBinding => {
  const method: Method = defineMethod({ name, summary, scope: "operator.read", params: Type.Object(params, closed), result });
  return bindMethod(method, handler as MethodHandler<Method>);
};

export function readingMethods(room: Room) {
  const { catalog, transcripts, store, clock, keyOf, row } = room;

  const list = async (params: ListParams) => {
    const { listLimit, listLimitMax } = room.settings();
    const limit = Math.min(params.limit ?? listLimit, listLimitMax);
    const now = clock.now();
    const view = { now, running: [...room.running.keys()], agentIds: room.agentIds?.(), limit };
    const { records, totalCount } = await listSessions(store, params, view);
    const next = (params.offset ?? 0) + records.length;
    const hasMore = records.length > 0 && next < totalCount;
    return {
      ...{ ts: now, path: storePath, count: records.length, totalCount, limitApplied: limit, nextOffset: hasMore ? next : null, hasMore },
      owners: [],
      defaults: (await room.defaults?.()) ?? {},
      sessions: records.map((record) => row(record, params)),
    };
  };

  const keyIfAny = (written: string, agentId?: string): string | undefined => {
    try {
      return keyOf(written, agentId).key;
    } catch {
      return undefined; // silent-ok: a reference may be a label, which need not be a key
    }
  };

  const preview = async (written: string, limit: number, maxChars: number): Promise<Static<typeof Preview>> => {
    const { key } = keyOf(written);
    const { entries } = await transcripts.path(key, { limit, texts: true, omitLarge: true });
    const items = entries.map(({ message }) => {
      const said = messageText(message) ?? "";
      return { role: message.role, text: said.length > maxChars ? `${said.slice(0, maxChars - 1).toWellFormed()}…` : said };
    });
    return { key, status: items.length > 0 ? "ok" : (await catalog.find(key)) ? "empty" : "missing", items };
  };

  const topic = (params: { key: string; agentId?: string }, { connection }: MethodCall, subscribed: boolean) => {
    const { key } = keyOf(params.key, params.agentId);
    room[subscribed ? "subscribe" : "unsubscribe"](connection.id, topicOf(key));
    return { subscribed, key };
  };

  return [
    reading("sessions.list", "Sessions, newest first, with filters and pages.", ListParams.properties, SessionList, list),
    reading(
      "sessions.subscribe",
      "Events about every session for this connection; with the parameters of sessions.list, the list too.",
      ListParams.properties,
      Type.Object({ subscribed: Type.Literal(true), list: Type.Optional(SessionList) }),
      async (params, call) => {
        room.subscribe(call.connection.id, allTopic);
        return { subscribed: true as const, ...(Object.keys(params).length > 0 && { list: await list(params) }) };
      },
    ),
    reading(
      "sessions.messages.subscribe",
      "Events about one session for this connection.",
      { ...one, includeApprovals: flag },
      Subscription,
      (params, call) => topic(params, call, true),
    ),
    reading("sessions.messages.unsubscribe", "Ends sessions.messages.subscribe.", one, Subscription, (params, call) =>
      topic(params, call, false),
    ),
    reading(
      "sessions.describe",
      "The row of one session, or null.",
      { ...one, includeDerivedTitles: flag, includeLastMessage: flag },
      Type.Object({ session: Type.Union([SessionRow, Type.Null()]) }),
      async ({ key, agentId, ...view }) => {
        const record = await catalog.find(keyOf(key, agentId).key);
        return { session: record ? row(record, view) : null };
      },
    ),
    reading(
      "sessions.preview",
      "The newest messages of several sessions as short text.",
      { keys: Type.Array(word, { minItems: 1, maxItems: 100 }), limit: upTo(100), maxChars: upTo(10_000) },
      Type.Object({ ts: Type.Integer(), previews: Type.Array(Preview) }),
      async ({ keys, limit = 12, maxChars = 240 }) => ({
        ts: clock.now(),
        previews: await Promise.all(keys.map((key) => preview(key, limit, maxChars))),
      }),
    ),
    reading(
      "sessions.get",
      "The newest messages of a session, oldest first; with sessionId, of its transcript from before a reset.",
      { ...one, limit: upTo(1_000), sessionId: maybe },
      Type.Object({ messages: Type.Array(TranscriptMessage) }),
      async ({ key, agentId, limit = 200, sessionId }) => {
        const query = { limit, omitLarge: true, ...(sessionId !== undefined && { sessionId }) };
        const { entries } = await transcripts.path(keyOf(key, agentId).key, query);
        return { messages: entries.map(wireMessage) };
      },
    ),
    reading(
      "sessions.resolve",
      "The session that a key, session id, label, beginning of a session id, or any of these (reference) means.",
      { ...references, slugHint: maybe, agentId: maybe, spawnedBy: maybe, includeGlobal: flag, includeUnknown: flag, allowMissing: flag },
      Resolved,
      async ({ agentId, spawnedBy, allowMissing, ...params }) => {
        const given = Object.keys(references).flatMap((name) => params[name as keyof typeof references] ?? []);
        const [said = ""] = given;
        if (given.length !== 1) {
          const names = Object.keys(references).join(", ");
          throw sessionErrors.SESSION_FIELD_INVALID(`exactly one of ${names} was expected, ${given.length} came`);
        }
        const { reference, sessionId = reference, label = reference, shortId = reference } = params;
        const key = params.key === undefined ? reference && keyIfAny(reference, agentId) : keyOf(params.key, agentId).key;
        const found = await resolveSessions(store, { key, sessionId, label, shortId, agentId, spawnedBy });
        const candidates = found.slice(0, mostCandidates).map((record) => ({
          key: record.key,
          agentId: record.agentId,
          ...(record.label !== null && { displayName: record.label }),
        }));
        const [only, another] = candidates;
        if (!only) return allowMissing ? { ok: false as const } : refuseUnknown(said);
        return another ? { ok: false as const, candidates } : { ok: true as const, ...only };
      },
    ),
    reading(
      "sessions.search",
      "Messages that hold the words of a query, best first.",
      {
        query: Type.String({ minLength: 1, maxLength: 4_096 }),
        agentId: maybe,
        sessionKeys: Type.Optional(Type.Array(word, { minItems: 1, maxItems: 200 })),
        limit: upTo(25),
      },
      Type.Object({ results: Type.Array(SearchHit), truncated: flag }, closed),
      async ({ query, agentId, sessionKeys, limit = 10 }) => {
        const keys = sessionKeys?.map((key) => keyOf(key, agentId).key);
        const results = await searchMessages(store, query, { keys, agentId, limit: limit + 1 });
        return { results: results.slice(0, limit), ...(results.length > limit && { truncated: true }) };
      },
    ),
  ];
}
