/** The way to the agent: what makes a turn of an inbound message. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Admission, QueueMode } from "../job.ts";
import type { WireScope } from "../method.ts";
import { Address, Attachment } from "./inbox.ts";
import { Thinking } from "./provider.ts";

export const TurnRequest = Type.Object({
  /** Also the key of the job: repeating a request gives the same run. */
  runId: Type.String(),
  sessionKey: Type.String(),
  agentId: Type.String(),
  owner: Type.Boolean(),
  text: Type.String(),
  attachments: Type.Optional(Type.Array(Attachment)),
  mode: Type.Optional(QueueMode),
  /** Who wrote it; absent for the owner on the gateway's own surfaces. */
  sender: Type.Optional(Type.Object({ id: Type.String(), name: Type.Optional(Type.String()), channel: Type.String() })),
  /** Whoever sent it did not write it, but handed it on; `from` as the platform says. It is never a command. */
  forwarded: Type.Optional(Type.Object({ from: Type.Optional(Type.String()) })),
  /** What it answers or is about, in the words of somebody else; `from` as the platform says. */
  quoted: Type.Optional(Type.Object({ text: Type.String(), from: Type.Optional(Type.String()) })),
  /** The owner wrote it, also where the session is not the owner's own: every command is theirs. */
  byOwner: Type.Optional(Type.Boolean()),
  /** It was written among several people. */
  group: Type.Optional(Type.Boolean()),
  /** It is kept as what was said, and not answered: the next turn reads it. */
  unanswered: Type.Optional(Type.Boolean()),
  /** Epoch milliseconds of when it was written, where that is not now. */
  writtenAt: Type.Optional(Type.Integer()),
  /** For whom models are asked, as `llm` has it; absent: for the sender. */
  user: Type.Optional(Type.String()),
  /** Where the answer goes, besides the transcript and its subscribers. */
  replyTo: Type.Optional(Type.Object({ address: Address, messageId: Type.Optional(Type.String()) })),
  model: Type.Optional(Type.String()),
  thinking: Type.Optional(Thinking),
  timeoutMs: Type.Optional(Type.Integer()),
  extraSystemPrompt: Type.Optional(Type.String()),
});
export type TurnRequest = Static<typeof TurnRequest>;

export const turn = defineContract({
  id: "turn",
  version: 1,
  arity: "one",
  members: {
    /** The admission for a turn; changes nothing itself. */
    prepare: call(TurnRequest, Admission, { safe: true }),
    /** What a client must hold to send this text: some commands do more than to write. Whoever prepares a client's turn asks first. */
    scopeOf: call(Type.Object({ text: Type.String() }), Type.Object({ scope: Type.Unsafe<WireScope>(Type.String()) }), { safe: true }),
  },
});
