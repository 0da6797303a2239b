/** Where channels hand in what they received. The answer is the durable acknowledgement: only then may the platform be told. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { QueueMode } from "../job.ts";

/** Where a conversation is. `conversation` is the platform's own id. */
export const Address = Type.Object({
  channel: Type.String(),
  account: Type.String(),
  conversation: Type.String(),
  thread: Type.Optional(Type.String()),
});
export type Address = Static<typeof Address>;

export const Attachment = Type.Object({
  kind: Type.Union([Type.Literal("image"), Type.Literal("audio"), Type.Literal("video"), Type.Literal("document")]),
  mimeType: Type.String(),
  fileName: Type.Optional(Type.String()),
  /** Base64. */
  data: Type.String(),
});
export type Attachment = Static<typeof Attachment>;

export const InboundMessage = Type.Object({
  address: Address,
  /** The platform's id of this event; a repetition is dropped. */
  eventId: Type.String(),
  /** The platform's id of the message, to reply to, edit or react to. */
  messageId: Type.Optional(Type.String()),
  sender: Type.Object({
    id: Type.String(),
    name: Type.Optional(Type.String()),
    /** Another program: never answered unless it is named in allowFrom, so that two of them do not talk for ever. */
    bot: Type.Optional(Type.Boolean()),
  }),
  chat: Type.Union([Type.Literal("direct"), Type.Literal("group")]),
  group: Type.Optional(Type.Object({ id: Type.String(), name: Type.Optional(Type.String()), team: Type.Optional(Type.String()) })),
  /** In a group: whether the bot was mentioned by name. */
  mentioned: Type.Optional(Type.Boolean()),
  text: Type.String(),
  attachments: Type.Optional(Type.Array(Attachment)),
  replyTo: Type.Optional(
    Type.Object({
      messageId: Type.String(),
      text: Type.Optional(Type.String()),
      /** That message is the bot's own. */
      own: Type.Optional(Type.Boolean()),
    }),
  ),
  /** Somebody else's text that stands beside the sender's own; `from` as the platform says. */
  shared: Type.Optional(Type.Object({ text: Type.String(), from: Type.Optional(Type.String()) })),
  /** The sender did not write the text, but handed it on; `from` as the platform says. */
  forwarded: Type.Optional(Type.Object({ from: Type.Optional(Type.String()) })),
  /** Epoch milliseconds, as the platform says. */
  sentAt: Type.Integer(),
  mode: Type.Optional(QueueMode),
});
export type InboundMessage = Static<typeof InboundMessage>;

export const Acceptance = Type.Object({
  /** `duplicate` was seen before, `refused` is not on the allowlist; in every case the platform may be told that it arrived. */
  status: Type.Union([Type.Literal("accepted"), Type.Literal("duplicate"), Type.Literal("refused")]),
  reason: Type.Optional(Type.String()),
  /** The run that answers it, as `agent.wait` takes it; absent when it was refused. */
  runId: Type.Optional(Type.String()),
});
export type Acceptance = Static<typeof Acceptance>;

export const inbox = defineContract({
  id: "inbox",
  version: 1,
  arity: "one",
  members: {
    /**
     * Dedupes and admits in one commit; `position` is kept in the same commit, and given to the channel's next `start`. A channel hands in
     * messages of its own name alone.
     */
    accept: call(Type.Object({ message: InboundMessage, position: Type.Optional(Type.String()) }), Acceptance, {
      safe: true,
      speaksAs: { contract: "channel", at: ["message", "address", "channel"] },
    }),
    /**
     * Whether the message will be admitted. Asked before its files are fetched, so that nobody has files fetched whom nobody lets in; a message is
     * handed in either way, without them when it will not.
     */
    admits: call(Type.Object({ message: InboundMessage }), Type.Object({ admit: Type.Boolean() }), {
      safe: true,
      speaksAs: { contract: "channel", at: ["message", "address", "channel"] },
    }),
    /** Keeps a position past events that hold no message. */
    advance: call(Type.Object({ channel: Type.String(), account: Type.String(), position: Type.String() }), Type.Object({}), {
      safe: true,
      speaksAs: { contract: "channel", at: ["channel"] },
    }),
  },
});
