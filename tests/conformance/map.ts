/**
 * Every method and event that a gateway advertises, bound to what the wire says of it: who may call it, what it takes, what it answers.
 * Schemas are the published package's where it has them, with what observation adds; else ours, written from `protocol` sections 3, 4.2
 * and 5. Nothing here is taken from the implementation's own schemas.
 */
import type { WireScope } from "@pincer/plugin-sdk/method";
import { type TSchema, Type } from "@sinclair/typebox";
import { approvalEvents, approvalMethods } from "./approvals.ts";
import { installingEvents, installingMethods } from "./installing.ts";
import { type Additions, published } from "./published.ts";
import * as its from "./shapes.ts";
import { skillMethods } from "./skills.ts";

const { anything, count, flag, list, map, maybe, ok, oneOf, orNull, params, shape, text, time, word } = its;

export interface MethodEntry {
  /** `node`: those of the role node alone. */
  readonly scope: WireScope | "any" | "node";
  /** The scope that these parameters ask for, where it is more than `scope`. */
  readonly scopeOf?: (params: Readonly<Record<string, unknown>>) => WireScope;
  readonly params: TSchema;
  readonly result: TSchema;
  /** Of the first of two answers. */
  readonly accepted?: TSchema;
  /** Properties of features that are not here: refused in so many words, since taking them silently would promise what is not done. */
  readonly refuses?: readonly string[];
}

const method = (scope: MethodEntry["scope"], takes: TSchema, result: TSchema, more: Partial<MethodEntry> = {}): MethodEntry => ({
  scope,
  params: takes,
  result,
  ...more,
});
const read = (takes: TSchema, result: TSchema, more?: Partial<MethodEntry>) => method("operator.read", takes, result, more);
const write = (takes: TSchema, result: TSchema, more?: Partial<MethodEntry>) => method("operator.write", takes, result, more);
const admin = (takes: TSchema, result: TSchema, more?: Partial<MethodEntry>) => method("operator.admin", takes, result, more);
const approvals = (takes: TSchema, result: TSchema) => method("operator.approvals", takes, result);
const pairing = (takes: TSchema, result: TSchema) => method("operator.pairing", takes, result);

/** A feature that is not here has none of it, whatever is asked for. */
const none = (...keys: readonly string[]) => shape(Object.fromEntries(keys.map((key) => [key, Type.Array(Type.Never(), { maxItems: 0 })])));
const emptyArray = Type.Array(Type.Never(), { maxItems: 0 });

const fileParams: Additions = { "": { expectedHash: maybe(word) } };
/** The hash that `agents.files.set` compares with is observed, and not published. */
const hashed = (path: string): Additions => ({ [path]: { hash: maybe(word) } });

const historyParams = published("ChatHistoryParams", { "": { maxBytes: maybe(Type.Integer({ minimum: 1 })) } });
const sendParams = published("SessionsSendParams");
/** As in `sessions.patch`, null is as good as nothing. */
const createParams = published("SessionsCreateParams", {
  "": {
    label: maybe(orNull(word)),
    displayName: maybe(orNull(word)),
    category: maybe(orNull(word)),
    model: maybe(orNull(word)),
    thinkingLevel: maybe(orNull(word)),
  },
});
/** Where a restart's answer is to go: taken, and of no use here, since nothing restarts. */
const delivered: Additions = { "": { deliveryContext: maybe(map(Type.Union([text, Type.Number()]))) } };
/** `activeOnly` is observed, and not published. */
const listParams = published("SessionsListParams", { "": { activeOnly: maybe(flag) } });

/** Fields of a session that its own writer may set (`protocol` section 3); every other one is the administrator's. */
const writersFields = new Set([
  ...["key", "agentId", "expectedSessionId", "expectedLifecycleRevision", "expectedMarkedUnreadAt", "expectedPermissionMode"],
  ...["label", "icon", "color", "category", "pinned", "archived", "unread", "model", "thinkingLevel", "fastMode", "permissionMode"],
]);
const adminsCreateFields = ["incognito", "execNode", "toolOverrides"];
const emptiesSession = (message: unknown) => typeof message === "string" && /^\/(new|reset)(\s|$)/i.test(message.trim());

