/** The wire methods of conversations (`protocol` sections 2 and 4.2). */
import { QueueMode } from "@pincer/plugin-sdk/job";
import { defineMethod, type Scope } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";
import { CommandEntry, scopeOf } from "./commands.ts";
import { WireMessage } from "./wire-message.ts";

const closed = { additionalProperties: false };
const text = Type.Optional(Type.String());
const name = Type.Optional(Type.String({ minLength: 1 }));
const flag = Type.Optional(Type.Boolean());
const key = Type.String({ minLength: 1, maxLength: 512 });
const runId = Type.String({ minLength: 1, maxLength: 512 });
const millis = Type.Optional(Type.Integer({ minimum: 0 }));
const Row = Type.Record(Type.String(), Type.Unknown());

const Attachments = Type.Optional(
  Type.Array(
    Type.Object({
      type: text,
      mimeType: text,
      fileName: text,
      content: Type.Optional(Type.String({ description: "Base64, or a data: URL" })),
      sizeBytes: Type.Optional(Type.Number()),
    }),
  ),
);

const Ended = Type.Union([Type.Literal("ok"), Type.Literal("error"), Type.Literal("timeout"), Type.Literal("aborted")]);
const Sent = Type.Object({ runId, status: Type.Union([Type.Literal("started"), Type.Literal("in_flight"), Ended]) });

/** Said by the scope and not by the handler, so that who emptied a conversation, or was refused to, is recorded. */
const turnScope: Scope = {
  least: "operator.write",
  of(params) {
    const { message, suppressCommandInterpretation } = params as { message?: string; suppressCommandInterpretation?: boolean };
    return suppressCommandInterpretation ? "operator.write" : scopeOf(message ?? "");
  },
};

export const chatSend = defineMethod({
  name: "chat.send",
  summary: "Sends a message to a session; the answer comes as `chat` and `agent` events under the run's id, which is the idempotency key.",
  scope: turnScope,
  idempotency: "handled",
  params: Type.Object(
    {
      sessionKey: key,
      agentId: name,
      sessionId: name,
      message: Type.String(),
      thinking: text,
      queueMode: Type.Optional(QueueMode),
      deliver: flag,
      originatingChannel: text,
      originatingTo: text,
      originatingAccountId: text,
      originatingThreadId: text,
      replyToId: name,
      attachments: Attachments,
      timeoutMs: millis,
      suppressCommandInterpretation: flag,
      expectedLeafEntryId: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Null()])),
      idempotencyKey: runId,
    },
    closed,
  ),
  result: Sent,
});

export const sessionsSend = defineMethod({
  name: "sessions.send",
  summary: "Sends a message to a session.",
  scope: turnScope,
  idempotency: "handled",
  params: Type.Object(
    {
      key,
      agentId: name,
      message: Type.String(),
      thinking: text,
      attachments: Attachments,
      timeoutMs: millis,
      idempotencyKey: Type.Optional(runId),
    },
    closed,
  ),
  result: Sent,
});

export const sessionsSteer = defineMethod({
  ...sessionsSend,
  name: "sessions.steer",
  summary: "Stops what runs in a session, and sends a message to it. An older name of chat.send with queueMode interrupt.",
});

export const chatAbort = defineMethod({
  name: "chat.abort",
  summary: "Stops a run, or all that runs and waits in a session.",
  scope: "operator.write",
  params: Type.Object({ sessionKey: key, agentId: name, runId: Type.Optional(runId), preserveSideRuns: flag }, closed),
  result: Type.Object({ ok: Type.Literal(true), aborted: Type.Boolean(), runIds: Type.Array(Type.String()) }),
});

export const sessionsAbort = defineMethod({
  name: "sessions.abort",
  summary: "Stops what runs in a session; with clearQueued also what waits there.",
  scope: "operator.write",
  params: Type.Object({ key: Type.Optional(key), agentId: name, runId: Type.Optional(runId), clearQueued: flag }, closed),
  result: Type.Object({
    ok: Type.Literal(true),
    aborted: Type.Boolean(),
    runIds: Type.Array(Type.String()),
    abortedRunId: Type.Union([Type.String(), Type.Null()]),
    status: Type.Union([Type.Literal("aborted"), Type.Literal("no-active-run")]),
  }),
});

export const sessionsCompact = defineMethod({
  name: "sessions.compact",
  summary: "Replaces the beginning of a conversation, for the model, by a summary; with maxLines cuts it off instead.",
  scope: "operator.admin",
  params: Type.Object({ key, agentId: name, maxLines: Type.Optional(Type.Integer({ minimum: 1 })) }, closed),
  result: Type.Object({ ok: Type.Literal(true), key: Type.String(), compacted: Type.Boolean(), reason: text }),
});

