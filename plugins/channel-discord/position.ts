/** What is kept of an account's connection with every message: where the session stands, and up to where messages were read. */

import type { Static } from "@sinclair/typebox";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { byAge } from "./snowflake.ts";

const Id = Type.String({ pattern: "^[0-9]{1,20}$" });

export const Session = Type.Object({ id: Type.String(), url: Type.String({ pattern: "^wss?://" }), seq: Type.Integer() });
export type Session = Static<typeof Session>;

export const Position = Type.Object({
  /** Whose it is: with another token it means nothing. */
  bot: Id,
  /** With which Discord hands out what came since. */
  session: Type.Optional(Session),
  /** The newest message that was handled. */
  at: Id,
  /** What is newer than this is still to be fetched, since a session ended before it was handed out. */
  from: Type.Optional(Id),
});
export type Position = Static<typeof Position>;

/** Undefined for none, and for one of another bot or version. */
export function readPosition(text: string | undefined, bot: string): Position | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(Position, value) && value.bot === bot ? value : undefined;
  } catch {
    return undefined; // silent-ok: it begins anew, and what was handled before is known to the inbox
  }
}

export const newest = (a: string, b: string): string => (byAge(a, b) < 0 ? b : a);
