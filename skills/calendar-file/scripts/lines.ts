/** The text of an iCalendar file (RFC 5545, section 3.1): its folded lines, and what stands in one. */

export interface Line {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly value: string;
  /** In the file, counting from 1. */
  readonly number: number;
}

/** What is wrong with the file or the call; said without a stack. */
export class CalendarProblem extends Error {}

/** What is no such line is told, and passed over. */
export function linesOf(text: string, warnings: Set<string>): readonly Line[] {
  const unfolded: { text: string; number: number }[] = [];
  for (const [at, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const last = unfolded.at(-1);
    if (/^[ \t]/.test(raw) && last !== undefined) last.text += raw.slice(1);
    else if (raw !== "") unfolded.push({ text: raw, number: at + 1 });
  }
  return unfolded.flatMap(({ text: line, number }) => {
    const [, head, value] = /^((?:"[^"]*"|[^":])*):(.*)$/s.exec(line) ?? [];
    if (head === undefined || value === undefined) {
      warnings.add(`line ${number}: expected NAME:value, came ${JSON.stringify(line.slice(0, 60))}`);
      return [];
    }
    const [name = "", ...pairs] = head.match(/(?:"[^"]*"|[^;"])+/g) ?? [];
    const parameters = pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at).toUpperCase(), pair.slice(at + 1).replace(/^"(.*)"$/, "$1")] as const;
    });
    return [{ name: name.toUpperCase(), parameters: Object.fromEntries(parameters), value, number }];
  });
}

const escapes: Readonly<Record<string, string>> = { n: "\n", N: "\n" };
export const plainText = (value: string): string => value.replace(/\\(.)/g, (_, character: string) => escapes[character] ?? character);
export const escapedText = (text: string): string => text.replace(/[\\;,]/g, "\\$&").replace(/\r\n|\r|\n/g, "\\n");

const most = 75;
const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** A line as it is written: parts of at most 75 bytes, none of which cuts a character. */
export function folded(line: string): string {
  const parts: string[] = [];
  let part = "";
  for (const character of line) {
    if (bytes(part) + bytes(character) > most - (parts.length > 0 ? 1 : 0)) {
      parts.push(part);
      part = "";
    }
    part += character;
  }
  return [...parts, part].join("\r\n ");
}
