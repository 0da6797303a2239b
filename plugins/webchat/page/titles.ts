/** What conversations are called. */
import { type SessionRow, sessions } from "./state.ts";

export const titleOf = (row: SessionRow): string =>
  row.label ??
  (row.isMain === true || row.key.endsWith(":main")
    ? "Main"
    : (row.displayName ?? row.derivedTitle ?? row.lastMessagePreview ?? "New conversation"));

export function titleOfKey(key: string): string {
  const row = sessions.value.find((session) => session.key === key);
  return row === undefined ? key : titleOf(row);
}
