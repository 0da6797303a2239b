/** May this tool call run, and who must approve? With none installed: in the owner's own sessions every access class; elsewhere none. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional } from "../contract.ts";
import { UntrustedSource } from "../untrusted.ts";
import { Address } from "./inbox.ts";
import { Access } from "./tool.ts";

export const PolicyQuestion = Type.Object({
  tool: Type.String(),
  access: Access,
  arguments: Type.Unknown(),
  sessionKey: Type.String(),
  agentId: Type.String(),
  runId: Type.String(),
  callId: Type.String(),
  /** Whether this is one of the owner's own sessions, and nobody else has a say in the turn. */
  owner: Type.Boolean(),
  /** What stands in the conversation that the owner did not write; the model has read it. */
  untrusted: Type.Array(UntrustedSource),
  /** The direct conversation on a channel in which the turn was asked for: with `owner`, one of the owner's. */
  chat: Type.Optional(Address),
});
export type PolicyQuestion = Static<typeof PolicyQuestion>;

export const policy = defineContract({
  id: "policy",
  version: 1,
  arity: "one",
  members: {
    /** Answers once the decision stands; an approval is waited for inside. The same call, asked about again, is decided once. */
    decide: call(PolicyQuestion, Type.Object({ allow: Type.Boolean(), reason: Type.Optional(Type.String()) }), { safe: true }),
    /** Whether any tool could ever run in such a session: where none could, the model is told of none. Absent: it is told of all. */
    offers: optional(
      call(Type.Pick(PolicyQuestion, ["sessionKey", "agentId", "owner"]), Type.Object({ offer: Type.Boolean() }), { safe: true }),
    ),
  },
});
