/** How the gateway is, who is connected, what disturbed it and what it logged. */
import { type Static, Type } from "@sinclair/typebox";
import { call, defineContract } from "../contract.ts";
import { PresenceEntry, PresenceReport } from "../wire/presence.ts";

/** Something that disturbed the gateway: what and when, never a payload. */
export const Note = Type.Object({ seq: Type.Integer(), ts: Type.Integer(), type: Type.String() });
export type Note = Static<typeof Note>;

export const LogRange = Type.Object(
  {
    cursor: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000 })),
    maxBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  },
  { additionalProperties: false },
);
export type LogRange = Static<typeof LogRange>;

export const LogLines = Type.Object({
  file: Type.String(),
  /** From which the next call goes on. */
  cursor: Type.Integer(),
  size: Type.Integer(),
  lines: Type.Array(Type.String()),
  /** There were more lines than fit. */
  truncated: Type.Optional(Type.Boolean()),
  /** The file was put aside since: these lines are of the new one. */
  reset: Type.Optional(Type.Boolean()),
});
export type LogLines = Static<typeof LogLines>;

export const diagnostics = defineContract({
  id: "diagnostics",
  version: 1,
  arity: "one",
  scope: "operator.admin",
  members: {
    /** Measured now; what the method `health` answers. */
    health: call(Type.Object({}), Type.Record(Type.String(), Type.Unknown()), { safe: true }),
    /** The first entry is the gateway itself. */
    presence: call(Type.Object({}), Type.Array(PresenceEntry), { safe: true }),
    /** Takes a device's report of itself into the presence list. */
    report: call(Type.Object({ ...PresenceReport.properties, text: Type.String() }), Type.Object({}), { safe: true }),
    /** The newest notes, oldest first; `made` counts those that were forgotten too. */
    notes: call(Type.Object({}), Type.Object({ capacity: Type.Integer(), made: Type.Integer(), notes: Type.Array(Note) }), { safe: true }),
    /** The newest lines of the log, or those behind a cursor. */
    log: call(LogRange, LogLines, { safe: true }),
  },
});
