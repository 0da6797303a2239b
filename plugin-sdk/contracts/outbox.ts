/** What goes out to channels. Delivery is a job in the destination's lane, so that it survives the process and keeps its order. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Admission } from "../job.ts";
import { Choice } from "./channel.ts";
import { Address, Attachment } from "./inbox.ts";

export const OutboundMessage = Type.Object({
  address: Address,
  /** Markdown; the outbox renders it in the channel's markup, and splits it to its limits. */
  text: Type.String(),
  /** Answers that the reader may give by pressing; where a channel has no buttons they stand under the text as what to write. */
  choices: Type.Optional(Type.Array(Choice)),
  attachments: Type.Optional(Type.Array(Attachment)),
  replyTo: Type.Optional(Type.String()),
  /** Unique for what it says: the turn and the place in it. A repetition is not sent twice. */
  key: Type.String(),
  /** Continues, by editing, the message that an earlier key sent, where the channel can. */
  edits: Type.Optional(Type.String()),
  sessionKey: Type.Optional(Type.String()),
  runId: Type.Optional(Type.String()),
});
export type OutboundMessage = Static<typeof OutboundMessage>;

export const Receipt = Type.Object({
  state: Type.Union([Type.Literal("delivered"), Type.Literal("failed"), Type.Literal("uncertain"), Type.Literal("pending")]),
  messageIds: Type.Array(Type.String()),
  detail: Type.Optional(Type.String()),
});
export type Receipt = Static<typeof Receipt>;

export const outbox = defineContract({
  id: "outbox",
  version: 1,
  arity: "one",
  members: {
    /** The admission for a message, to be sent in the commit that ends a turn (`job.send`). Changes nothing itself. */
    prepare: call(OutboundMessage, Admission, { safe: true }),
    /** Admits the message now, and answers once it is durable. */
    send: call(OutboundMessage, Receipt, { safe: true }),
    /** Shows that somebody is typing, where the channel can; forgotten after a few seconds. */
    typing: call(Type.Object({ address: Address }), Type.Object({}), { safe: true }),
  },
});
