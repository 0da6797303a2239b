/** The methods that look at sessions. */
import { SearchHit, type SessionQuery } from "@pincer/plugin-sdk/contracts/session-catalog";
import { type Session, sessionErrors } from "@pincer/plugin-sdk/contracts/sessions";
import { isGatewayError } from "@pincer/plugin-sdk/error";
import { messageText } from "@pincer/plugin-sdk/message";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { SessionRow, sessionRow, TranscriptMessage, transcriptMessage } from "@pincer/plugin-sdk/wire/session";
import { type Static, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { createList, type List, ListParams, SessionList } from "./list.ts";
import { flag, maybe, one, word } from "./params.ts";
import type { SessionsContext } from "./uses.ts";

const text = Type.String();
const upTo = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }));
const closed = { additionalProperties: false };

const PreviewStatus = Type.Union([Type.Literal("ok"), Type.Literal("empty"), Type.Literal("missing")]);
const Preview = Type.Object({ key: text, status: PreviewStatus, items: Type.Array(Type.Object({ role: text, text })) });

const mostCandidates = 10;
/** Names are indexed by three characters. */
const shortestName = 3;
const candidate = { key: word, agentId: word, displayName: Type.Optional(text) };
const Resolved = Type.Union([
  Type.Object({ ok: Type.Literal(true), ...candidate }, closed),
  Type.Object({ ok: Type.Literal(false), candidates: Type.Optional(Type.Array(Type.Object(candidate, closed))) }, closed),
]);
const references = { key: maybe, sessionId: maybe, label: maybe, shortId: maybe, reference: maybe };

const reading = <P extends TProperties, R extends TSchema>(name: string, summary: string, params: P, result: R) =>
  defineMethod({ name, summary, scope: "operator.read", params: Type.Object(params, closed), result });

const sessionsList = reading("sessions.list", "Sessions, newest first, with filters and pages.", ListParams.properties, SessionList);
const describe = reading(
  "sessions.describe",
  "The row of one session, or null.",
  { ...one, includeDerivedTitles: flag, includeLastMessage: flag },
  Type.Object({ session: Type.Union([SessionRow, Type.Null()]) }),
);
const previews = reading(
  "sessions.preview",
  "The newest messages of several sessions as short text.",
  { keys: Type.Array(word, { minItems: 1, maxItems: 100 }), limit: upTo(100), maxChars: upTo(10_000) },
  Type.Object({ ts: Type.Integer(), previews: Type.Array(Preview) }),
);
const get = reading(
  "sessions.get",
  "The newest messages of a session, oldest first; with sessionId, of its transcript from before a reset.",
  { ...one, limit: upTo(1_000), sessionId: maybe },
  Type.Object({ messages: Type.Array(TranscriptMessage) }),
);
const resolve = reading(
  "sessions.resolve",
  "The session that a key, session id, label, beginning of a session id, or any of these (reference) means.",
  { ...references, slugHint: maybe, agentId: maybe, spawnedBy: maybe, includeGlobal: flag, includeUnknown: flag, allowMissing: flag },
  Resolved,
);
const search = reading(
  "sessions.search",
  "Messages that hold the words of a query, best first.",
  {
    query: Type.String({ minLength: 1, maxLength: 4_096 }),
    agentId: maybe,
    sessionKeys: Type.Optional(Type.Array(word, { minItems: 1, maxItems: 200 })),
    limit: upTo(25),
  },
  Type.Object({ results: Type.Array(SearchHit), truncated: flag }, closed),
);