export const methods: Readonly<Record<string, MethodEntry>> = {
  // Clients call these four with nothing or with {}; what else they would send is free.
  health: method("any", shape({ probe: maybe(flag) }), its.Health),
  status: read(shape({}), its.Status),
  "system-presence": read(shape({}), Type.Array(its.PresenceEntry, { minItems: 1 })),
  "last-heartbeat": read(shape({}), Type.Null()),
  "system-event": admin(
    params({
      ...{
        text,
        deviceId: maybe(word),
        instanceId: maybe(word),
        host: maybe(word),
        ip: maybe(word),
        mode: maybe(word),
        version: maybe(word),
      },
      ...{
        platform: maybe(word),
        deviceFamily: maybe(word),
        modelIdentifier: maybe(word),
        lastInputSeconds: maybe(count),
        reason: maybe(word),
      },
      ...{ roles: maybe(list(word)), scopes: maybe(list(word)), tags: maybe(list(word)) },
    }),
    shape({ ok }),
  ),
  "diagnostics.stability": read(
    params({ limit: maybe(Type.Integer({ minimum: 1, maximum: 1_000 })), type: maybe(word), sinceSeq: maybe(count) }),
    its.Stability,
  ),
  "logs.tail": read(published("LogsTailParams"), published("LogsTailResult")),
  "gateway.identity.get": read(params(), shape({ deviceId: Type.String({ pattern: "^[0-9a-f]{64}$" }), publicKey: word })),
  "gateway.loginLink": admin(params(), shape({ url: Type.String({ pattern: "^http://[^?]+/#login=" }), expiresAtMs: time })),

  agent: write(published("AgentParams"), its.AgentResult, {
    accepted: its.Accepted,
    scopeOf: ({ message }) => (emptiesSession(message) ? "operator.admin" : "operator.write"),
    refuses: [
      ...[
        "expectedExistingSessionId",
        "groupId",
        "groupChannel",
        "groupSpace",
        "cwd",
        "cleanupBundleMcpOnRunEnd",
        "modelRun",
        "promptMode",
      ],
      ...["bootstrapContextMode", "bootstrapContextRunKind", "acpTurnSource", "internalRuntimeHandoffId", "internalExecutionIdentityRetry"],
      ...["internalExecutionIdentityRecoveryAttempt", "execApprovalFollowupExpectedSessionId", "internalEvents", "inputProvenance"],
      ...["suppressPromptPersistence", "sessionEffects", "sourceReplyDeliveryMode", "disableMessageTool", "swarmCollector"],
      ...["swarmOutputSchema", "forceRestartSafeTools", "forceCodeModeTools", "voiceWakeTrigger"],
    ],
  }),
  "agent.wait": write(published("AgentWaitParams"), its.AgentWait),
  "agent.identity.get": read(published("AgentIdentityParams"), published("AgentIdentityResult", { "": { name: word } })),
  "agents.list": read(published("AgentsListParams"), published("AgentsListResult", { "agents/*": { model: shape({ primary: word }) } })),
  "agents.create": admin(published("AgentsCreateParams"), published("AgentsCreateResult")),
  "agents.update": admin(published("AgentsUpdateParams"), published("AgentsUpdateResult")),
  "agents.delete": admin(published("AgentsDeleteParams"), published("AgentsDeleteResult")),
  "agents.files.list": read(published("AgentsFilesListParams"), published("AgentsFilesListResult", hashed("files/*"))),
  "agents.files.get": read(published("AgentsFilesGetParams"), published("AgentsFilesGetResult", hashed("file"))),
  "agents.files.set": admin(published("AgentsFilesSetParams", fileParams), published("AgentsFilesSetResult", hashed("file"))),

  "chat.send": write(published("ChatSendParams"), its.Sent, {
    refuses: [
      ...["intent", "fastMode", "fastAutoOnSeconds", "toolBindings", "systemInputProvenance", "systemProvenanceReceipt"],
      ...["expectedSessionRoutingContract", "expectedPermissionMode", "expectedToolOverrides"],
    ],
  }),
  "chat.abort": write(published("ChatAbortParams"), shape({ ok, aborted: flag, runIds: list(word) })),
  "chat.inject": admin(published("ChatInjectParams"), shape({ ok, messageId: word })),
  "chat.history": read(historyParams, its.History, { refuses: ["pendingBefore"] }),
  "chat.startup": read(historyParams, its.History, { refuses: ["pendingBefore"] }),
  "chat.message.get": read(
    published("ChatMessageGetParams"),
    Type.Intersect([published("ChatMessageGetResult"), shape({ message: maybe(its.TranscriptMessage) })]),
  ),
  "chat.metadata": read(
    published("ChatMetadataParams"),
    shape({ models: list(shape({ id: word, name: word, provider: word })), commands: list(shape({ name: word })) }),
  ),

  "sessions.list": read(listParams, its.SessionList),
  "sessions.subscribe": read(listParams, params({ subscribed: Type.Literal(true), list: maybe(its.SessionList) })),
  "sessions.messages.subscribe": read(
    published("SessionsMessagesSubscribeParams"),
    shape({ subscribed: Type.Literal(true), key: word, approvalReplay: maybe(published("SessionApprovalReplay")) }),
  ),
  "sessions.messages.unsubscribe": read(
    published("SessionsMessagesUnsubscribeParams"),
    shape({ subscribed: Type.Literal(false), key: word }),
  ),
  "sessions.describe": read(published("SessionsDescribeParams", { "": { agentId: maybe(word) } }), params({ session: orNull(its.Row) })),
  "sessions.preview": read(
    published("SessionsPreviewParams"),
    shape({ ts: time, previews: list(shape({ key: word, status: word, items: list(shape({ role: word, text })) })) }),
  ),
  // `reference` is observed, and not published.
  "sessions.resolve": read(published("SessionsResolveParams", { "": { reference: maybe(word) } }), published("SessionsResolveResult")),
  "sessions.get": read(
    params({ key: word, limit: maybe(Type.Integer({ minimum: 1 })), agentId: maybe(word), sessionId: maybe(word) }),
    shape({ messages: list(its.TranscriptMessage) }),
  ),
  "sessions.search": read(published("SessionsSearchParams"), published("SessionsSearchResult")),
  "sessions.create": write(
    createParams,
    Type.Intersect([
      published("SessionsCreateResult"),
      shape({ key: Type.String({ pattern: "^agent:" }), sessionId: word, entry: its.Row, runStarted: flag }),
    ]),
    {
      scopeOf: (given) =>
        adminsCreateFields.some((field) => field in given) || given["permissionMode"] === "full" ? "operator.admin" : "operator.write",
      refuses: [
        ...["contextWindow", "fastMode", "permissionMode", "toolOverrides", "incognito", "visibility", "catalogId", "spawnDepth", "fork"],
        ...["forkFrom", "projectId", "projectGitUrl", "worktree", "worktreeBaseRef", "worktreeName", "execNode", "cwd"],
      ],
    },
  ),
  "sessions.send": write(sendParams, its.Sent),
  "sessions.steer": write(sendParams, its.Sent),
  "sessions.patch": write(
    published("SessionsPatchParams", { "": { displayName: maybe(orNull(word)) } }),
    shape({ ok, path: word, key: word, entry: its.Row }),
    {
      scopeOf: (given) =>
        Object.keys(given).every((field) => writersFields.has(field)) && given["permissionMode"] !== "full"
          ? "operator.write"
          : "operator.admin",
      refuses: [
        ...[
          "expectedLifecycleRevision",
          "expectedPermissionMode",
          "expectedToolOverrides",
          "expectedMarkedUnreadAt",
          "boardFace",
          "statusNote",
        ],
        ...["attention", "ttlMinutes", "contextWindow", "fastMode", "toolOverrides", "traceLevel", "reasoningLevel"],
        ...[
          "responseUsage",
          "elevatedLevel",
          "execHost",
          "execSecurity",
          "execAsk",
          "execNode",
          "permissionMode",
          "completionOwnerSessionKey",
        ],
        ...["inheritedToolPolicyVersion", "inheritedToolAllow", "inheritedToolDeny", "sendPolicy", "groupActivation"],
      ],
    },
  ),
  "sessions.reset": admin(
    published("SessionsResetParams", { "": { expectedSessionId: maybe(word) } }),
    shape({ ok, key: word, entry: its.Row, resolved: shape({}) }),
  ),
  "sessions.delete": write(published("SessionsDeleteParams"), published("SessionsDeleteResult"), {
    scopeOf: ({ archivedOnly }) => (archivedOnly === true ? "operator.write" : "operator.admin"),
    refuses: ["expectedLifecycleRevision", "expectedSessionUpdatedAt"],
  }),
  "sessions.compact": admin(published("SessionsCompactParams"), shape({ ok, key: word, compacted: flag, reason: maybe(text) })),
  "sessions.abort": write(published("SessionsAbortParams"), shape({ ok, aborted: flag, runIds: list(word) })),

  "config.get": read(published("ConfigGetParams"), its.ConfigFile),
  "config.set": admin(published("ConfigSetParams"), its.ConfigWritten),
  "config.patch": admin(published("ConfigPatchParams", delivered), its.ConfigApplied),
  "config.apply": admin(published("ConfigApplyParams", delivered), its.ConfigApplied),
  "config.schema": read(
    published("ConfigSchemaParams"),
    Type.Intersect([published("ConfigSchemaResponse"), shape({ schema: map(anything) })]),
  ),
  "config.schema.lookup": read(
    published("ConfigSchemaLookupParams"),
    Type.Intersect([published("ConfigSchemaLookupResult"), shape({ schema: map(anything) })]),
  ),

  // The published schema forbids some pairs of them; the further three are observed.
  "models.list": read(
    params({
      ...{ view: maybe(oneOf("default", "configured", "provider-config", "all")), agentId: maybe(word), sessionKey: maybe(word) },
      ...{ provider: maybe(word), refresh: maybe(flag), preparedOnly: maybe(flag), includeDetails: maybe(flag) },
      includeProviderCapabilities: maybe(flag),
    }),
    published("ModelsListResult"),
  ),
  "models.authStatus": read(
    published("ModelsAuthStatusParams"),
    shape({ ts: time, providers: list(shape({ provider: word, displayName: word, status: word, profiles: list(anything) })) }),
  ),
  "models.authLogout": admin(published("ModelsAuthLogoutParams"), shape({ provider: word, removedProfiles: list(word) })),
  "models.pull": admin(params({ model: word }), its.Pull),
  "models.pull.wait": read(params({ model: word, version: maybe(Type.Integer()) }), its.Pull),
  "models.pull.cancel": admin(params({ model: word }), shape({ cancelled: flag })),
  "models.catalogue": read(params(), shape({ ...its.catalogue, models: list(shape({ ref: word, name: word, source: word, date: word })) })),
  "models.catalogue.update": admin(params(), shape(its.catalogue)),
  "usage.status": read(
    params(),
    shape({ updatedAt: time, providers: list(shape({ provider: word, displayName: word })), limits: maybe(list(its.Limit)) }),
  ),
  "usage.cost": read(
    params({
      ...{ days: maybe(Type.Integer({ minimum: 1 })), agentId: maybe(word), sessionKey: maybe(word) },
      ...{ runId: maybe(word), user: maybe(word), profile: maybe(word) },
    }),
    its.UsageCost,
  ),
  "budgets.show": read(params({ sessionKey: maybe(word) }), its.Budgets),
  "tools.catalog": read(published("ToolsCatalogParams"), published("ToolsCatalogResult")),
  "tools.effective": read(published("ToolsEffectiveParams"), published("ToolsEffectiveResult")),
  "commands.list": read(published("CommandsListParams"), published("CommandsListResult")),

  ...skillMethods,

  "channels.status": read(published("ChannelsStatusParams"), published("ChannelsStatusResult")),
  "delivery.check": read(
    params(),
    shape({ findings: list(shape({ check: word, level: oneOf("ok", "warning", "error"), detail: word, mend: maybe(word) })) }),
  ),
  "channels.start": admin(published("ChannelsStartParams"), shape({ channel: word, accountId: word, started: flag })),
  "channels.stop": admin(published("ChannelsStopParams"), shape({ channel: word, accountId: word, stopped: flag })),
  "channels.pairing.list": pairing(published("ChannelsPairingListParams"), published("ChannelsPairingListResult")),
  "channels.pairing.approve": method(
    "operator.pairing",
    published("ChannelsPairingApproveParams"),
    published("ChannelsPairingApproveResult"),
    { scopeOf: ({ bootstrapCommandOwner }) => (bootstrapCommandOwner === true ? "operator.admin" : "operator.pairing") },
  ),
  "channels.pairing.dismiss": pairing(published("ChannelsPairingDismissParams"), published("ChannelsPairingDismissResult")),
  "pairing.list": pairing(params(), its.Applicants),
  "pairing.approve": method("operator.pairing", params({ code: word, owner: maybe(flag) }), shape(its.applicant), {
    scopeOf: ({ owner }) => (owner === true ? "operator.admin" : "operator.pairing"),
  }),
  "pairing.reject": pairing(params({ code: word }), shape(its.applicant)),
  "pairing.revoke": method(
    "operator.pairing",
    params({ channel: word, accountId: word, id: word, owner: maybe(flag) }),
    shape({ revoked: list(oneOf("sender", "group")), unlinked: flag }),
    { scopeOf: ({ owner }) => (owner === true ? "operator.admin" : "operator.pairing") },
  ),
  "channels.logout": admin(published("ChannelsLogoutParams"), shape({ channel: word, accountId: word, cleared: flag })),
  poll: write(published("PollParams"), shape({ runId: word, messageId: maybe(word), channel: word }), {
    refuses: ["silent", "isAnonymous"],
  }),
  "message.action": write(published("MessageActionParams"), shape({ ok, channel: word, action: word, messageId: word }), {
    refuses: [
      ...["reply", "requesterAccountId", "requesterSenderId", "senderIsOwner", "inboundTurnKind", "toolContext", "conversationReadOrigin"],
    ],
  }),
  send: write(published("SendParams"), shape({ runId: word, messageId: maybe(word), channel: word }), {
    refuses: ["mediaUrl", "mediaUrls", "asVoice", "gifPlayback", "forceDocument", "silent", "parseMode"],
  }),

  "device.pair.list": pairing(published("DevicePairListParams"), its.Devices),
  "device.pair.approve": pairing(published("DevicePairApproveParams"), its.DeviceApproved),
  "device.pair.reject": pairing(published("DevicePairRejectParams"), shape({ requestId: word, deviceId: word })),
  "device.pair.remove": pairing(published("DevicePairRemoveParams"), shape({ deviceId: word })),
  "device.pair.rename": pairing(published("DevicePairRenameParams"), shape({ deviceId: word, label: word })),
  "device.pair.setupCode": admin(published("DevicePairSetupCodeParams"), published("DevicePairSetupCodeResult")),
  "device.token.rotate": pairing(published("DeviceTokenRotateParams"), its.TokenRotated),
  "device.token.revoke": pairing(published("DeviceTokenRevokeParams"), shape({ deviceId: word, role: word, revokedAtMs: time })),

  "secrets.store.list": admin(published("SecretsStoreListParams"), published("SecretsStoreListResult")),
  "secrets.store.set": admin(published("SecretsStoreSetParams"), published("SecretsStoreMutationResult"), { refuses: ["allowedHosts"] }),
  "secrets.store.delete": admin(published("SecretsStoreDeleteParams"), published("SecretsStoreMutationResult")),
  "secrets.rotate": admin(params(), shape({ ok, rotated: count, unreadable: list(word) })),
  "secrets.grant": admin(params({ name: word, plugin: word, granted: maybe(flag) }), shape({ ok })),
  "secrets.grants": admin(params(), shape({ grants: list(shape({ name: word, plugin: word, grantedAtMs: time })) })),

  ...approvalMethods,
  ...installingMethods,

  // Polled in a loop by clients that get no answer: empty until a plugin owns the name. Whatever filter they bring, there is none of it.
  "question.list": method("operator.questions", shape({}), none("questions")),
  "openclaw.approval.list": approvals(shape({}), emptyArray),
  "taskSuggestions.list": read(shape({}), none("suggestions")),
  "tasks.list": read(shape({}), none("tasks")),
  "node.list": read(shape({}), shape({ ts: time, nodes: emptyArray })),
  "node.pair.list": pairing(shape({}), none("pending", "paired")),
  "update.status": admin(shape({}), published("UpdateStatusResult")),
};

