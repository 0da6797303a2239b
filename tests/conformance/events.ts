/** Every event that a gateway advertises, and who receives it. */
import { type TSchema, Type } from "@sinclair/typebox";
import { approvalEvents } from "./approvals.ts";
import type { EventEntry } from "./entry.ts";
import { installingEvents } from "./installing.ts";
import { published } from "./published.ts";
import * as its from "./shapes.ts";

const { anything, count, flag, list, maybe, oneOf, params, shape, text, time, word } = its;

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
