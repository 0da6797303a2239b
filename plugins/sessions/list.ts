/** `sessions.list`: the filters that clients know, as those of the catalog, and the page that comes of it. */
import type { SessionQuery } from "@pincer/plugin-sdk/contracts/session-catalog";
import { sessionDefaults } from "@pincer/plugin-sdk/hooks";
import { SessionRow, sessionRow } from "@pincer/plugin-sdk/wire/session";
import { type Static, Type } from "@sinclair/typebox";
import type { SessionsContext } from "./uses.ts";

/** What the wire calls the place where sessions are kept. */
export const storePath = "store";

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

export const SessionList = Type.Object({
  ts: Type.Integer(),
  path: Type.String(),
  count: Type.Integer(),
  totalCount: Type.Integer(),
  limitApplied: Type.Integer(),
  nextOffset: Type.Union([Type.Integer(), Type.Null()]),
  hasMore: Type.Boolean(),
  owners: Type.Array(Type.Unknown()),
  defaults: Type.Record(Type.String(), Type.Unknown()),
  sessions: Type.Array(SessionRow),
});

/** What holds for sessions that chose nothing; null means that nobody knows. */
const unknownModel = { modelProvider: null, model: null, contextTokens: null };

export function createList(ctx: SessionsContext) {
  const { uses, clock, run } = ctx;
  const io = { signal: ctx.signal };

  const defaults = async () => {
    const agentId = (await uses.router?.agent({}, io))?.id;
    return { ...unknownModel, ...(agentId !== undefined && (await run(sessionDefaults, { agentId }))) };
  };

  /** Undefined when nothing can pass. */
  const queryOf = async (params: ListParams, limit: number): Promise<SessionQuery | undefined> => {
    const { archived = false, activeMinutes, agentId, label, spawnedBy, search, sortBy, ownerFirst, offset } = params;
    const people = new Set([params.creatorId, params.ownerId, params.involvingProfileId].filter((person) => person !== undefined));
    if (params.boardFace === "dashboard" || people.size > 1) return undefined;
    const [createdBy] = people;
    const agents = params.configuredAgentsOnly ? await uses.router?.agents({}, io) : undefined;
    return {
      limit,
      ...(archived !== "all" && { archived }),
      ...(agentId !== undefined && { agentId }),
      ...(agents && { agentIds: agents.agents.map(({ id }) => id) }),
      ...(activeMinutes !== undefined && { updatedSince: clock.now() - activeMinutes * 60_000 }),
      ...(params.activeOnly && { running: true }),
      ...(params.requireLastInteraction && { interactedSince: 0 }),
      ...(params.involvingMe && { owner: true }),
      ...(createdBy !== undefined && { createdBy }),
      ...(label !== undefined && { label }),
      ...(spawnedBy !== undefined && { parentSessionKey: spawnedBy }),
      ...(search !== undefined && { search }),
      ...(sortBy && { orderBy: sortBy }),
      ...(ownerFirst && { ownerFirst }),
      ...(offset !== undefined && { offset }),
    };
  };

  return async (params: ListParams): Promise<Static<typeof SessionList>> => {
    const limitApplied = Math.min(params.limit ?? ctx.config.listLimit, ctx.config.listLimitMax);
    const query = await queryOf(params, limitApplied);
    const { sessions, total } = query ? await uses.catalog.list(query, io) : { sessions: [], total: 0 };
    const next = (params.offset ?? 0) + sessions.length;
    const hasMore = sessions.length > 0 && next < total;
    const ts = clock.now();
    return {
      ...{ ts, path: storePath, count: sessions.length, totalCount: total, limitApplied, nextOffset: hasMore ? next : null, hasMore },
      owners: [],
      defaults: await defaults(),
      sessions: sessions.map((session) => sessionRow(session, ts, params)),
    };
  };
}
export type List = ReturnType<typeof createList>;
