/** Approvals on the wire (`protocol` section 4.2): commands and other tools are two kinds there, of one list here. Reviewers' own are in `review.ts`. */
import { ApprovalDecision } from "@pincer/plugin-sdk/contracts/approvals";
import { defineEvent } from "@pincer/plugin-sdk/event";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { AskedScope } from "./asked-scope.ts";

const Word = Type.String({ minLength: 1 });
const At = Type.Integer({ minimum: 0 });
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const closed = { additionalProperties: false };
const scope = "operator.approvals";
const Decided = Type.Object({
  id: Word,
  decision: orNull(ApprovalDecision),
  terminalReason: Type.Optional(Word),
  createdAtMs: At,
  expiresAtMs: At,
});
const Accepted = Type.Object({
  status: Type.Literal("accepted"),
  id: Word,
  deliveryRoute: Word,
  createdAtMs: At,
  expiresAtMs: At,
});
const of = { agentId: orNull(Word), sessionKey: orNull(Word), allowedDecisions: Type.Array(ApprovalDecision) };
const ExecRequest = Type.Object({
  command: Type.String(),
  commandArgv: Type.Optional(Type.Array(Type.String())),
  host: orNull(Word),
  nodeId: orNull(Word),
  cwd: orNull(Word),
  security: orNull(Word),
  ask: orNull(Word),
  warningText: Type.String(),
  ...of,
});
const PluginRequest = Type.Object({
  pluginId: Word,
  title: Type.String(),
  description: Type.String(),
  detail: Type.String(),
  severity: Type.Literal("warning"),
  toolName: orNull(Word),
  toolCallId: orNull(Word),
  ...of,
});

function wireOf<R extends TProperties>(kind: "exec" | "plugin", Request: ReturnType<typeof Type.Object<R>>) {
  const what = kind === "exec" ? "A command" : "A tool call";
  return {
    list: defineMethod({
      name: `${kind}.approval.list`,
      summary: `${what} that waits for the owner's word: all of them.`,
      scope,
      params: Type.Object({}),
      result: Type.Array(Type.Object({ id: Word, request: Request, createdAtMs: At, expiresAtMs: At })),
    }),
    waitDecision: defineMethod({
      name: `${kind}.approval.waitDecision`,
      summary: `Waits until it is decided. Without a decision its time was over, or what had asked has ended.`,
      scope,
      params: Type.Object({ id: Word }, closed),
      result: Decided,
    }),
    resolve: defineMethod({
      name: `${kind}.approval.resolve`,
      summary: `Allows it once, or for this tool and session from now on, or denies it.`,
      scope,
      params: Type.Object({ id: Word, decision: Word }, closed),
      result: Type.Object({ ok: Type.Literal(true) }),
    }),
    requested: defineEvent({
      name: `${kind}.approval.requested`,
      summary: `${what} waits for the owner's word.`,
      scope,
      payload: Type.Object({ id: Word, approvalKind: Type.Literal(kind), request: Request, createdAtMs: At, expiresAtMs: At }),
    }),
    resolved: defineEvent({
      name: `${kind}.approval.resolved`,
      summary: `It was decided, or nobody can decide it any more.`,
      scope,
      payload: Type.Object({ id: Word, decision: orNull(ApprovalDecision), resolvedBy: orNull(Word), ts: At, request: Request }),
    }),
  };
}
export const exec = wireOf("exec", ExecRequest);
export const plugin = wireOf("plugin", PluginRequest);

const times = { timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000 })), twoPhase: Type.Optional(Type.Boolean()) };
const maybe = Type.Optional(orNull(Word));
const clientsOnly = Type.Optional(Type.Boolean({ description: "The owner is not asked in a chat" }));

export const execRequest = defineMethod({
  name: "exec.approval.request",
  summary:
    "Asks the owner whether a command may run, and answers once that is decided; first with its id, when it is asked for in two phases.",
  scope,
  params: Type.Object(
    {
      id: Type.Optional(Word),
      // One of the two, or both, which then say the same.
      ...{ command: Type.Optional(Word), commandArgv: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 1_000 })) },
      warningText: Type.Optional(orNull(Type.String({ maxLength: 2_000 }))),
      ...{ cwd: maybe, host: maybe, nodeId: maybe, resolvedPath: maybe },
      env: Type.Optional(Type.Record(Type.String(), Type.String(), { description: "Its names are shown, and no value" })),
      ...{ agentId: maybe, sessionKey: maybe, sessionId: maybe, runId: maybe, toolCallId: maybe },
      // What the client itself holds of the command: whoever asks here wants a person's answer.
      ...{ security: maybe, ask: maybe },
      scope: Type.Optional(AskedScope),
      unavailableDecisions: Type.Optional(Type.Array(Type.String())),
      requireDeliveryRoute: Type.Optional(Type.Boolean({ description: "Either way nobody waits where nobody could see it" })),
      ...{ suppressDelivery: clientsOnly, deliverToApprovalClientsOnly: clientsOnly },
      ...times,
    },
    closed,
  ),
  result: Decided,
  accepted: Accepted,
});
export const pluginRequest = defineMethod({
  name: "plugin.approval.request",
  summary: "Asks the owner whether a plugin may do something, and answers once that is decided; first with its id, when in two phases.",
  scope,
  params: Type.Object(
    {
      title: Type.String({ minLength: 1, maxLength: 80 }),
      description: Type.String({ minLength: 1, maxLength: 512 }),
      detail: Type.Optional(orNull(Type.String({ minLength: 1, maxLength: 16_384 }))),
      severity: Type.Optional(Type.Union([Type.Literal("info"), Type.Literal("warning"), Type.Literal("critical"), Type.Null()])),
      pluginId: maybe,
      toolName: maybe,
      toolCallId: maybe,
      agentId: maybe,
      sessionKey: maybe,
      ...times,
    },
    closed,
  ),
  result: Decided,
  accepted: Accepted,
});

export const execGet = defineMethod({
  name: "exec.approval.get",
  summary: "One command that waits.",
  scope,
  params: Type.Object({ id: Word }, closed),
  result: Type.Object({
    id: Word,
    commandText: Type.String(),
    allowedDecisions: Type.Array(ApprovalDecision),
    host: orNull(Word),
    nodeId: orNull(Word),
    agentId: orNull(Word),
    expiresAtMs: At,
  }),
});

export const list = defineMethod({
  name: "approvals.list",
  summary: "What waits for the owner's word, with the codes by which it is answered.",
  scope,
  params: Type.Object({}, closed),
  result: Type.Object({
    approvals: Type.Array(
      Type.Object({
        id: Word,
        code: Word,
        tool: Word,
        access: Word,
        arguments: Type.String(),
        why: Type.String(),
        read: Type.Array(Type.String(), { description: "What stands in the conversation that the owner did not write" }),
        allowedDecisions: Type.Array(ApprovalDecision),
        sessionKey: orNull(Word),
        agentId: orNull(Word),
        createdAtMs: At,
        expiresAtMs: At,
      }),
    ),
  }),
});
export const answer = defineMethod({
  name: "approvals.answer",
  summary: "Answers what has that code or id.",
  scope,
  params: Type.Object({ code: Type.String({ minLength: 1, maxLength: 128 }), decision: ApprovalDecision }, closed),
  result: Type.Object({ id: Word, tool: Word, decision: ApprovalDecision }),
});
