/** The hooks of the gateway, few and documented. */
import { Type } from "@sinclair/typebox";
import { InboundMessage } from "./contracts/inbox.ts";
import { OutboundMessage } from "./contracts/outbox.ts";
import { ModelInfo } from "./contracts/provider.ts";
import { defineHook } from "./hook.ts";
import { Admission } from "./job.ts";
import { Message, Usage } from "./message.ts";

const Session = { sessionKey: Type.String(), agentId: Type.String(), runId: Type.String() };

export const inboundReceived = defineHook.transform(
  "inbound.received",
  "A message has come in and was not seen before; its text may be changed before it is routed.",
  InboundMessage,
);
export const turnStarting = defineHook.gate(
  "turn.starting",
  "A turn is about to run; a veto ends it with the reason.",
  Type.Object({ ...Session, owner: Type.Boolean() }),
);
export const turnEnded = defineHook.all("turn.ended", "A turn has ended.", Type.Object({ ...Session, state: Type.String() }));
export const promptBuilding = defineHook.transform(
  "prompt.building",
  "Sections of the system prompt, in order; a handler may add, change or drop some.",
  Type.Object({
    ...Session,
    sections: Type.Array(
      Type.Object({
        id: Type.String(),
        text: Type.String(),
        /** It holds for this turn alone, and stands behind what providers cache. */
        turn: Type.Optional(Type.Boolean()),
      }),
    ),
    /** What was said that the turn answers. */
    said: Type.Optional(Type.String()),
    /** The names of the tools that the model is offered. */
    tools: Type.Optional(Type.Array(Type.String())),
  }),
);
/** One call of a model, by whom and for whom. */
const ModelCall = {
  callId: Type.String(),
  model: Type.String(),
  sessionKey: Type.Optional(Type.String()),
  agentId: Type.Optional(Type.String()),
  runId: Type.Optional(Type.String()),
  /** As `llm` has it. */
  user: Type.Optional(Type.String()),
  /** The auth profile whose credential it is made with. */
  profile: Type.Optional(Type.String()),
};
export const modelCalling = defineHook.gate(
  "model.calling",
  "A model is about to be called; a veto (a budget, for example) refuses the call.",
  Type.Object({
    ...ModelCall,
    /** About as many as the vendor will count. */
    inputTokens: Type.Integer(),
    /** What the caller lets the answer have at most; absent: as the model does. */
    maxOutputTokens: Type.Optional(Type.Integer()),
    /** What the model itself lets it have at most; absent: not known. */
    longestOutput: Type.Optional(Type.Integer()),
    /** Of a request of that size; null: not known. */
    price: ModelInfo.properties.price,
    /** Of a recording that is about to be heard: about how long it is, and what that costs, in US dollars; null: not known. */
    recording: Type.Optional(Type.Object({ seconds: Type.Number(), usd: Type.Union([Type.Number(), Type.Null()]) })),
  }),
);
export const modelCalled = defineHook.all(
  "model.called",
  "A call has ended that was about to be made, however it ended: also one that was refused.",
  Type.Object({
    ...ModelCall,
    /** `cost` is null where nobody knows the price. Nothing was used when nothing reached the vendor. */
    usage: Usage,
    /** The vendor did not count, as when the call broke off: this is reckoned from what was sent and what had come. */
    estimated: Type.Boolean(),
  }),
);
export const jobAdmitting = defineHook.gate(
  "job.admitting",
  "A job that asks models (`spends`) is about to be admitted; a veto refuses the admission. What jobs send themselves is not asked about.",
  Type.Omit(Admission, ["input"]),
);
export const toolCalling = defineHook.gate(
  "tool.calling",
  "A tool is about to run; a veto is shown to the model as a refusal.",
  Type.Object({ ...Session, tool: Type.String(), access: Type.String(), arguments: Type.Unknown(), owner: Type.Boolean() }),
);
export const replyReady = defineHook.transform(
  "reply.ready",
  "The assistant's message, before it is kept and sent.",
  Type.Object({ ...Session, message: Message }),
);
export const deliveryEnded = defineHook.all(
  "delivery.ended",
  "An outbound message was delivered, failed, or is uncertain.",
  Type.Object({ message: OutboundMessage, state: Type.String() }),
);
export const jobFailed = defineHook.all(
  "job.failed",
  "A job was given up: its handler threw, its steps were not those of its journal, or the process died each time it ran.",
  Type.Object({
    key: Type.String(),
    kind: Type.String(),
    lane: Type.String(),
    input: Type.Unknown(),
    state: Type.Union([Type.Literal("failed"), Type.Literal("parked")]),
    code: Type.String(),
    message: Type.String(),
  }),
);
export const sessionDefaults = defineHook.first(
  "session.defaults",
  "What holds for an agent's sessions that chose nothing, such as the default model; shown with lists of sessions.",
  Type.Object({ agentId: Type.String() }),
  Type.Record(Type.String(), Type.Unknown()),
);
export const sessionEnded = {
  ...defineHook.all(
    "session.ended",
    "A session is about to be reset or deleted, or fell idle. What runs in it is stopped and waited for.",
    Type.Object({ sessionKey: Type.String(), reason: Type.String() }),
  ),
  stops: true,
} as const;
export const gatewayStarted = defineHook.all("gateway.started", "The gateway is ready.", Type.Object({}));
export const gatewayStopping = defineHook.all("gateway.stopping", "The gateway drains and stops.", Type.Object({ reason: Type.String() }));
