/** Skills that people call by name: `/pdf-forms fill this in`. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract, optional } from "../contract.ts";
import { defineEvent } from "../event.ts";

export const SkillCommand = Type.Object({ name: Type.String(), description: Type.String() });
export type SkillCommand = Static<typeof SkillCommand>;

export const SkillCalled = Type.Object({
  name: Type.String(),
  /** What stood behind the name. */
  args: Type.String(),
  /** What the model reads for this turn; absent when a tool is called instead. */
  instructions: Type.Optional(Type.String()),
  /** No model is asked: this tool is called with these arguments, and what it answers is the answer. */
  dispatch: Type.Optional(Type.Object({ tool: Type.String(), arguments: Type.Record(Type.String(), Type.Unknown()) })),
});
export type SkillCalled = Static<typeof SkillCalled>;

export const skillCommands = defineContract({
  id: "skill-commands",
  version: 1,
  arity: "one",
  members: {
    list: call(Type.Object({ agentId: Type.String() }), Type.Object({ commands: Type.Array(SkillCommand) }), { safe: true }),
    /** From here on the run is under that skill. Null: the text calls none. */
    take: call(Type.Object({ agentId: Type.String(), runId: Type.String(), text: Type.String() }), Type.Union([SkillCalled, Type.Null()]), {
      safe: true,
    }),
    /** The skill of that name, and why it cannot be called; of one that can be, no reason. Changes nothing. Null: there is none. */
    named: optional(
      call(
        Type.Object({ agentId: Type.String(), name: Type.String() }),
        Type.Union([Type.Object({ name: Type.String(), reasons: Type.Array(Type.String()) }), Type.Null()]),
        { safe: true },
      ),
    ),
  },
});

export const skillsChanged = defineEvent({
  name: "skills.changed",
  summary: "Skills came, went or changed; the next turn has them.",
  scope: "operator.read",
  payload: Type.Object({ reason: Type.Union([Type.Literal("files"), Type.Literal("config")]) }),
});
