/** Configuration of the plugin: which tools may be called from outside. */
import { type Static, Type } from "@sinclair/typebox";

const Patterns = (description: string) => Type.Array(Type.String({ minLength: 1 }), { default: [], description });

export const ToolsHttpConfig = Type.Object({
  allow: Patterns(
    "Tools (`*` is any run of characters) that may be called though they write files, run commands, or are off by their name",
  ),
  deny: Patterns("Tools that may not be called; wins over `allow`"),
  timeoutMs: Type.Integer({ default: 120_000, minimum: 1, description: "Longest run of a tool that says nothing of its own" }),
});
export type ToolsHttpConfig = Static<typeof ToolsHttpConfig>;
