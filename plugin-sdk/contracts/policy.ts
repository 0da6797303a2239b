/** May this tool call run, and who must approve? With none installed: in the owner's own sessions every access class; elsewhere none. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { Access } from "./tool.ts";

export const PolicyQuestion = Type.Object({
  tool: Type.String(),
  access: Access,
  arguments: Type.Unknown(),
  sessionKey: Type.String(),
  agentId: Type.String(),
  runId: Type.String(),
  callId: Type.String(),
  owner: Type.Boolean(),
});
export type PolicyQuestion = Static<typeof PolicyQuestion>;

export const policy = defineContract({
  id: "policy",
  version: 1,
  arity: "one",
  members: {
    /** Answers once the decision stands; an approval is waited for inside. */
    decide: call(PolicyQuestion, Type.Object({ allow: Type.Boolean(), reason: Type.Optional(Type.String()) })),
  },
});
