/** What is shown of a package before somebody says yes to it. */
import { type Static, Type } from "@sinclair/typebox";
import { closed, one } from "../../schema.ts";

const Text = Type.String();

export const PermissionEntry = closed({
  risk: one("low", "medium", "high"),
  /** As the manifest has it, and as it is accepted. */
  permission: Text,
  text: Text,
});
export type PermissionEntry = Static<typeof PermissionEntry>;

/** What a model is told of it. Absent on one side: it is new, or gone. */
export const ModelText = closed({ what: Text, before: Type.Optional(Text), after: Type.Optional(Text) });
export type ModelText = Static<typeof ModelText>;

/** Of a skill: tokens of its name and description, and of its instructions. */
export const Reads = closed({ eachTurn: Type.Integer(), whenUsed: Type.Integer() });
export type Reads = Static<typeof Reads>;

export const ShownPublisher = closed({ name: Text, fingerprints: Type.Array(Text), threshold: Type.Integer() });
export type ShownPublisher = Static<typeof ShownPublisher>;
