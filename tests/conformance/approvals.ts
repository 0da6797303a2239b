/** What the wire says of approvals: commands (`exec.*`) and the calls of other tools (`plugin.*`). */
import { type TSchema, Type } from "@sinclair/typebox";
import type { MethodEntry } from "./entry.ts";
import { published } from "./published.ts";
import { list, maybe, ok, oneOf, orNull, params, shape, text, time, word } from "./shapes.ts";

const decision = oneOf("allow-once", "allow-always", "deny");
const times = { createdAtMs: time, expiresAtMs: time };
const of = { agentId: orNull(word), sessionKey: orNull(word), allowedDecisions: Type.Array(decision, { minItems: 1 }) };
const execRequest = shape({ command: word, host: orNull(word), nodeId: orNull(word), cwd: orNull(word), ask: orNull(word), ...of });
const pluginRequest = shape({ pluginId: word, title: word, description: word, severity: oneOf("info", "warning", "critical"), ...of });

const waiting = (request: TSchema) => list(shape({ id: word, request, ...times }));
const decided = shape({ id: word, decision: orNull(decision), terminalReason: maybe(word), ...times });
const accepted = shape({ status: Type.Literal("accepted"), id: word, deliveryRoute: word, ...times });
const requested = (kind: string, request: TSchema) => shape({ id: word, approvalKind: Type.Literal(kind), request, ...times });
const resolved = (request: TSchema) => shape({ id: word, decision: orNull(decision), resolvedBy: orNull(word), ts: time, request });

const scope = "operator.approvals";
const entry = (takes: TSchema, result: TSchema, more: Partial<MethodEntry> = {}): MethodEntry => ({
  scope,
  params: takes,
  result,
  ...more,
});
const grant = shape({ sessionKey: word, tool: word });
const turnSource = ["turnSourceChannel", "turnSourceTo", "turnSourceAccountId", "turnSourceThreadId"];

/** The published one says null by a list of types, which our checker does not know. */
const pluginParams = params({
  title: Type.String({ minLength: 1, maxLength: 80 }),
  description: Type.String({ minLength: 1, maxLength: 512 }),
  detail: maybe(orNull(Type.String({ minLength: 1, maxLength: 16_384 }))),
  severity: maybe(orNull(oneOf("info", "warning", "critical"))),
  ...{ pluginId: maybe(orNull(word)), toolName: maybe(orNull(word)), toolCallId: maybe(orNull(word)) },
  ...{ agentId: maybe(orNull(word)), sessionKey: maybe(orNull(word)) },
  timeoutMs: maybe(Type.Integer({ minimum: 1 })),
  twoPhase: maybe(Type.Boolean()),
});

export const approvalMethods: Readonly<Record<string, MethodEntry>> = {
  "exec.approval.list": entry(shape({}), waiting(execRequest)),
  "exec.approval.get": entry(
    published("ExecApprovalGetParams"),
    shape({ id: word, commandText: text, allowedDecisions: list(decision), agentId: orNull(word), expiresAtMs: time }),
  ),
  "exec.approval.request": entry(published("ExecApprovalRequestParams"), decided, {
    accepted,
    refuses: ["systemRunPlan", "commandSpans", "approvalReviewerDeviceIds", ...turnSource],
  }),
  "exec.approval.waitDecision": entry(params({ id: word }), decided),
  "exec.approval.resolve": entry(published("ExecApprovalResolveParams"), shape({ ok }), { refuses: ["reviewer", "grantExpiresInDays"] }),
  "plugin.approval.list": entry(shape({}), waiting(pluginRequest)),
  "plugin.approval.request": entry(pluginParams, decided, { accepted }),
  "plugin.approval.waitDecision": entry(params({ id: word }), decided),
  "plugin.approval.resolve": entry(published("PluginApprovalResolveParams"), shape({ ok }), { refuses: ["reviewer"] }),
  "approvals.list": entry(
    params(),
    shape({
      approvals: list(
        shape({
          ...{ id: word, code: Type.String({ pattern: "^[A-Z0-9]{8}$" }), tool: word, access: oneOf("read", "write", "exec", "network") },
          ...{ read: list(word), allowedDecisions: Type.Array(decision, { minItems: 1 }) },
          ...{ arguments: text, why: word, sessionKey: orNull(word), agentId: orNull(word), ...times },
        }),
      ),
    }),
  ),
  "approvals.answer": entry(params({ code: word, decision }), shape({ id: word, tool: word, decision })),
  "approval.get": entry(published("ApprovalGetParams"), published("ApprovalGetResult")),
  "approval.resolve": entry(published("ApprovalResolveParams"), published("ApprovalResolveResult"), {
    refuses: ["reviewer", "grantExpiresInDays"],
  }),
  "approval.history": entry(published("ApprovalHistoryParams"), published("ApprovalHistoryResult")),
  "exec.approval.grants.list": entry(published("ExecApprovalGrantsListParams"), published("ExecApprovalGrantsListResult")),
  "exec.approval.grants.revoke": entry(published("ExecApprovalGrantsRevokeParams"), published("ExecApprovalGrantsRevokeResult")),
  "exec.approvals.get": { ...entry(published("ExecApprovalsGetParams"), published("ExecApprovalsSnapshot")), scope: "operator.admin" },
  "exec.approvals.set": { ...entry(published("ExecApprovalsSetParams"), published("ExecApprovalsSnapshot")), scope: "operator.admin" },
  "approvals.grants": entry(params(), shape({ grants: list(grant) })),
  "approvals.revoke": entry(params({ sessionKey: word, tool: word }), shape({ revoked: Type.Boolean() })),
};

export const approvalEvents: Readonly<Record<string, { readonly scope: typeof scope; readonly payload: TSchema }>> = {
  "exec.approval.requested": { scope, payload: requested("exec", execRequest) },
  "exec.approval.resolved": { scope, payload: resolved(execRequest) },
  "plugin.approval.requested": { scope, payload: requested("plugin", pluginRequest) },
  "plugin.approval.resolved": { scope, payload: resolved(pluginRequest) },
  "session.approval": { scope, payload: published("SessionApprovalEvent") },
};
