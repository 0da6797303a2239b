/** `channels.*`, `send`, `poll` and `message.action` on the wire (`protocol` section 4.2). */
import { Probe } from "@pincer/plugin-sdk/contracts/channel-actions";
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

const closed = { additionalProperties: false };
const named = Type.Record(Type.String(), Type.String());
const when = Type.Union([Type.Integer(), Type.Null()]);

const AccountStatus = Type.Object({
  accountId: Type.String(),
  name: Type.Optional(Type.String()),
  enabled: Type.Boolean(),
  configured: Type.Boolean(),
  linked: Type.Boolean(),
  running: Type.Boolean(),
  connected: Type.Boolean(),
  reconnectAttempts: Type.Integer(),
  lastStartAt: when,
  lastStopAt: when,
  lastConnectedAt: when,
  lastInboundAt: when,
  lastOutboundAt: when,
  lastError: Type.Union([Type.String(), Type.Null()]),
  lastUndelivered: Type.Union([
    Type.Object({
      at: Type.Integer(),
      state: Type.Union([Type.Literal("failed"), Type.Literal("uncertain")]),
      conversation: Type.String(),
      detail: Type.String(),
    }),
    Type.Null(),
  ]),
  healthState: Type.String(),
  /** What to do about an account that is on and not connected. */
  hint: Type.Optional(Type.String()),
  /** Whether `channels.logout` can end its login. */
  hasLogin: Type.Boolean(),
  /** Where it was asked for: what the platform says of the login. */
  probe: Type.Optional(Probe),
  lastProbeAt: Type.Optional(when),
});

export const channelsStatus = defineMethod({
  name: "channels.status",
  summary: "How each account of each channel is.",
  scope: "operator.read",
  params: Type.Object(
    {
      probe: Type.Optional(Type.Boolean()),
      timeoutMs: Type.Optional(Type.Integer({ minimum: 0 })),
      channel: Type.Optional(Type.String({ minLength: 1 })),
    },
    closed,
  ),
  result: Type.Object({
    ts: Type.Integer(),
    channelOrder: Type.Array(Type.String()),
    channelLabels: named,
    channels: Type.Record(
      Type.String(),
      Type.Object({ configured: Type.Boolean(), running: Type.Boolean(), connected: Type.Boolean(), ok: Type.Boolean() }),
    ),
    channelAccounts: Type.Record(Type.String(), Type.Array(AccountStatus)),
    channelDefaultAccountId: named,
    channelMeta: Type.Array(Type.Object({ id: Type.String(), label: Type.String(), detailLabel: Type.String() })),
  }),
});

export const check = defineMethod({
  name: "delivery.check",
  summary: "Asks the platform of each account whether its login holds, for pincer doctor.",
  scope: "operator.read",
  params: Type.Object({}, closed),
  result: Type.Object({
    findings: Type.Array(
      Type.Object({
        check: Type.String(),
        level: Type.Union([Type.Literal("ok"), Type.Literal("warning"), Type.Literal("error")]),
        detail: Type.String(),
        mend: Type.Optional(Type.String({ description: "What to type" })),
      }),
    ),
  }),
});

const which = Type.Object({ channel: Type.String({ minLength: 1 }), accountId: Type.Optional(Type.String()) }, closed);

export const channelsStart = defineMethod({
  name: "channels.start",
  summary: "Connects an account.",
  scope: "operator.admin",
  params: which,
  result: Type.Object({ channel: Type.String(), accountId: Type.String(), started: Type.Boolean() }),
});

export const channelsStop = defineMethod({
  name: "channels.stop",
  summary: "Disconnects an account until it is started again.",
  scope: "operator.admin",
  params: which,
  result: Type.Object({ channel: Type.String(), accountId: Type.String(), stopped: Type.Boolean() }),
});

export const channelsLogout = defineMethod({
  name: "channels.logout",
  summary: "Ends an account's login on its platform, and disconnects it.",
  scope: "operator.admin",
  params: which,
  result: Type.Object({ channel: Type.String(), accountId: Type.String(), cleared: Type.Boolean(), loggedOut: Type.Boolean() }),
});

const Sent = Type.Object({
  runId: Type.String(),
  channel: Type.String(),
  to: Type.String(),
  status: Type.Union([Type.Literal("delivered"), Type.Literal("uncertain")]),
  messageId: Type.Optional(Type.String()),
  messageIds: Type.Array(Type.String()),
  detail: Type.Optional(Type.String()),
});

export const send = defineMethod({
  name: "send",
  summary: "Sends a message to a conversation of a channel, and answers when the channel has.",
  scope: "operator.write",
  idempotency: "handled",
  params: Type.Object(
    {
      to: Type.String({ minLength: 1 }),
      message: Type.Optional(Type.String()),
      buffer: Type.Optional(Type.String({ description: "An attachment, base64" })),
      filename: Type.Optional(Type.String()),
      contentType: Type.Optional(Type.String()),
      channel: Type.Optional(Type.String()),
      accountId: Type.Optional(Type.String()),
      threadId: Type.Optional(Type.String()),
      replyToId: Type.Optional(Type.String()),
      sessionKey: Type.Optional(Type.String()),
      agentId: Type.Optional(Type.String()),
      idempotencyKey: Type.String({ minLength: 1 }),
    },
    closed,
  ),
  result: Sent,
});

const pollOption = Type.String({ minLength: 1 });

export const poll = defineMethod({
  name: "poll",
  summary: "Asks a conversation of a channel to vote, and answers when the channel has the poll.",
  scope: "operator.write",
  idempotency: "handled",
  params: Type.Object(
    {
      to: Type.String({ minLength: 1 }),
      question: Type.String({ minLength: 1 }),
      options: Type.Array(pollOption, { minItems: 2, maxItems: 12 }),
      maxSelections: Type.Optional(Type.Integer({ minimum: 1, maximum: 12 })),
      durationSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
      durationHours: Type.Optional(Type.Integer({ minimum: 1 })),
      threadId: Type.Optional(Type.String()),
      channel: Type.Optional(Type.String()),
      accountId: Type.Optional(Type.String()),
      idempotencyKey: Type.String({ minLength: 1 }),
    },
    closed,
  ),
  result: Sent,
});

export const messageAction = defineMethod({
  name: "message.action",
  summary: "Reacts to a message of a channel, changes it, or removes it.",
  scope: "operator.write",
  idempotency: "kept",
  params: Type.Object(
    {
      channel: Type.String({ minLength: 1 }),
      action: Type.String({ minLength: 1, description: "react, edit or delete" }),
      params: Type.Record(Type.String(), Type.Unknown(), {
        description: "to, messageId, threadId; of react: emoji (an empty one takes it away), remove; of edit: message",
      }),
      accountId: Type.Optional(Type.String()),
      sessionKey: Type.Optional(Type.String()),
      sessionId: Type.Optional(Type.String()),
      agentId: Type.Optional(Type.String()),
      idempotencyKey: Type.String({ minLength: 1 }),
    },
    closed,
  ),
  result: Type.Object({ ok: Type.Literal(true), channel: Type.String(), action: Type.String(), messageId: Type.String() }),
});
