/** The text of a CSV file (RFC 4180), and what those who write one make of that: other separators, encodings, ends of lines. */

/** What is wrong with the file or the call; said without a stack. */
export class TableProblem extends Error {}

const separators = [",", ";", "\t", "|"] as const;

/** UTF-8 and UTF-16 with a mark, UTF-8 without; whatever is none of them is what Windows writes in western Europe. */
export function decoded(bytes: Uint8Array): { readonly text: string; readonly encoding: string } {
  const [first, second] = bytes;
  const utf16 = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : undefined;
  if (utf16 !== undefined) return { text: new TextDecoder(utf16).decode(bytes), encoding: utf16 };
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), encoding: "utf-8" };
  } catch {
    return { text: new TextDecoder("windows-1252").decode(bytes), encoding: "windows-1252" };
  }
}

/** That which stands most often outside quotes in the first line; a comma when there is none. */
export function separatorOf(text: string): string {
  const line = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text)?.[0].replace(/"(?:[^"]|"")*"/g, "") ?? "";
  const counted = separators.map((separator) => ({ separator, count: line.split(separator).length - 1 }));
  return counted.reduce((best, one) => (one.count > best.count ? one : best)).separator;
}

/** Rows with the number of the line in which each begins. A line without anything in it is none. */
export function* rowsOf(
  text: string,
  separator: string,
): Generator<{ readonly cells: readonly string[]; readonly line: number }, void, void> {
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const cells: string[] = [];
    const begins = line;
    for (;;) {
      let cell = "";
      if (text[at] === '"') {
        for (at += 1; ; ) {
          const end = text.indexOf('"', at);
          if (end < 0) throw new TableProblem(`line ${begins}: expected a closing quote, came the end of the file`);
          cell += text.slice(at, end);
          at = end + 1;
          if (text[at] !== '"') break;
          cell += '"';
          at += 1;
        }
        line += cell.split("\n").length - 1;
      }
      const rest = at;
      while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at += 1;
      cells.push(cell + text.slice(rest, at));
      if (text[at] !== separator) break;
      at += 1;
    }
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
    line += 1;
    if (cells.length > 1 || cells[0] !== "") yield { cells, line: begins };
  }
}

const needsQuotes = /[",\r\n]|^\s|\s$/;
export const csvLine = (cells: readonly unknown[]): string =>
  cells
    .map((cell) => {
      const text = cell === null || cell === undefined ? "" : String(cell);
      return needsQuotes.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    })
    .join(",");
