/** Which command somebody meant who typed one that there is not. */
import { suggestion } from "../suggestion.ts";

/** Words of a kind, ours and those of other programs. The first that there is was meant. */
const alike = [
  "list ls status",
  "inspect info get show status",
  "remove delete uninstall rm",
  "install add set",
  "new init create",
  "update upgrade",
  "up start run",
].map((line) => line.split(" "));

/** `; did you mean "remove"?`, or nothing. */
export function meant(word: string, commands: readonly string[]): string {
  const same = alike.flatMap((words) => (words.includes(word) ? words : [])).find((other) => commands.includes(other));
  return same === undefined ? suggestion(word, commands) : `; did you mean "${same}"?`;
}
