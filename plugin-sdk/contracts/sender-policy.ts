/** Who may write to the assistant. Asked for each message of a channel, before it is routed; with none installed, `allowFrom` alone decides. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Choice } from "./channel.ts";
import { InboundMessage } from "./inbox.ts";
import { SenderRules } from "./sender-rules.ts";

export const Verdict = Type.Object({
  admit: Type.Boolean(),
  /** Why not; for the log. */
  reason: Type.Optional(Type.String()),
  /** The sender is the owner, on this channel too. */
  owner: Type.Boolean(),
  /** The agent that answers, in place of what the rules of routing say. */
  agentId: Type.Optional(Type.String()),
  /** What is said to the sender, once. */
  reply: Type.Optional(Type.Object({ text: Type.String(), choices: Type.Optional(Type.Array(Choice)) })),
});
export type Verdict = Static<typeof Verdict>;

export const senderPolicy = defineContract({
  id: "sender-policy",
  version: 1,
  arity: "one",
  members: {
    /** The same message, asked about twice, gets the same verdict. */
    judge: call(Type.Object({ message: InboundMessage, rules: SenderRules }), Verdict, { safe: true }),
  },
});