export const chatInject = defineMethod({
  name: "chat.inject",
  summary: "Appends a message of the assistant to a conversation, without asking a model.",
  scope: "operator.admin",
  params: Type.Object(
    {
      sessionKey: key,
      agentId: name,
      message: Type.String({ minLength: 1 }),
      label: Type.Optional(Type.String({ maxLength: 100 })),
      note: Type.Optional(Type.Boolean({ description: "For people alone: no model sees it" })),
    },
    closed,
  ),
  result: Type.Object({ ok: Type.Literal(true), messageId: Type.String() }),
});

const HistoryParams = Type.Object(
  {
    sessionKey: key,
    agentId: name,
    sessionId: name,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    offset: Type.Optional(Type.Integer({ minimum: 0 })),
    cursor: text,
    maxBytes: Type.Optional(Type.Integer({ minimum: 1 })),
    maxChars: Type.Optional(Type.Integer({ minimum: 1, maximum: 500_000 })),
    messageId: name,
    inputRunIds: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 50, uniqueItems: true })),
  },
  closed,
);

const InFlight = Type.Object({ runId: Type.String(), text: Type.String(), startedAt: Type.Integer() });
const PendingInputs = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      runId: Type.String(),
      message: Type.Unknown(),
      acceptedAt: Type.Integer(),
      state: Type.Literal("queued"),
    }),
    { maxItems: 20 },
  ),
  total: Type.Integer(),
});
const Receipt = Type.Union([
  Type.Object({ runId: Type.String(), state: Type.Literal("pending") }),
  Type.Object({ runId: Type.String(), state: Type.Literal("consumed"), consumedByEventId: Type.String() }),
]);
const now = {
  sessionInfo: Type.Optional(Row),
  inFlightRun: Type.Optional(InFlight),
  pendingInputs: PendingInputs,
  inputReceipts: Type.Optional(Type.Array(Receipt)),
  inputConsumptions: Type.Optional(Type.Array(Type.Object({ runId: Type.String(), consumedByEventId: Type.String() }))),
};
const HistoryResult = Type.Union([
  Type.Object({
    sessionKey: Type.String(),
    sessionId: text,
    messages: Type.Array(WireMessage),
    hasMore: Type.Boolean(),
    nextOffset: Type.Optional(Type.Integer()),
    totalMessages: Type.Integer(),
    deltaCursor: text,
    defaults: Row,
    thinkingLevel: Type.String(),
    ...now,
  }),
  Type.Object({ kind: Type.Literal("delta"), messages: Type.Array(WireMessage), deltaCursor: Type.String(), ...now }),
  Type.Object({ kind: Type.Literal("reset") }),
]);

export const chatHistory = defineMethod({
  name: "chat.history",
  summary: "The conversation, newest last, and what runs and waits in it; with a cursor, what came since.",
  scope: "operator.read",
  params: HistoryParams,
  result: HistoryResult,
});

export const chatStartup = defineMethod({
  ...chatHistory,
  name: "chat.startup",
  summary: "What a chat needs to begin: the same as chat.history.",
});

export const chatMessageGet = defineMethod({
  name: "chat.message.get",
  summary: "One message of a conversation, whole.",
  scope: "operator.read",
  params: Type.Object(
    {
      sessionKey: key,
      agentId: name,
      messageId: Type.String({ minLength: 1 }),
      maxChars: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_000_000 })),
    },
    closed,
  ),
  result: Type.Object({
    ok: Type.Boolean(),
    message: Type.Optional(WireMessage),
    unavailableReason: Type.Optional(Type.Literal("not_found")),
  }),
});

export const chatMetadata = defineMethod({
  name: "chat.metadata",
  summary: "The models and commands that a chat offers.",
  scope: "operator.read",
  params: Type.Object({ agentId: name, sessionKey: name }, closed),
  result: Type.Object({ models: Type.Array(Type.Unknown()), commands: Type.Array(CommandEntry) }),
});