const stream = (name: string, data: TSchema) => shape({ stream: Type.Literal(name), data });
const toolCall = { name: word, toolCallId: word };
const lifecycle = Type.Union([
  shape({ phase: Type.Literal("start"), startedAt: time }),
  shape({ phase: Type.Literal("model"), provider: word, model: word }),
  shape({ phase: Type.Literal("finishing"), stopReason: maybe(word), error: maybe(word), endedAt: time }),
  shape({
    phase: Type.Literal("end"),
    startedAt: time,
    endedAt: time,
    stopReason: word,
    aborted: Type.Literal(false),
    terminalReply: shape({ disposition: word }),
  }),
  shape({
    phase: Type.Literal("end"),
    startedAt: time,
    endedAt: time,
    stopReason: word,
    aborted: Type.Literal(true),
    status: Type.Literal("cancelled"),
  }),
  shape({ phase: Type.Literal("error"), error: word, endedAt: time }),
]);
const ofSession = { sessionKey: Type.String({ pattern: "^agent:" }), agentId: word };

const Agent = Type.Intersect([
  published("AgentEvent", { "": { ...ofSession, sessionId: maybe(word), lane: maybe(word), session: maybe(its.Row) } }),
  Type.Union([
    stream("run_status", shape({ phase: word })),
    stream("lifecycle", lifecycle),
    stream("assistant", shape({ text: word, delta: word, itemId: word })),
    stream("thinking", shape({ text: word, delta: word })),
    stream(
      "tool",
      Type.Union([
        shape({ phase: Type.Literal("start"), ...toolCall, args: anything }),
        shape({ phase: Type.Literal("update"), ...toolCall, partialResult: anything }),
        shape({ phase: Type.Literal("result"), ...toolCall, isError: flag, result: shape({ content: list(anything) }) }),
      ]),
    ),
    stream("usage", shape({ outputTokens: count })),
    stream("compaction", shape({ phase: oneOf("start", "end") })),
  ]),
]);

