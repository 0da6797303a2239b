/** The part of other plugins' methods that delivery calls. */
import { defineMethod } from "@pincer/plugin-sdk/method";
import { Type } from "@sinclair/typebox";

export const commandsList = defineMethod({
  name: "commands.list",
  summary: "The commands that may be typed as a message.",
  scope: "operator.read",
  params: Type.Object({ scope: Type.Literal("text"), includeArgs: Type.Boolean() }),
  result: Type.Object({
    commands: Type.Array(
      Type.Object({
        name: Type.String(),
        description: Type.String(),
        args: Type.Optional(Type.Array(Type.Object({ name: Type.String(), description: Type.String() }))),
      }),
    ),
  }),
});
