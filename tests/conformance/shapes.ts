/** Results and events for which the published protocol has no schema, written from `protocol` sections 1.7, 4.2 and 5. */
import { type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { published } from "./published.ts";

/** Parameters: unknown keys are refused. */
export const params = (properties: TProperties = {}) => Type.Object(properties, { additionalProperties: false });
/** Results and payloads: the key fields; further ones are free. */
export const shape = (properties: TProperties) => Type.Object(properties);

export const text = Type.String();
export const word = Type.String({ minLength: 1 });
export const flag = Type.Boolean();
export const count = Type.Integer({ minimum: 0 });
/** Epoch milliseconds; no wire time lies before the year 2020. */
export const time = Type.Integer({ minimum: 1_577_836_800_000 });
export const list = (item: TSchema) => Type.Array(item);
export const map = (value: TSchema) => Type.Record(Type.String(), value);
export const maybe = (schema: TSchema) => Type.Optional(schema);
export const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);
export const oneOf = (...values: readonly (string | boolean)[]) => Type.Union(values.map((value) => Type.Literal(value)));
export const ok = Type.Literal(true);
/** JSON of a client's or operator's own making. */
export const anything = Type.Unknown();

/** The row that clients clear their working indicator by; the published schema requires `key` and `kind` alone. */
export const Row = published("SessionRow", {
  "": {
    agentId: word,
    sessionId: word,
    updatedAt: time,
    archived: flag,
    pinned: flag,
    unread: flag,
    hasActiveRun: flag,
    activeRunIds: list(word),
  },
});

const Block = Type.Union([
  shape({ type: Type.Literal("text"), text }),
  shape({ type: Type.Literal("thinking"), thinking: text }),
  shape({ type: Type.Literal("toolCall"), id: word, name: word, arguments: map(anything) }),
  shape({ type: Type.Literal("image"), mimeType: word }),
]);
const Cost = Type.Union([Type.Number({ minimum: 0 }), map(Type.Number()), Type.Null()]);
export const Usage = shape({
  ...{ input: count, output: count, totalTokens: count, cacheRead: count, cacheWrite: count },
  cost: maybe(Cost),
});

export const TranscriptMessage = shape({
  role: oneOf("user", "assistant", "toolResult", "system"),
  content: Type.Union([text, list(Block)]),
  timestamp: time,
  idempotencyKey: maybe(Type.String({ pattern: ":user$" })),
  ...{ api: maybe(word), provider: maybe(word), model: maybe(word), usage: maybe(Usage), stopReason: maybe(word) },
  __openclaw: shape({ id: word, seq: Type.Integer({ minimum: 1 }), runId: maybe(word), recordTimestampMs: time }),
});

/** What a chat shows while an answer grows and when it is done. */
export const ShownMessage = shape({
  role: Type.Literal("assistant"),
  content: list(shape({ type: Type.Literal("text"), text })),
  timestamp: time,
});

const Recent = shape({ key: word, updatedAt: time, age: count });
const SessionsHealth = shape({ path: word, count, recent: list(Recent) });
const Heartbeat = shape({ enabled: flag, every: word, everyMs: count, prompt: text, target: text, ackMaxChars: count });
const EventLoop = shape({
  degraded: flag,
  reasons: list(oneOf("event_loop_delay", "event_loop_utilization", "cpu")),
  ...{ intervalMs: Type.Number(), delayP99Ms: Type.Number(), delayMaxMs: Type.Number() },
  ...{ utilization: Type.Number(), cpuCoreRatio: Type.Number() },
});
const PluginsHealth = shape({
  loaded: list(word),
  errors: list(shape({ id: word, origin: word, activated: flag, error: text })),
});

export const Health = shape({
  ok: flag,
  ts: time,
  durationMs: count,
  channels: map(shape({ configured: flag })),
  channelOrder: list(word),
  channelLabels: map(word),
  heartbeatSeconds: count,
  defaultAgentId: word,
  agents: list(shape({ agentId: word, name: maybe(word), isDefault: flag, heartbeat: Heartbeat, sessions: SessionsHealth })),
  sessions: SessionsHealth,
  plugins: maybe(PluginsHealth),
  eventLoop: maybe(EventLoop),
  problems: maybe(list(word)),
});