export function registerReading(ctx: SessionsContext): List {
  const { uses, clock, method } = ctx;
  const { catalog, sessions } = uses;
  const io = { signal: ctx.signal };
  const list = createList(ctx);
  const whose = (agentId: string | undefined) => (agentId === undefined ? {} : { agentId });

  const preview = async (written: string, limit: number, maxChars: number): Promise<Static<typeof Preview>> => {
    const { key, session } = await catalog.find({ key: written }, io);
    const { entries } = await sessions.path({ key, limit, texts: true, omitLarge: true }, io);
    const items = entries.map(({ message }) => {
      const said = messageText(message) ?? "";
      return { role: message.role, text: said.length > maxChars ? `${said.slice(0, maxChars - 1).toWellFormed()}…` : said };
    });
    return { key, status: items.length > 0 ? "ok" : session ? "empty" : "missing", items };
  };

  /** A reference may be a label, which need not be a key. */
  const byKey = async (key: string, agentId: string | undefined, isReference: boolean): Promise<Session[]> => {
    try {
      const { session } = await catalog.find({ key, ...whose(agentId) }, io);
      return session ? [session] : [];
    } catch (error) {
      if (isReference && isGatewayError(error) && error.code === "SESSION_KEY_INVALID") return [];
      throw error;
    }
  };

  method(sessionsList, list);

  method(describe, async ({ key, agentId, ...view }) => {
    const { session } = await catalog.find({ key, ...whose(agentId) }, io);
    return { session: session && sessionRow(session, clock.now(), view) };
  });

  method(previews, async ({ keys, limit = 12, maxChars = 240 }) => ({
    ts: clock.now(),
    previews: await Promise.all(keys.map((key) => preview(key, limit, maxChars))),
  }));

  method(get, async ({ key: written, agentId, limit = 200, sessionId }) => {
    const { key } = await catalog.find({ key: written, ...whose(agentId) }, io);
    const { entries } = await sessions.path({ key, limit, omitLarge: true, ...(sessionId !== undefined && { sessionId }) }, io);
    return { messages: entries.map(transcriptMessage) };
  });

  method(resolve, async ({ agentId, spawnedBy, allowMissing, ...params }) => {
    const given = Object.keys(references).flatMap((name) => params[name as keyof typeof references] ?? []);
    const [said = ""] = given;
    if (given.length !== 1) {
      const names = Object.keys(references).join(", ");
      throw sessionErrors.SESSION_FIELD_INVALID(`exactly one of ${names} was expected, ${given.length} came`);
    }
    const { reference, key = reference, sessionId, label = reference, shortId = reference } = params;
    const all = async (query: Omit<SessionQuery, "limit">) => (await catalog.list({ ...query, limit: mostCandidates + 1 }, io)).sessions;
    const found = await Promise.all([
      key === undefined ? [] : byKey(key, agentId, reference !== undefined),
      sessionId === undefined ? [] : (await all({ shortId: sessionId })).filter((session) => session.sessionId === sessionId),
      label === undefined ? [] : all({ label }),
      shortId === undefined ? [] : all({ shortId }),
    ]);
    const meant = [...new Map(found.flat().map((session) => [session.key, session])).values()]
      .filter((session) => agentId === undefined || session.agentId === agentId)
      .filter((session) => spawnedBy === undefined || session.attributes["parentSessionKey"] === spawnedBy)
      .sort((one, other) => other.updatedAt - one.updatedAt);
    const candidates = meant.slice(0, mostCandidates).map((session) => ({
      key: session.key,
      agentId: session.agentId,
      ...(session.label !== null && { displayName: session.label }),
    }));
    const [only, another] = candidates;
    if (only) return another ? { ok: false as const, candidates } : { ok: true as const, ...only };
    if (allowMissing) return { ok: false as const };
    throw sessionErrors.SESSION_UNKNOWN(`there is no session ${said}; sessions.list shows those that there are`);
  });

  /** Sessions whose label or title holds the text, as their first message. */
  const namedSo = async (text: string, keys: string[] | undefined, agentId: string | undefined, limit: number): Promise<SearchHit[]> => {
    if ([...text].length < shortestName) return [];
    const found = await catalog.list({ named: text, ...whose(agentId), ...(keys && { keys }), limit }, io);
    const hits = found.sessions.map(async ({ key, sessionId, label, title }): Promise<SearchHit[]> => {
      const { entries } = await sessions.path({ key, before: 2, limit: 1, texts: true, omitLarge: true }, io);
      const about = { sessionKey: key, sessionId, snippet: label ?? title ?? "", score: 0 };
      return entries.map(({ id, at, message }) => ({ ...about, messageId: id, role: message.role, timestamp: at }));
    });
    return (await Promise.all(hits)).flat();
  };

  method(search, async ({ query, agentId, sessionKeys, limit = 10 }) => {
    const named = sessionKeys && (await Promise.all(sessionKeys.map((key) => catalog.find({ key, ...whose(agentId) }, io))));
    const keys = named?.map(({ key }) => key);
    const { hits } = await catalog.search({ text: query, ...whose(agentId), ...(keys && { keys }), limit: limit + 1 }, io);
    const said = new Set(hits.map(({ sessionKey }) => sessionKey));
    const titled = hits.length > limit ? [] : await namedSo(query.trim(), keys, agentId, limit + 1);
    const all = [...hits, ...titled.filter(({ sessionKey }) => !said.has(sessionKey))];
    return { results: all.slice(0, limit), ...(all.length > limit && { truncated: true }) };
  });
  return list;
}
