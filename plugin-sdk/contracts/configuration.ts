/**
 * The gateway's configuration, as the kernel keeps it. No secret leaves it: `REDACTED` stands in its place, and means, when it comes back in
 * the same place, the secret that is there.
 */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { defineErrors } from "../error.ts";

export const configErrors = defineErrors({
  CONFIG_INVALID: { message: "the configuration does not match its schema", wire: "INVALID_REQUEST" },
  CONFIG_STALE: { message: "config changed since last load; re-run config.get and retry", wire: "INVALID_REQUEST" },
  CONFIG_PATH_UNKNOWN: { message: "no schema is declared at that path", wire: "INVALID_REQUEST" },
  CONFIG_SCHEMA_UNSUPPORTED: { message: "a schema of the configuration says something that cannot be checked", wire: "INVALID_REQUEST" },
  CONFIG_PATH_TAKEN: { message: "another owner declared that path of the configuration", wire: "UNAVAILABLE" },
  CONFIG_WRITE_FAILED: { message: "the configuration could not be written", wire: "UNAVAILABLE", retryable: true },
});

export const ConfigIssue = Type.Object({
  /** An error keeps an edit from being applied; a warning does not. */
  level: Type.Union([Type.Literal("error"), Type.Literal("warning")]),
  /** Dotted; empty for the whole file. */
  path: Type.String(),
  message: Type.String(),
  line: Type.Optional(Type.Integer()),
  column: Type.Optional(Type.Integer()),
});
export type ConfigIssue = Static<typeof ConfigIssue>;

const State = Type.Object({
  /** The file, and whether there is one. */
  path: Type.String(),
  exists: Type.Boolean(),
  /** Its text; null also when it cannot be parsed, since then nothing in it can be redacted. */
  raw: Type.Union([Type.String(), Type.Null()]),
  /** What the text says, references as they are written. */
  written: Type.Unknown(),
  /** What is in force, with environment and defaults. It is not that of the file while the file has an error. */
  value: Type.Unknown(),
  issues: Type.Array(ConfigIssue),
  /** Of the file's text, and of the text that is in force. */
  hash: Type.String(),
  appliedHash: Type.String(),
});

const baseHash = Type.Optional(Type.String());

export const configuration = defineContract({
  id: "configuration",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    read: call(Type.Object({}), State, { safe: true }),
    /**
     * Makes the file say `value`, comments and layout of the rest kept. Throws `CONFIG_STALE` when `baseHash` is not the file's,
     * `CONFIG_INVALID` when the outcome has an error or a key that nobody knows; then nothing has changed.
     */
    edit: call(Type.Object({ value: Type.Unknown(), baseHash }), State),
    /** Puts a whole new text in the file's place; throws as `edit` does. */
    replace: call(Type.Object({ raw: Type.String(), baseHash }), State),
    /** Of everything that is declared, as one. */
    schema: call(Type.Object({}), Type.Object({ schema: Type.Unknown() }), { safe: true }),
  },
});
