/** A request as the wire's reviewers are shown it, open or decided (`approval.*`, `session.approval`). */
import { ApprovalDecision } from "@pincer/plugin-sdk/contracts/approvals";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { type Static, Type } from "@sinclair/typebox";
import { type Approval, allowedOf } from "./requests.ts";

const Word = Type.String({ minLength: 1 });
const At = Type.Integer({ minimum: 0 });
const maybe = Type.Union([Word, Type.Null()]);
const literal = <W extends string>(...words: W[]) => Type.Union(words.map((word) => Type.Literal(word)));

const Presentation = Type.Union([
  Type.Object({
    kind: Type.Literal("exec"),
    commandText: Word,
    warningText: Type.Union([Type.String(), Type.Null()]),
    ...{ host: maybe, nodeId: maybe, agentId: maybe },
    allowedDecisions: Type.Array(ApprovalDecision),
  }),
  Type.Object({
    kind: Type.Literal("plugin"),
    title: Word,
    description: Word,
    detail: Type.Optional(Word),
    severity: literal("info", "warning", "critical"),
    ...{ pluginId: maybe, toolName: maybe, agentId: maybe },
    allowedDecisions: Type.Array(ApprovalDecision),
  }),
]);
const common = { id: Word, urlPath: Word, createdAtMs: At, expiresAtMs: At, presentation: Presentation };
export const Pending = Type.Object({ ...common, status: Type.Literal("pending") });
export type Pending = Static<typeof Pending>;

const Resolver = Type.Object({ kind: literal("device", "channel"), id: Type.Optional(Word) });
const ended = { ...common, resolvedAtMs: At, resolver: Type.Optional(Resolver) };
export const Terminal = Type.Union([
  Type.Object({ ...ended, status: Type.Literal("allowed"), decision: literal("allow-once", "allow-always"), reason: Type.Literal("user") }),
  Type.Object({ ...ended, status: Type.Literal("denied"), decision: Type.Literal("deny"), reason: literal("user", "no-route") }),
  Type.Object({ ...ended, status: Type.Literal("expired"), reason: Type.Literal("timeout") }),
  Type.Object({ ...ended, status: Type.Literal("cancelled"), reason: Type.Literal("run-aborted") }),
]);
export type Terminal = Static<typeof Terminal>;

export const sessionApproval = defineEvent({
  name: "session.approval",
  summary: "A request of a session that is followed with its approvals: it waits, or it was decided.",
  scope: "operator.approvals",
  payload: Type.Union([
    Type.Object({ sessionKey: Word, updatedAtMs: At, phase: Type.Literal("pending"), approval: Pending }),
    Type.Object({ sessionKey: Word, updatedAtMs: At, phase: Type.Literal("terminal"), approval: Terminal }),
  ]),
});

const presentationOf = (approval: Approval): Static<typeof Presentation> => {
  const { kind, shown, why, tool, agentId, facts } = approval;
  const allowedDecisions = allowedOf(approval);
  if (kind === "exec") {
    const { host = "gateway", nodeId = null } = facts ?? {};
    return { kind, commandText: shown.whole || tool, warningText: why, host, nodeId, agentId, allowedDecisions };
  }
  return {
    kind,
    title: titleOf(approval),
    description: why.slice(0, 512) || tool,
    ...(shown.whole === "" ? {} : { detail: shown.whole }),
    severity: "warning",
    ...{ pluginId: "approvals", toolName: tool, agentId, allowedDecisions },
  };
};
export const titleOf = ({ tool }: Pick<Approval, "tool">): string => `Run ${tool}?`.slice(0, 80);

const head = (approval: Approval) => ({
  id: approval.id,
  /** Of the page, which opens there on what waits. */
  urlPath: `/approve/${encodeURIComponent(approval.id)}`,
  createdAtMs: approval.createdAt,
  expiresAtMs: approval.expiresAt,
  presentation: presentationOf(approval),
});

export const pendingOf = (approval: Approval): Pending => ({ ...head(approval), status: "pending" });

/** On a channel it is `<channel>:<sender>`; elsewhere a device, or whoever has the shared secret. */
const resolverOf = (by: string | undefined): Pick<Terminal, "resolver"> => {
  if (by === undefined) return {};
  if (by === "shared") return { resolver: { kind: "device" } };
  return { resolver: { kind: by.includes(":") ? "channel" : "device", id: by } };
};

/** One whose time is over is expired, also before anybody has noticed. */
export function terminalOf(approval: Approval): Terminal {
  const { state, by, decidedAt, expiresAt, unseen } = approval;
  const at = { ...head(approval), resolvedAtMs: decidedAt ?? expiresAt, ...resolverOf(by) };
  if (state === "allow-once" || state === "allow-always") return { ...at, status: "allowed", decision: state, reason: "user" };
  if (state === "deny") return { ...at, status: "denied", decision: state, reason: "user" };
  if (state !== "withdrawn") return { ...at, status: "expired", reason: "timeout" };
  return unseen === true
    ? { ...at, status: "denied", decision: "deny", reason: "no-route" }
    : { ...at, status: "cancelled", reason: "run-aborted" };
}
