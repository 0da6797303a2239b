/** The audit log, for what a plugin decides by itself: calls of its methods that need a high scope are recorded without it. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";

const Text = Type.String({ minLength: 1 });

export const AuditEntry = Type.Object({
  /** A device id, `shared`, `plugin:<id>`, or what in the gateway acted. The plugin says it, and is believed. */
  principal: Text,
  agent: Type.Optional(Text),
  /** The method, or `<area>.<verb>`. */
  action: Text,
  resources: Type.Array(Type.String()),
  outcome: Type.Union([Type.Literal("ok"), Type.Literal("refused"), Type.Literal("failed")]),
  /** Of what is appended again after a crash, since nobody knows whether it was: under the same one there is one entry. */
  once: Type.Optional(Text),
});
export type AuditEntry = Static<typeof AuditEntry>;

export const audit = defineContract({
  id: "audit",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    /** Answers when the entry is durable. */
    append: call(AuditEntry, Type.Object({})),
  },
});
