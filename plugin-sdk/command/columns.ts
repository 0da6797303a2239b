/** Text in columns, by the cells that a terminal gives it: signs of two count as two, colours as none. Where no terminal is, nothing is wrapped or cut. */
import { dim } from "./colour.ts";

const gap = "  ";
/** Beyond that, the eye loses its line. */
const widestProse = 110;
/** A last column with less room than that stands beneath its row. */
const leastRoom = 24;
/** A column that must be cut keeps as much. */
const leastKept = 8;

/** Cells in a line; some terminals say that they have none. */
const terminalWidth = (): number => process.stdout.columns || Number.POSITIVE_INFINITY;

const widthOf = (text: string): number => Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));
const wrapped = (text: string, room: number): readonly string[] => (Number.isFinite(room) ? Bun.wrapAnsi(text, room) : text).split("\n");
const blank = (text: string, width: number): string => " ".repeat(Math.max(0, width - Bun.stringWidth(text)));

/** What a person reads as a page, help for example, is wrapped also where it goes through a pager. */
export const pageWidth = (): number => Math.min(terminalWidth(), 100);

export const paragraph = (text: string, indent: string): string =>
  wrapped(text, pageWidth() - indent.length)
    .map((line) => indent + line)
    .join("\n");

export interface ColumnsOptions {
  readonly indent?: string;
  /** Cells that the first column has at least. */
  readonly least?: number;
  /** Cells in a line. */
  readonly edge?: number;
}

/** Rows with the first column as wide as its cells, the second wrapped. What would leave that no room has a line of its own. */
export function columns(
  rows: readonly (readonly [string, string])[],
  {
    indent = "",
    least = 0,
    edge = Number.isFinite(terminalWidth()) ? Math.min(terminalWidth(), widestProse) : terminalWidth(),
  }: ColumnsOptions = {},
): string[] {
  const room = edge - indent.length - gap.length;
  const widths = rows.map(([first]) => Bun.stringWidth(first));
  const width = Math.max(least, ...widths.filter((wide) => wide < room / 2));
  return rows.flatMap(([first, second], row) => {
    const lines = [...wrapped(second, Math.max(leastRoom, room - width))];
    if (widths[row]! > width) lines.unshift("");
    return lines.map((line, at) => `${indent}${at === 0 ? first + blank(first, width) : " ".repeat(width)}${gap}${line}`.trimEnd());
  });
}

export interface TableOptions {
  /** Columns of figures, counted from 0: their ends stand below each other. Those at the end that find no room in a terminal are left out. */
  readonly figures?: readonly number[];
}

/** A table with a head. On a terminal the last column is wrapped, or stands beneath its row; only if that is not enough, the widest of the others are cut. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], { figures = [] }: TableOptions = {}): string {
  const edge = terminalWidth();
  const last = head.length - 1;
  if (figures.includes(last)) {
    const width = head.reduce(
      (sum, title, at) => sum + widthOf([title, ...rows.map((row) => row[at] ?? "")].join("\n")) + gap.length,
      -gap.length,
    );
    if (width > edge) return table(head.slice(0, -1), rows, { figures });
  }
  const cells = [head, ...rows].map((row) => head.map((_, at) => (at === last ? (row[at] ?? "") : (row[at] ?? "").replaceAll("\n", " "))));
  const widths = head.map((_, at) => Math.max(...cells.map((row) => widthOf(row[at]!))));
  const before = () => widths.slice(0, -1).reduce((sum, width) => sum + width + gap.length, 0);
  const isBeneath = last > 0 && edge - before() < Math.min(widths[last]!, leastRoom);
  while (isBeneath && before() - gap.length > edge) {
    const most = Math.max(...widths.slice(1, -1));
    if (most <= leastKept) break;
    widths[widths.indexOf(most, 1)] = most - 1;
  }
  const fitted = (cell: string, at: number): string => {
    const shown = Bun.stringWidth(cell) > widths[at]! ? Bun.sliceAnsi(cell, 0, widths[at]!, "…") : cell;
    return figures.includes(at) ? blank(shown, widths[at]!) + shown : shown + blank(shown, widths[at]!);
  };
  const lines = cells.map((row) => {
    const start = row.slice(0, -1).map(fitted).join(gap);
    if (isBeneath) return [start, ...(row[last] === "" ? [] : wrapped(row[last]!, edge - 4).map((line) => `    ${line}`))];
    const [first = "", ...more] = figures.includes(last) ? [fitted(row[last]!, last)] : wrapped(row[last]!, edge - before());
    return [`${start}${last > 0 ? gap : ""}${first}`, ...more.map((line) => " ".repeat(before()) + line)];
  });
  return lines.flatMap((row, at) => row.map((line) => (at === 0 ? dim(line.trimEnd()) : line.trimEnd()))).join("\n");
}
