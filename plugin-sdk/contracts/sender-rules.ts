/** What the configuration of a channel, or of one of its accounts, says about who may write. */
import { type Static, Type } from "@sinclair/typebox";

export const GroupRule = Type.Object({
  policy: Type.Optional(
    Type.Union(
      [
        Type.Literal("mention", { description: "what mentions the bot, or replies to it" }),
        Type.Literal("reply", { description: "what replies to the bot" }),
        Type.Literal("allow", { description: "every message" }),
        Type.Literal("require-approval", { description: "nothing until the owner approves the group; then as mention" }),
        Type.Literal("deny", { description: "nothing" }),
      ],
      { description: "Which messages of the group are answered; mention when absent" },
    ),
  ),
  agent: Type.Optional(Type.String({ description: "The agent that answers there; absent: as the rules of routing say" })),
  allowFrom: Type.Optional(Type.Array(Type.String(), { description: "Members that are answered; absent: every member" })),
});
export type GroupRule = Static<typeof GroupRule>;

/** What an account's configuration says about senders. */
export const SenderRules = Type.Object({
  allowFrom: Type.Optional(
    Type.Array(Type.String(), { description: "Sender ids that are admitted; * admits everyone; absent admits nobody" }),
  ),
  direct: Type.Optional(
    Type.Union(
      [
        Type.Literal("pairing", { description: "allowFrom, the owner and whom the owner let in; a stranger gets a code" }),
        Type.Literal("allowlist", { description: "allowFrom and the owner alone" }),
        Type.Literal("deny", { description: "nobody is answered" }),
      ],
      { description: "Who is answered directly; pairing when absent" },
    ),
  ),
  groups: Type.Optional(
    Type.Record(Type.String(), GroupRule, {
      description:
        "By the platform's id of the group; * holds for those not named; without a rule the owner and allowFrom are answered, on a mention or reply",
    }),
  ),
});
export type SenderRules = Static<typeof SenderRules>;