const state = (name: string, more: Readonly<Record<string, TSchema>>) => shape({ state: Type.Literal(name), ...ofSession, ...more });
const Chat = Type.Intersect([
  published("ChatEvent"),
  Type.Union([
    state("status", { phase: word }),
    state("delta", { deltaText: text, message: its.ShownMessage }),
    state("final", { message: maybe(its.ShownMessage), stopReason: word, usage: maybe(its.Usage) }),
    state("aborted", { message: maybe(its.ShownMessage), stopReason: word }),
    state("error", { message: maybe(its.ShownMessage), errorMessage: word, errorKind: word }),
  ]),
]);

export interface EventEntry {
  /** Who receives it. */
  readonly scope: WireScope | "any";
  readonly payload: TSchema;
  /** Its frame says which state it belongs to. */
  readonly versioned?: boolean;
  /** Sent to one connection, so never counted. */
  readonly unicast?: boolean;
}

export const events: Readonly<Record<string, EventEntry>> = {
  "connect.challenge": {
    scope: "any",
    unicast: true,
    payload: shape({ nonce: Type.String({ pattern: "^[0-9a-f-]{36}$" }), ts: time, capabilities: maybe(list(word)) }),
  },
  tick: { scope: "any", payload: published("TickEvent", { "": { ts: time } }) },
  health: { scope: "any", payload: its.Health, versioned: true },
  presence: { scope: "operator.read", payload: params({ presence: Type.Array(its.PresenceEntry, { minItems: 1 }) }), versioned: true },
  shutdown: { scope: "any", payload: published("ShutdownEvent") },
  agent: { scope: "operator.read", payload: Agent },
  chat: { scope: "operator.read", payload: Chat },
  "sessions.changed": {
    scope: "operator.read",
    payload: Type.Union([
      shape({ ...ofSession, reason: Type.Literal("delete"), ts: time }),
      shape({ ...ofSession, reason: word, runId: maybe(word), ts: time, session: its.Row }),
      shape({ ...ofSession, phase: oneOf("start", "model", "end"), runId: maybe(word), ts: time, session: its.Row }),
    ]),
  },
  "session.message": { scope: "operator.read", payload: shape({ ...ofSession, message: its.TranscriptMessage, session: maybe(its.Row) }) },
  "session.operation": { scope: "operator.read", payload: published("SessionOperationEvent") },
  "models.pull.changed": { scope: "operator.read", payload: its.Pull },
  "config.changed": { scope: "operator.read", payload: shape({ path: word, hash: word, ts: time }) },
  "skills.changed": { scope: "operator.read", payload: shape({ reason: oneOf("files", "config") }) },
  "plugins.changed": { scope: "operator.read", payload: shape({ generation: count }) },
  "budgets.reached": {
    scope: "operator.read",
    payload: shape({ level: oneOf("soft", "used-up"), limit: its.Limit, message: word, sessionKey: maybe(word), ts: time }),
  },
  ...approvalEvents,
  ...installingEvents,
  "channels.pairing.requested": { scope: "operator.pairing", payload: shape({ ...its.applicant, ts: time }) },
  "channels.pairing.resolved": {
    scope: "operator.pairing",
    payload: shape({ ...its.ofSender, requestId: word, decision: oneOf("approved", "rejected", "revoked"), ts: time }),
  },
  "device.pair.requested": { scope: "operator.pairing", payload: published("DevicePairRequestedEvent") },
  "device.pair.resolved": { scope: "operator.pairing", payload: published("DevicePairResolvedEvent") },
};

/** Observed beside the published frames: a binding to a profile, which is of no use here, and is taken. */
export const frames = {
  req: published("RequestFrame", { "": { expectedProfileId: maybe(Type.String({ maxLength: 128 })) } }),
  res: published("ResponseFrame"),
  event: published("EventFrame", { "": { recipientProfileId: maybe(word) } }),
} as const;

export const connect = {
  params: published("ConnectParams", { "": { modelCatalog: maybe(map(anything)) } }),
  /** Observed: how somebody was let in. */
  result: published("HelloOk", {
    auth: { method: oneOf("none", "token", "password", "tailscale", "device-token", "bootstrap-token", "trusted-proxy") },
    "snapshot/presence/*": { clientId: maybe(word) },
    policy: {},
  }),
} as const;
