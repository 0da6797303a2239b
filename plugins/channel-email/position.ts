/** How far a folder has been read: kept with each message that is handed in. */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const Position = Type.Object({
  /** UIDVALIDITY: numbers of mails mean something under the same one alone. */
  validity: Type.String(),
  /** Of the last mail. */
  uid: Type.Integer(),
  /** When the newest of them arrived, as the server says; epoch milliseconds. */
  at: Type.Integer(),
  /** When the account was connected for the first time: what is older is nobody's to answer. */
  since: Type.Integer(),
});
export type Position = Static<typeof Position>;

export const positionText = (position: Position): string => JSON.stringify(position);

/** What is not readable counts as none: then nothing that lies there is answered. */
export function parsePosition(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Value.Check(Position, value) ? value : undefined;
  } catch {
    return undefined; // silent-ok: of an account that was another channel's
  }
}
