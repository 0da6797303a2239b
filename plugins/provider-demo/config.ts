/** Configuration of the plugin: the pace of its answers. */
import { type Static, Type } from "@sinclair/typebox";

export const DemoConfig = Type.Object({
  deltaMs: Type.Integer({ default: 6, minimum: 0, description: "Pause before each piece of an answer; 0: none" }),
  deltaChars: Type.Integer({ default: 12, minimum: 1, description: "About how much a piece holds" }),
});
export type DemoConfig = Static<typeof DemoConfig>;
