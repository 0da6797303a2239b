/** A channel: one platform where people write. Accounts are several logins of one channel. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional, stream } from "../contract.ts";
import { defineErrors } from "../error.ts";
import { Address, Attachment } from "./inbox.ts";
import { SenderRules } from "./sender-rules.ts";

/** HTML has paragraphs, lists and tables where the record's marks have `heading`, `list` or `table`; else it has the marks and lines of a chat. */
export const Markup = Type.Union([Type.Literal("markdown"), Type.Literal("html"), Type.Literal("mrkdwn"), Type.Literal("plain")]);
export type Markup = Static<typeof Markup>;

/** What a text may be marked as. A mark that a platform lacks is shown by what it has: a heading as bold, a table as a code block. */
export const Mark = Type.Union([
  Type.Literal("bold"),
  Type.Literal("italic"),
  Type.Literal("strike"),
  Type.Literal("code"),
  Type.Literal("code-block"),
  Type.Literal("link"),
  Type.Literal("heading"),
  Type.Literal("list"),
  Type.Literal("quote"),
  Type.Literal("table"),
  Type.Literal("rule"),
]);
export type Mark = Static<typeof Mark>;

export const ChannelRecord = Type.Object({
  label: Type.String(),
  /** Longest text of one message, in `textUnit`. */
  textLimit: Type.Integer(),
  /** UTF-16 code units when absent. */
  textUnit: Type.Optional(Type.Union([Type.Literal("utf16"), Type.Literal("utf8")])),
  /** Whether `textLimit` counts what is sent, marks and all (when absent), or what is read. */
  textCounts: Type.Optional(Type.Union([Type.Literal("sent"), Type.Literal("read")])),
  /** A message has one line, so that each line is a message. */
  oneLine: Type.Optional(Type.Boolean()),
  markup: Markup,
  /** What the platform's markup has; all of them when absent. */
  marks: Type.Optional(Type.Array(Mark)),
  /** The platform drops a repeated `idempotencyKey` itself, so that a send whose answer was lost may be repeated. */
  idempotentSend: Type.Boolean(),
  threads: Type.Optional(Type.Boolean()),
  attachments: Type.Optional(Type.Boolean()),
  /** Largest attachment that may be sent, in bytes. */
  attachmentBytes: Type.Optional(Type.Integer()),
  /** Shows `choices` as buttons. */
  choices: Type.Optional(Type.Boolean()),
  /** Least milliseconds between two edits of one message; absent: a message is not edited while its text grows. */
  editEveryMs: Type.Optional(Type.Integer()),
  /** Programs read it: unless the settings say otherwise, an answer is sent at its end, as one message. */
  whole: Type.Optional(Type.Boolean()),
  /** Milliseconds for which the platform shows that somebody is typing. */
  typingMs: Type.Optional(Type.Integer()),
});
export type ChannelRecord = Static<typeof ChannelRecord>;

const enabled = Type.Optional(Type.Boolean());

/** A reaction for each state of a message; an empty one takes away the one before. */
const Reactions = Type.Object({
  seen: Type.Optional(Type.String({ description: "Waits for its turn" })),
  working: Type.Optional(Type.String({ description: "Is being answered" })),
  done: Type.Optional(Type.String({ description: "Was answered" })),
  failed: Type.Optional(Type.String({ description: "Was not answered" })),
});

/** What every channel's configuration (`channels.<id>`) has besides its own; a channel spreads it, and gives accounts what they need. */
export const channelSettings = {
  enabled,
  ...SenderRules.properties,
  streaming: Type.Optional(
    Type.Union(
      [
        Type.Literal("edit", { description: "one message grows, where the platform can edit" }),
        Type.Literal("blocks", { description: "pieces, each a message" }),
        Type.Literal("off", { description: "the whole at its end" }),
      ],
      { description: "How an answer is shown while it is written; absent: edit where the platform can, else blocks" },
    ),
  ),
  reactions: Type.Optional(
    Type.Union([Type.Boolean(), Reactions], { description: "Show by a reaction how far a message is: true, or an emoji for each state" }),
  ),
  accounts: Type.Optional(Type.Record(Type.String(), Type.Object({ enabled, ...SenderRules.properties }, { additionalProperties: true }))),
};

export const ChannelStatus = Type.Object({
  state: Type.Union([Type.Literal("connecting"), Type.Literal("connected"), Type.Literal("reconnecting"), Type.Literal("login-required")]),
  /** What is wrong, and what to do about it. */
  detail: Type.Optional(Type.String()),
  hint: Type.Optional(Type.String()),
  /** The account's own name on the platform. */
  self: Type.Optional(Type.String()),
});
export type ChannelStatus = Static<typeof ChannelStatus>;

/** An answer that the reader may give by pressing a button. The channel hands it in as a message of whoever pressed, with `text` as its text. */
export const Choice = Type.Object({
  label: Type.String(),
  /** At most 64 bytes of UTF-8, which is what a button can carry everywhere. */
  text: Type.String(),
});
export type Choice = Static<typeof Choice>;

const Text = {
  /** In the channel's markup, within its limits. */
  text: Type.String(),
  /** The same without any mark, for notifications and clients that show none; absent where the markup is `plain`. */
  plain: Type.Optional(Type.String()),
  /** Given only to a channel whose record has `choices`. */
  choices: Type.Optional(Type.Array(Choice)),
};

export const SendRequest = Type.Object({
  address: Address,
  ...Text,
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
    /** Replaces a message's text; without `choices` its buttons go. */
    edit: optional(call(Type.Object({ address: Address, messageId: Type.String(), ...Text }), Type.Object({}), { safe: true })),
    typing: optional(call(Type.Object({ address: Address }), Type.Object({}), { safe: true })),
    /** Puts the account's own reaction on a message in place of the one before; an empty `emoji` takes it away. */
    react: optional(
      call(Type.Object({ address: Address, messageId: Type.String(), emoji: Type.String() }), Type.Object({}), { safe: true }),
    ),
  },
});
