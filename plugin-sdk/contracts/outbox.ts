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
  /** The key of an earlier message in whose place this one is shown, by editing what it posted, where the channel can. */
  edits: Type.Optional(Type.String()),
  /** More of it is coming, in a message that edits this one: this one is left to that when the platform does not take it at once. */
  growing: Type.Optional(Type.Boolean()),
  sessionKey: Type.Optional(Type.String()),
  runId: Type.Optional(Type.String()),
});
export type OutboundMessage = Static<typeof OutboundMessage>;

export const Receipt = Type.Object({
  state: Type.Union([Type.Literal("delivered"), Type.Literal("failed"), Type.Literal("uncertain"), Type.Literal("pending")]),
  messageIds: Type.Array(Type.String()),
  /** A digest of what each of these messages shows. */
  shown: Type.Optional(Type.Array(Type.String())),
  detail: Type.Optional(Type.String()),
});
export type Receipt = Static<typeof Receipt>;

export const Streaming = Type.Object({
  /** `edit`: one message grows; `blocks`: it is sent in pieces; `off`: the whole is sent at the end. */
  mode: Type.Union([Type.Literal("edit"), Type.Literal("blocks"), Type.Literal("off")]),
  /** Of `edit`: least milliseconds between two editions, and how many characters of Markdown one message may have. */
  everyMs: Type.Optional(Type.Integer()),
  chars: Type.Optional(Type.Integer()),
});
export type Streaming = Static<typeof Streaming>;

export const outbox = defineContract({
  id: "outbox",
  version: 1,
  arity: "one",
  members: {
    /** The admission for a message, to be sent in the commit that ends a turn (`job.send`). Changes nothing itself. */
    prepare: call(OutboundMessage, Admission, { safe: true }),
    /** Admits the message now, and answers once it is durable. */
    send: call(OutboundMessage, Receipt, { safe: true }),
    /** Shows that somebody is typing, where the channel can; forgotten after `ms`, which is null where nothing is shown. */
    typing: call(Type.Object({ address: Address }), Type.Object({ ms: Type.Union([Type.Integer(), Type.Null()]) }), { safe: true }),
    /** How an answer that grows is shown there. */
    streaming: call(Type.Object({ address: Address }), Streaming, { safe: true }),
  },
});