export const Status = shape({
  runtimeVersion: word,
  problems: maybe(list(word)),
  heartbeat: shape({ defaultAgentId: word, agents: list(shape({ agentId: word })) }),
  channelSummary: list(anything),
  queuedSystemEvents: list(text),
  tasks: map(anything),
  sessions: shape({
    paths: list(word),
    count,
    defaults: shape({ model: orNull(word), contextTokens: orNull(count) }),
    recent: list(Recent),
    byAgent: list(shape({ agentId: word, path: word, count, recent: list(Recent) })),
  }),
  eventLoop: maybe(EventLoop),
});

/** Observed with `clientId`, which the published entry does not have. */
export const PresenceEntry = published("PresenceEntry", { "": { clientId: maybe(word) } });

export const SessionList = shape({
  ...{ ts: time, path: word, count, totalCount: count, limitApplied: count, nextOffset: orNull(count), hasMore: flag },
  owners: list(anything),
  defaults: shape({ modelProvider: orNull(word), model: orNull(word), contextTokens: orNull(count) }),
  sessions: list(Row),
});

const PendingInput = shape({
  id: word,
  runId: maybe(word),
  message: anything,
  acceptedAt: time,
  state: oneOf("queued", "cancelled", "interrupted"),
});
const now = {
  pendingInputs: shape({ items: list(PendingInput), total: count }),
  sessionInfo: maybe(Row),
  inFlightRun: maybe(shape({ runId: word, text })),
};
export const History = Type.Union([
  shape({
    ...{ sessionKey: Type.String({ pattern: "^agent:" }), sessionId: maybe(word), messages: list(TranscriptMessage) },
    ...{ hasMore: flag, nextOffset: maybe(count), totalMessages: count, deltaCursor: maybe(word) },
    defaults: shape({ modelProvider: orNull(word), model: orNull(word), contextTokens: orNull(count) }),
    thinkingLevel: maybe(word),
    ...now,
  }),
  shape({ kind: Type.Literal("delta"), messages: list(TranscriptMessage), deltaCursor: word, ...now }),
  params({ kind: Type.Literal("reset") }),
]);

const RunStatus = oneOf("ok", "error", "timeout", "aborted");
export const Sent = shape({ runId: word, status: Type.Union([oneOf("started", "in_flight"), RunStatus]), messageSeq: maybe(count) });
export const Accepted = shape({
  runId: word,
  sessionKey: Type.String({ pattern: "^agent:" }),
  agentId: word,
  status: Type.Literal("accepted"),
  acceptedAt: time,
});
export const AgentResult = shape({
  runId: word,
  status: RunStatus,
  summary: word,
  result: shape({
    payloads: list(shape({ text, mediaUrl: orNull(text) })),
    meta: shape({ durationMs: count, agentMeta: shape({}), stopReason: word, aborted: flag }),
  }),
});
export const AgentWait = shape({
  ...{
    runId: word,
    status: oneOf("ok", "error", "timeout"),
    startedAt: maybe(time),
    endedAt: maybe(time),
    stopReason: maybe(word),
    error: maybe(text),
  },
  terminalReply: maybe(
    Type.Union([shape({ disposition: Type.Literal("visible"), text: word }), shape({ disposition: Type.Literal("empty") })]),
  ),
});

const Issue = shape({ path: text, message: word });
const Config = map(anything);
export const ConfigFile = shape({
  ...{ path: word, exists: flag, raw: orNull(text), parsed: Config, config: Config, valid: flag },
  ...{ issues: list(Issue), warnings: maybe(list(Issue)), hash: word, configRevisionHash: maybe(word), appliedConfigHash: maybe(word) },
});
export const ConfigWritten = shape({ ok, path: word, hash: word, config: Config });
export const ConfigApplied = shape({ ok, path: word, hash: word, config: Config, changedPaths: maybe(list(word)), sentinel: anything });

