/** What somebody should know of a package before it is installed. */
import { type Static, Type } from "@sinclair/typebox";
import { closed, one } from "./schema.ts";

export const Notice = closed({
  code: Type.String(),
  /** `yes`: it needs a yes of its own, by its code. */
  level: one("note", "warning", "yes"),
  text: Type.String(),
  /** Of what a look through the files has found: whether the version before has it too. */
  finding: Type.Optional(one("new", "known")),
});
export type Notice = Static<typeof Notice>;
