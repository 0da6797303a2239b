/** Pieces of the forms that a registry's files have. */
import { Type } from "@sinclair/typebox";

/** Nothing but what is named. */
export const closed = { additionalProperties: false } as const;
export const hex = (length: number) => Type.String({ pattern: `^[0-9a-f]{${length}}$` });
/** In UTC, to the second. */
export const time = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$" });
export const kind = Type.Union([Type.Literal("plugins"), Type.Literal("skills")]);

/** As `time` has it, of epoch milliseconds. */
export const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