const device = {
  ...{ deviceId: Type.String({ pattern: "^[0-9a-f]{64}$" }), publicKey: word, displayName: maybe(word), platform: maybe(word) },
  ...{ clientId: maybe(word), clientMode: maybe(word) },
};
const Paired = shape({
  ...{ ...device, approvedVia: word, createdAtMs: time, approvedAtMs: time, lastSeenAtMs: time, connected: flag },
  tokens: list(shape({ role: oneOf("operator", "node"), scopes: list(word), createdAtMs: time })),
});
const Pending = shape({
  ...{ requestId: word, ...device, role: oneOf("operator", "node"), roles: list(word), scopes: list(word) },
  ...{ silent: flag, isRepair: flag, ts: time },
});
export const Devices = shape({ pending: list(Pending), paired: list(Paired) });
export const DeviceApproved = shape({ requestId: word, device: Paired });

/** The published schema says the same with `allOf` beside properties: the token only with the delivery that carries it. */
const rotated = { deviceId: word, role: word, scopes: list(word), rotatedAtMs: time };
export const TokenRotated = Type.Union([
  params({ ...rotated, token: word, tokenDelivery: Type.Literal("in-band") }),
  params({ ...rotated, tokenDelivery: Type.Literal("withheld-cross-device") }),
]);

const totals = {
  ...{ input: count, output: count, cacheRead: count, cacheWrite: count, totalTokens: count },
  totalCost: Type.Number({ minimum: 0 }),
};
export const UsageCost = shape({
  ...{ updatedAt: time, days: Type.Integer({ minimum: 1 }) },
  daily: list(shape({ date: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }), ...totals })),
  totals: shape(totals),
  cacheStatus: anything,
});

/** Ours: what the plugin budgets says of a limit. */
const measure = maybe(shape({ limit: Type.Number(), used: Type.Number({ minimum: 0 }), held: Type.Number({ minimum: 0 }) }));
export const Limit = shape({
  ...{ name: word, per: oneOf("turn", "session", "day", "month"), hard: flag, state: oneOf("ok", "soft", "used-up") },
  ...{ usd: measure, tokens: measure, resetsAt: maybe(time) },
});
const spent = shape({ usd: Type.Number({ minimum: 0 }), tokens: count, calls: count, unpricedTokens: count });
export const Budgets = shape({
  ...{ updatedAt: time, timeZone: word, today: spent, month: spent, session: maybe(spent) },
  ...{ limits: list(Limit), text: word },
});

export const Stability = shape({
  generatedAt: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}T" }),
  ...{ capacity: count, count, dropped: count, firstSeq: maybe(count), lastSeq: maybe(count) },
  events: list(shape({ seq: count, ts: time, type: word })),
  summary: shape({ byType: map(count) }),
});

/** Whether a plugin's permissions are enforced is said, not assumed. */
export const PluginStatus = shape({
  ...{ id: word, version: orNull(word), origin: word, state: oneOf("disabled", "idle", "active", "failed"), generation: count },
  ...{ isolation: oneOf("inline", "process"), enforced: flag, permissions: map(anything) },
  /** Of one that was asked for by its id. */
  manifest: maybe(shape({ id: word, generated: maybe(map(anything)) })),
  error: orNull(shape({ code: word, message: word })),
});

/** How far it is with a model that is fetched; ours alone. */
export const Pull = shape({
  ...{ model: Type.String({ pattern: "^[^/]+/.+$" }), state: oneOf("running", "done", "failed", "cancelled"), status: text },
  ...{ completedBytes: count, totalBytes: orNull(count), version: count },
});
/** What is known of models without asking anybody; ours alone. */
export const catalogue = { entries: count, added: count, from: orNull(word), at: orNull(time) };

/** A sender or a group of an account of a channel. */
export const ofSender = { kind: oneOf("sender", "group"), channel: word, accountId: word, id: word };
export const applicant = { requestId: word, ...ofSender, name: maybe(word) };
export const Applicants = shape({
  requests: list(shape({ ...applicant, createdAtMs: time, expiresAtMs: orNull(time) })),
  approved: list(shape({ ...ofSender, name: maybe(word), approvedAtMs: time, approvedBy: word })),
  owners: list(shape({ channel: word, accountId: maybe(word), id: word })),
});
