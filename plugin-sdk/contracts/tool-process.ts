/** The processes that commands of an agent run in: what they find there, and one run in them at the owner's word. */
import { Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

export const toolProcess = defineContract({
  id: "tool-process",
  version: 1,
  arity: "one",
  members: {
    /** Which of these such a process would find. */
    look: call(
      Type.Object({ programs: Type.Array(Type.String()), variables: Type.Array(Type.String()) }),
      Type.Object({ programs: Type.Array(Type.String()), variables: Type.Array(Type.String()), system: Type.String() }),
      { safe: true },
    ),
    /** Runs a program with those words behind it, no shell between; `output` is the beginning and the end of what it wrote. */
    run: call(
      Type.Object({ words: Type.Array(Type.String(), { minItems: 1 }), timeoutMs: Type.Integer({ minimum: 1 }) }),
      Type.Object({ code: Type.Union([Type.Integer(), Type.Null()]), output: Type.String() }),
    ),
  },
});
