/** Requests in the words of the wire, and what clients ask and answer there. */
import { ApprovalDecision } from "@pincer/plugin-sdk/contracts/approvals";
import type { MethodCall } from "@pincer/plugin-sdk/method";
import { reviewersOf } from "@pincer/plugin-sdk/wire/session";
import { Value } from "@sinclair/typebox/value";
import { commandOf } from "./command-asked.ts";
import * as methods from "./methods.ts";
import { type Approval, allowedOf, approvalErrors, type CommandFacts, everyDecision, type Requests, type Wish } from "./requests.ts";
import { shownArguments, visible } from "./shown.ts";
import { pendingOf, sessionApproval, terminalOf, titleOf } from "./snapshots.ts";
import type { ApprovalsContext } from "./uses.ts";

const decisionOf = ({ state }: Approval): ApprovalDecision | null => (Value.Check(ApprovalDecision, state) ? state : null);
const times = ({ createdAt: createdAtMs, expiresAt: expiresAtMs }: Approval) => ({ createdAtMs, expiresAtMs });

const noFacts: CommandFacts = { cwd: null, host: "gateway", nodeId: null, security: null, ask: "always" };
const execOf = (approval: Approval) => {
  const { shown, why, agentId, sessionKey, facts = noFacts } = approval;
  const { commandArgv, ...rest } = facts;
  return {
    command: shown.whole,
    ...(commandArgv === undefined ? {} : { commandArgv: [...commandArgv] }),
    ...rest,
    warningText: why,
    ...{ agentId, sessionKey, allowedDecisions: allowedOf(approval) },
  };
};
const pluginOf = (approval: Approval) => {
  const { shown, why, tool, callId, agentId, sessionKey } = approval;
  return {
    pluginId: "approvals",
    title: titleOf(approval),
    description: why.slice(0, 512),
    detail: shown.whole,
    severity: "warning" as const,
    toolName: tool,
    toolCallId: callId,
    ...{ agentId, sessionKey, allowedDecisions: allowedOf(approval) },
  };
};

export function tellRequested(ctx: ApprovalsContext, approval: Approval): void {
  const { id, kind } = approval;
  if (kind === "exec") ctx.emit(methods.exec.requested, { id, approvalKind: kind, request: execOf(approval), ...times(approval) });
  else ctx.emit(methods.plugin.requested, { id, approvalKind: kind, request: pluginOf(approval), ...times(approval) });
  const { sessionKey, createdAt: updatedAtMs } = approval;
  if (sessionKey === null) return;
  ctx.emit(sessionApproval, { sessionKey, updatedAtMs, phase: "pending", approval: pendingOf(approval) }, reviewersOf(sessionKey));
}
export function tellResolved(ctx: ApprovalsContext, approval: Approval): void {
  const { id, kind, by = null } = approval;
  const told = { id, decision: decisionOf(approval), resolvedBy: by, ts: ctx.clock.now() };
  if (kind === "exec") ctx.emit(methods.exec.resolved, { ...told, request: execOf(approval) });
  else ctx.emit(methods.plugin.resolved, { ...told, request: pluginOf(approval) });
  const { sessionKey } = approval;
  if (sessionKey === null) return;
  ctx.emit(
    sessionApproval,
    { sessionKey, updatedAtMs: told.ts, phase: "terminal", approval: terminalOf(approval) },
    reviewersOf(sessionKey),
  );
}

interface Parts {
  readonly requests: Requests;
  /** Asks, and resolves once it is decided. */
  decided(wish: Wish, signal: AbortSignal, onAsked: (approval: Approval) => void): Promise<Approval>;
  answer(which: string, decision: ApprovalDecision, by: string): Promise<Approval>;
}

