/** What waits for the owner's word, as the owner answers it in a chat. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional } from "../contract.ts";

export const ApprovalDecision = Type.Union([Type.Literal("allow-once"), Type.Literal("allow-always"), Type.Literal("deny")]);
export type ApprovalDecision = Static<typeof ApprovalDecision>;

export const approvals = defineContract({
  id: "approvals",
  version: 1,
  arity: "one",
  members: {
    /**
     * The caller has made sure that the owner says it. `by` is who, for the audit log. The text is for the owner to read, also when nothing waits
     * under that code.
     */
    answer: call(
      Type.Object({ code: Type.String(), decision: ApprovalDecision, by: Type.String() }),
      Type.Object({ text: Type.String() }),
      { safe: true },
    ),
    /** What waits in a session, as the wire shows it (`session.approval`). The caller has made sure that it goes to the owner alone. */
    pending: optional(
      call(Type.Object({ sessionKey: Type.String() }), Type.Object({ approvals: Type.Array(Type.Unknown()) }), { safe: true }),
    ),
  },
});
