/** The `approvals` section of the configuration. */
import { Access } from "@pincer/plugin-sdk/contracts/tool";
import { type Static, Type } from "@sinclair/typebox";

const words = (description: string) => Type.Optional(Type.Array(Type.String({ minLength: 1 }), { description }));

/** The first rule that fits decides. What a rule does not name, it does not ask about. */
export const Rule = Type.Object(
  {
    action: Type.Union([Type.Literal("allow"), Type.Literal("ask"), Type.Literal("deny")]),
    tools: words("Names of tools; * stands for any letters"),
    access: Type.Optional(Type.Array(Access, { description: "What the tool does" })),
    agents: words("Ids of agents"),
    sessions: Type.Optional(
      Type.Array(
        Type.Union([
          Type.Literal("main", { description: "an agent's main conversation, which is the owner's" }),
          Type.Literal("channel", { description: "another conversation of a channel" }),
          Type.Literal("other", { description: "what clients opened under a name of their own" }),
        ]),
      ),
    ),
    owner: Type.Optional(Type.Boolean({ description: "Whether it is one of the owner's own sessions" })),
    untrusted: Type.Optional(Type.Boolean({ description: "Whether something stands in the conversation that the owner did not write" })),
    reason: Type.Optional(Type.String({ minLength: 1, maxLength: 300, description: "What the model is told when it is refused" })),
  },
  { additionalProperties: false },
);
export type Rule = Static<typeof Rule>;

export const ApprovalsConfig = Type.Object({
  timeoutMs: Type.Integer({ minimum: 1, default: 300_000, description: "How long a call waits for an answer, after which it is refused" }),
  rules: Type.Array(Rule, { default: [], description: "Before what holds without any; the first that fits decides" }),
  open: Type.Integer({ minimum: 1, default: 20, description: "Calls that may wait at once; more are refused" }),
});
export type ApprovalsConfig = Static<typeof ApprovalsConfig>;