export function registerWire(ctx: ApprovalsContext, { requests, decided, answer }: Parts): void {
  const found = async (kind: Approval["kind"], id: string): Promise<Approval> => {
    const approval = await requests.find(id);
    if (approval?.kind !== kind) throw approvalErrors.APPROVAL_UNKNOWN(`nothing is known under the id ${JSON.stringify(id.slice(0, 64))}`);
    return approval;
  };
  const shape = (approval: Approval) => ({
    id: approval.id,
    decision: decisionOf(approval),
    ...(decisionOf(approval) === null ? { terminalReason: approval.state } : {}),
    ...times(approval),
  });
  const listed = async (kind: Approval["kind"]) => (await requests.open()).filter((approval) => approval.kind === kind);

  ctx.event(sessionApproval);
  for (const [kind, wire] of [
    ["exec", methods.exec],
    ["plugin", methods.plugin],
  ] as const) {
    ctx.event(wire.requested);
    ctx.event(wire.resolved);
    ctx.method(wire.waitDecision, async ({ id }, { signal }) => shape(await requests.settled(await found(kind, id), signal)));
    ctx.method(wire.resolve, async ({ id, decision }, { connection }) => {
      if (!Value.Check(ApprovalDecision, decision))
        throw approvalErrors.APPROVAL_DECISION(`expected ${everyDecision.join(", ")}; came ${JSON.stringify(decision.slice(0, 64))}`);
      await found(kind, id);
      await answer(id, decision, connection.principal);
      return { ok: true as const };
    });
  }
  ctx.method(methods.exec.list, async () =>
    (await listed("exec")).map((approval) => ({ id: approval.id, request: execOf(approval), ...times(approval) })),
  );
  ctx.method(methods.plugin.list, async () =>
    (await listed("plugin")).map((approval) => ({ id: approval.id, request: pluginOf(approval), ...times(approval) })),
  );
  ctx.method(methods.execGet, async ({ id }) => {
    const approval = await found("exec", id);
    if (!requests.isOpen(approval)) throw approvalErrors.APPROVAL_UNKNOWN("it was answered, or its time is over");
    const { shown, agentId, expiresAt, facts = noFacts } = approval;
    const { host, nodeId } = facts;
    return { id, commandText: shown.whole, allowedDecisions: allowedOf(approval), host, nodeId, agentId, expiresAtMs: expiresAt };
  });

  type Accepted = MethodCall<{ status: "accepted"; id: string; deliveryRoute: string; createdAtMs: number; expiresAtMs: number }>;
  const ask = async (
    wish: Omit<Wish, "address" | "id">,
    {
      id,
      twoPhase,
      clientsOnly,
    }: { readonly id?: string | undefined; readonly twoPhase?: boolean | undefined; readonly clientsOnly?: boolean },
    call: Accepted,
  ) => {
    const own = id ?? crypto.randomUUID();
    if ((await requests.find(own)) !== undefined)
      throw approvalErrors.APPROVAL_DECISION(
        `the id ${JSON.stringify(own.slice(0, 64))} was used before; each request needs one of its own`,
      );
    const place = clientsOnly === true ? { clientsOnly } : {};
    const approval = await decided({ ...wish, ...place, id: own, address: null }, call.signal, (asked) => {
      if (twoPhase === true) call.accepted({ status: "accepted", id: asked.id, deliveryRoute: "gateway", ...times(asked) });
    });
    return shape(approval);
  };
  const asker = (call: Accepted) => `The client ${visible(call.connection.displayName ?? call.connection.clientId)} asks`;
  ctx.method(methods.execRequest, (asked, call) => {
    const { id, twoPhase, suppressDelivery, deliverToApprovalClientsOnly, timeoutMs } = asked;
    const { agentId = null, sessionKey = null, runId = null, toolCallId: callId = null } = asked;
    const { shown, facts, warning, allowed } = commandOf(asked);
    const why = warning === "" ? `${asker(call)}.` : `${asker(call)}: ${warning}`;
    return ask(
      { kind: "exec", tool: "exec", access: "exec", agentId, sessionKey, runId, callId, shown, facts, allowed, why, timeoutMs },
      { id, twoPhase, clientsOnly: suppressDelivery === true || deliverToApprovalClientsOnly === true },
      call,
    );
  });
  ctx.method(methods.pluginRequest, (asked, call) => {
    const {
      title,
      description,
      detail,
      toolName,
      toolCallId: callId = null,
      agentId = null,
      sessionKey = null,
      timeoutMs,
      twoPhase,
    } = asked;
    const shown = shownArguments([title, description, detail ?? ""].join("\n").trim());
    const tool = toolName ?? "plugin";
    return ask(
      { kind: "plugin", tool, access: "write", agentId, sessionKey, runId: null, callId, shown, why: `${asker(call)}.`, timeoutMs },
      { twoPhase },
      call,
    );
  });
}
