/** Tables where a platform has none. */
import { type Block, type Inline, type Table, textOf } from "./document.ts";

/** Wider than this, a line of a table is broken by the screens that people hold in their hands. */
const WIDEST = 80;
/** A longer cell reaches over its column's edge, so that one cell does not blow up every row. */
const WIDEST_COLUMN = 40;

export interface Lines {
  readonly head: string;
  readonly rule: string;
  readonly rows: readonly string[];
  /** Whether the lines are short enough to be read as a table. */
  readonly fit: boolean;
}

const cellText = (cell: readonly Inline[]): string =>
  cell
    .map((node) => {
      if ("text" in node) return node.text;
      const label = cellText(node.children);
      return node.kind === "link" && label !== node.url ? `${label} (${node.url})` : label;
    })
    .join("")
    .replace(/\s+/g, " ")
    .trim();

function padded(text: string, width: number, side: "left" | "center" | "right"): string {
  const missing = Math.max(0, width - Bun.stringWidth(text));
  const left = side === "left" ? 0 : side === "right" ? missing : Math.floor(missing / 2);
  return " ".repeat(left) + text + " ".repeat(missing - left);
}

/** The cells in columns, as one sees them with letters of one width. */
export function inColumns({ align, head, rows }: Table): Lines {
  const cells = [head, ...rows].map((row) => row.map(cellText));
  const widths = head.map((_, column) => Math.min(WIDEST_COLUMN, Math.max(...cells.map((row) => Bun.stringWidth(row[column] ?? "")))));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => padded(cell, widths[column] ?? 0, align[column] ?? "left"))
      .join("  ")
      .trimEnd();
  const [first = "", ...rest] = cells.map(line);
  const rule = widths.map((width) => "-".repeat(Math.max(1, width))).join("  ");
  return { head: first, rule, rows: rest, fit: [first, ...rest].every((one) => Bun.stringWidth(one) <= WIDEST) };
}

/** A row for each item, and a line for each of its cells. */
export function asList({ head, rows }: Table): Block {
  const items = rows.map((row) => {
    const lines = row.flatMap((cell, column): Inline[][] => {
      const name = textOf(head[column] ?? []).trim();
      if (cell.length === 0) return [];
      return [
        name === "" ? [...cell] : [{ kind: "bold", children: [{ kind: "text", text: `${name}:` }] }, { kind: "text", text: " " }, ...cell],
      ];
    });
    return { children: [{ kind: "paragraph" as const, lines }] };
  });
  return { kind: "list", loose: false, items };
}
