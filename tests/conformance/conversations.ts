/** The methods of conversations: turns, chat, sessions. */
import { Type } from "@sinclair/typebox";
import { admin, type MethodEntry, read, write } from "./entry.ts";
import { published } from "./published.ts";
import * as its from "./shapes.ts";

const { flag, list, maybe, ok, orNull, params, shape, text, time, word } = its;

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
/** `activeOnly` is observed, and not published. */
const listParams = published("SessionsListParams", { "": { activeOnly: maybe(flag) } });

/** Fields of a session that its own writer may set (`protocol` section 3); every other one is the administrator's. */
const writersFields = new Set([
  ...["key", "agentId", "expectedSessionId", "expectedLifecycleRevision", "expectedMarkedUnreadAt", "expectedPermissionMode"],
  ...["label", "icon", "color", "category", "pinned", "archived", "unread", "model", "thinkingLevel", "fastMode", "permissionMode"],
]);
const adminsCreateFields = ["incognito", "execNode", "toolOverrides"];
const emptiesSession = (message: unknown) => typeof message === "string" && /^\/(new|reset)(\s|$)/i.test(message.trim());

export const conversationMethods: Readonly<Record<string, MethodEntry>> = {
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
};
