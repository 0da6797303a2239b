/** A channel: one platform where people write. Accounts are several logins of one channel. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional, stream } from "../contract.ts";
import { defineErrors } from "../error.ts";
import { Address, Attachment } from "./inbox.ts";

export const ChannelRecord = Type.Object({
  label: Type.String(),
  /** Longest text of one message, in UTF-16 code units. */
  textLimit: Type.Integer(),
  markup: Type.Union([Type.Literal("markdown"), Type.Literal("html"), Type.Literal("mrkdwn"), Type.Literal("plain")]),
  /** The platform drops a repeated `idempotencyKey` itself, so that a send whose answer was lost may be repeated. */
  idempotentSend: Type.Boolean(),
  threads: Type.Optional(Type.Boolean()),
  attachments: Type.Optional(Type.Boolean()),
});
export type ChannelRecord = Static<typeof ChannelRecord>;

const enabled = Type.Optional(Type.Boolean());
const allowFrom = Type.Optional(
  Type.Array(Type.String(), { description: "Sender ids that are admitted; * admits everyone; absent admits nobody" }),
);

/** What every channel's configuration (`channels.<id>`) has besides its own; a channel spreads it, and gives accounts what they need. */
export const channelSettings = {
  enabled,
  allowFrom,
  accounts: Type.Optional(Type.Record(Type.String(), Type.Object({ enabled, allowFrom }, { additionalProperties: true }))),
};

export const ChannelStatus = Type.Object({
  state: Type.Union([Type.Literal("connecting"), Type.Literal("connected"), Type.Literal("reconnecting"), Type.Literal("login-required")]),
  detail: Type.Optional(Type.String()),
  /** The account's own name on the platform. */
  self: Type.Optional(Type.String()),
});
export type ChannelStatus = Static<typeof ChannelStatus>;

export const SendRequest = Type.Object({
  address: Address,
  text: Type.String(),
  attachments: Type.Optional(Type.Array(Attachment)),
  replyTo: Type.Optional(Type.String()),
  idempotencyKey: Type.String(),
});
export type SendRequest = Static<typeof SendRequest>;

/** What a channel throws; delivery acts on the code alone. */
export const channelErrors = defineErrors({
  CHANNEL_RATE_LIMITED: { message: "the platform asks to wait", wire: "UNAVAILABLE", retryable: true },
  CHANNEL_UNAVAILABLE: { message: "the platform cannot be reached; nothing was sent", wire: "UNAVAILABLE", retryable: true },
  CHANNEL_REJECTED: { message: "the platform refuses this message", wire: "INVALID_REQUEST" },
  CHANNEL_UNCERTAIN: { message: "nobody can say whether it was sent", wire: "UNAVAILABLE" },
  CHANNEL_LOGIN_REQUIRED: { message: "the account must log in again", wire: "UNAVAILABLE" },
});

const account = Type.String();

export const channel = defineContract({
  id: "channel",
  version: 1,
  arity: "many",
  record: ChannelRecord,
  members: {
    /**
     * Holds the account's connection until the signal aborts, handing what it receives to `inbox.accept`. Yields `connected` once it
     * receives. `position` is the last one that was kept. Ends by returning; throws when the account cannot work at all.
     */
    start: stream(Type.Object({ account, position: Type.Optional(Type.String()) }), ChannelStatus, Type.Object({}), {
      held: { state: "connected" },
    }),
    /**
     * Sends one message within the limits. Throws `CHANNEL_RATE_LIMITED` (retryAfterMs), `CHANNEL_UNAVAILABLE` when nothing was sent and it
     * may be repeated, `CHANNEL_REJECTED` when it never will be, `CHANNEL_UNCERTAIN` when nobody can say whether it was sent.
     */
    send: call(SendRequest, Type.Object({ messageId: Type.String() })),
    edit: optional(call(Type.Object({ address: Address, messageId: Type.String(), text: Type.String() }), Type.Object({}), { safe: true })),
    typing: optional(call(Type.Object({ address: Address }), Type.Object({}), { safe: true })),
    react: optional(
      call(Type.Object({ address: Address, messageId: Type.String(), emoji: Type.String() }), Type.Object({}), { safe: true }),
    ),
  },
});