export const agent = defineMethod({
  name: "agent",
  summary: "Runs a turn, and answers twice: when it is accepted, and with its result.",
  scope: turnScope,
  idempotency: "handled",
  params: Type.Object(
    {
      message: Type.String({ minLength: 1 }),
      idempotencyKey: runId,
      agentId: name,
      sessionKey: text,
      sessionId: text,
      /** For whom it is, beside who asks; budgets and usage know them apart. */
      user: Type.Optional(Type.String({ maxLength: 512 })),
      provider: text,
      model: text,
      thinking: text,
      deliver: flag,
      to: text,
      replyTo: text,
      channel: text,
      replyChannel: text,
      accountId: text,
      replyAccountId: text,
      threadId: text,
      attachments: Attachments,
      timeout: Type.Optional(Type.Integer({ minimum: 0, description: "Seconds; 0 is without limit" })),
      lane: text,
      label: text,
      extraSystemPrompt: text,
      bestEffortDeliver: flag,
    },
    closed,
  ),
  accepted: Type.Object({
    runId,
    sessionKey: Type.String(),
    agentId: Type.String(),
    status: Type.Literal("accepted"),
    acceptedAt: Type.Integer(),
  }),
  result: Type.Object({
    runId,
    status: Ended,
    summary: Type.String(),
    result: Type.Object({
      payloads: Type.Array(Type.Object({ text: Type.String(), mediaUrl: Type.Null() })),
      meta: Type.Object({
        durationMs: Type.Integer(),
        stopReason: Type.String(),
        aborted: Type.Boolean(),
        /** The code of whoever did not let a model be called. */
        refusal: text,
        agentMeta: Type.Object({ sessionId: text, provider: text, model: text, usage: Type.Optional(Type.Unknown()) }),
      }),
    }),
  }),
});

export const agentWait = defineMethod({
  name: "agent.wait",
  summary: "Waits for a run to end.",
  scope: "operator.write",
  params: Type.Object({ runId, timeoutMs: millis }, closed),
  result: Type.Object({
    runId,
    /** A run that was stopped ended in `error`, and `stopReason` says so. */
    status: Type.Union([Type.Literal("ok"), Type.Literal("error"), Type.Literal("timeout")]),
    startedAt: Type.Optional(Type.Integer()),
    endedAt: Type.Optional(Type.Integer()),
    stopReason: text,
    error: text,
    terminalReply: Type.Optional(
      Type.Union([
        Type.Object({ disposition: Type.Literal("visible"), text: Type.String() }),
        Type.Object({ disposition: Type.Literal("empty") }),
      ]),
    ),
  }),
});

export const agentIdentity = defineMethod({
  name: "agent.identity.get",
  summary: "What an agent is called.",
  scope: "operator.read",
  params: Type.Object({ agentId: name, sessionKey: text }, closed),
  result: Type.Object(
    { agentId: Type.String(), name: Type.String(), nameSource: Type.Literal("config"), emoji: text, avatar: text },
    closed,
  ),
});

export const commandsList = defineMethod({
  name: "commands.list",
  summary: "The commands that may be typed as messages.",
  scope: "operator.read",
  params: Type.Object(
    {
      agentId: name,
      sessionKey: name,
      provider: name,
      scope: Type.Optional(Type.Union([Type.Literal("text"), Type.Literal("native"), Type.Literal("both")])),
      includeArgs: flag,
    },
    closed,
  ),
  result: Type.Object({ commands: Type.Array(CommandEntry) }, closed),
});

const Tool = {
  id: Type.String(),
  label: Type.String(),
  description: Type.String(),
  source: Type.Literal("plugin"),
  pluginId: Type.String(),
};
const risk = Type.Union([Type.Literal("low"), Type.Literal("medium"), Type.Literal("high")]);
const profile = Type.Literal("full");

export const toolsCatalog = defineMethod({
  name: "tools.catalog",
  summary: "Every tool that is installed, by plugin.",
  scope: "operator.read",
  params: Type.Object({ agentId: name, includePlugins: flag }, closed),
  result: Type.Object({
    agentId: Type.String(),
    profiles: Type.Array(Type.Object({ id: profile, label: Type.String() })),
    groups: Type.Array(
      Type.Object({
        id: Type.String(),
        label: Type.String(),
        source: Type.Literal("plugin"),
        pluginId: Type.String(),
        tools: Type.Array(Type.Object({ ...Tool, risk, defaultProfiles: Type.Array(profile) })),
      }),
    ),
  }),
});

export const toolsEffective = defineMethod({
  name: "tools.effective",
  summary: "The tools that a session's model is offered.",
  scope: "operator.read",
  params: Type.Object({ agentId: name, sessionKey: Type.String({ minLength: 1 }) }, closed),
  result: Type.Object({
    agentId: Type.String(),
    profile,
    groups: Type.Array(
      Type.Object({
        id: Type.Literal("plugin"),
        label: Type.String(),
        source: Type.Literal("plugin"),
        tools: Type.Array(Type.Object({ ...Tool, rawDescription: Type.String(), risk })),
      }),
    ),
    notices: Type.Optional(Type.Array(Type.Object({ id: Type.String(), severity: Type.Literal("warning"), message: Type.String() }))),
  }),
});
