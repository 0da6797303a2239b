/** What a command gets that runs for a skill, and nothing else does: the skill's secrets among it. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

export const skillEnvironment = defineContract({
  id: "skill-environment",
  version: 1,
  arity: "one",
  members: {
    /** `refused`, in words for the model, unless the run is under that skill. */
    of: call(
      Type.Object({ skill: Type.String(), agentId: Type.String(), runId: Type.String() }),
      Type.Union([Type.Object({ variables: Type.Record(Type.String(), Type.String()) }), Type.Object({ refused: Type.String() })]),
      { safe: true },
    ),
  },
});
