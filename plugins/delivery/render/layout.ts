/** A document in the markup of a channel. */
import { type Bit, joined, NOTHING } from "./bit.ts";
import type { Cursor } from "./cursor.ts";
import type { Block, Inline, ListItem, Table } from "./document.ts";
import { CUT, type Frame } from "./flow.ts";
import { inline, span } from "./inline.ts";
import { isElements, withoutMentions } from "./markup.ts";
import { asList, inColumns } from "./table.ts";

/** Frames of blocks. */
const BLOCKS = new Set(["list", "item", "quote", "code-block", "table", "heading"]);

/** @param joint what separates the blocks. */
export function layOut(cursor: Cursor, blocks: readonly Block[], joint: "tight" | "blank" = "blank"): void {
  for (const [index, block] of blocks.entries()) {
    // A heading stays with what it is the heading of.
    if (index > 0) cursor.begin(blocks[index - 1]!.kind === "heading" ? CUT.word : border(cursor), joint);
    layOutBlock(cursor, block, joint);
  }
}

const border = ({ flow }: Cursor) => (flow.frame.depth === 0 ? CUT.section : CUT.block);

function layOutBlock(cursor: Cursor, block: Block, joint: "tight" | "blank"): void {
  if (block.kind === "paragraph") paragraph(cursor, () => lines(cursor, block.lines), joint);
  else if (block.kind === "heading") heading(cursor, block.level, block.children);
  else if (block.kind === "code") code(cursor, block.language, block.text.split("\n"));
  else if (block.kind === "quote") quote(cursor, block.children);
  else if (block.kind === "list") list(cursor, block.start, block.loose, block.items);
  else if (block.kind === "table") table(cursor, block, joint);
  else rule(cursor);
}

/** The texts of a tight list stand in its items without a paragraph around them. */
function paragraph(cursor: Cursor, content: () => void, joint: "tight" | "blank" = "blank"): void {
  const { blocks } = cursor.markup;
  if (isElements(blocks) && joint === "blank") cursor.within({ kind: "paragraph", ...cursor.pair(blocks.paragraph) }, content);
  else content();
}

function lines(cursor: Cursor, all: readonly (readonly Inline[])[]): void {
  for (const [index, line] of all.entries()) {
    if (index > 0) cursor.begin(CUT.line, "line");
    inline(cursor, line);
  }
}

function rule(cursor: Cursor): void {
  const { markup, meter } = cursor;
  if (cursor.has("rule")) cursor.push(meter.mark(markup.blocks.rule, "---"));
  else paragraph(cursor, () => cursor.push(meter.shown(markup.ascii ? "---" : "———")));
}

function heading(cursor: Cursor, level: number, children: readonly Inline[]): void {
  const { blocks } = cursor.markup;
  const content = () => inline(cursor, children);
  if (!cursor.has("heading")) paragraph(cursor, () => (cursor.has("bold") ? span(cursor, "bold", "", content) : content()));
  else if (isElements(blocks)) cursor.within({ kind: "heading", ...cursor.pair(blocks.heading(level)) }, content);
  else cursor.within({ kind: "heading", open: cursor.meter.mark(blocks.heading(level)) }, content);
}

function quote(cursor: Cursor, children: readonly Block[]): void {
  const { markup, meter, flow } = cursor;
  const content = () => layOut(cursor, children);
  const sign = "> ";
  const pair = cursor.has("quote") ? markup.blocks.quote : undefined;
  if (pair === undefined) {
    const open = cursor.has("quote") ? meter.mark(sign, sign) : meter.shown(markup.codeText(sign), sign);
    cursor.within({ kind: "quote", open, prefix: open }, content);
  } else if (isElements(markup.blocks) || !flow.isInside("quote")) {
    const [open, close] = [meter.mark(pair.open, sign), meter.mark(pair.close)];
    cursor.within({ kind: "quote", open, close, prefix: meter.mark("", sign) }, content);
  } else content();
}

function list(cursor: Cursor, start: number | undefined, loose: boolean, items: readonly ListItem[]): void {
  const { markup, meter } = cursor;
  const { blocks } = markup;
  const rows = () => {
    for (const [index, entry] of items.entries()) {
      const asLine = isElements(blocks) && cursor.flow.frame.kind !== "list";
      if (index > 0) cursor.begin(CUT.block, asLine ? "line" : loose ? "blank" : "tight");
      item(cursor, start === undefined ? undefined : start + index, loose, entry);
    }
  };
  if (!cursor.has("list") || !isElements(blocks)) {
    rows();
    return;
  }
  const opened = (number: number | undefined) => meter.mark(blocks.list(number).open);
  const againSize = opened(start === undefined ? undefined : start + items.length).size;
  const again = (child: Frame | undefined) => opened(child?.number);
  // Items stand in lists, and nothing but items.
  const reserve = meter.size(`${blocks.item.open}☐ … ${blocks.item.close}`);
  cursor.within({ kind: "list", open: opened(start), again, againSize, reserve, close: meter.mark(blocks.list(start).close) }, rows);
}

/** An item that goes on in another part says so, since its number or bullet stands there again. */
function item(cursor: Cursor, number: number | undefined, loose: boolean, { checked, children }: ListItem): void {
  const { markup, meter, flow } = cursor;
  const { blocks, ascii } = markup;
  const elements = isElements(blocks) && flow.frame.kind === "list" ? blocks.item : undefined;
  const bullet = isElements(blocks) || !cursor.has("list") ? (ascii ? "- " : "• ") : blocks.bullet;
  const marker = number === undefined ? bullet : `${number}. `;
  const indent = " ".repeat(marker.length);
  const prefix = elements ? meter.mark("", indent) : meter.shown(indent);
  const opened = (sign: string): Bit => joined(elements ? meter.mark(elements.open, marker) : meter.shown(marker), meter.shown(sign));
  const drawn = ascii || (cursor.has("list") && !elements) ? ["[ ] ", "[x] "] : ["☐ ", "☑ "];
  const goesOn = cursor.lineByLine ? NOTHING : opened(ascii ? "... " : "… ");
  // A list could not begin below the dots, which would be a text that goes on.
  const goesOnAround = opened("");
  cursor.within(
    {
      kind: "item",
      number,
      open: opened(checked === undefined ? "" : drawn[checked ? 1 : 0]!),
      again: (child) => (child !== undefined && BLOCKS.has(child.kind) ? goesOnAround : goesOn),
      againSize: goesOn.size,
      close: elements ? meter.mark(elements.close) : NOTHING,
      prefix,
    },
    () => (children.length === 0 ? cursor.push(NOTHING) : layOut(cursor, children, loose ? "blank" : "tight")),
  );
}

function code(cursor: Cursor, language: string, all: readonly string[]): void {
  const { markup, meter, flow } = cursor;
  const content = (prepare: (line: string) => string, write: (piece: string) => Bit) => () => {
    for (const [index, line] of all.entries()) {
      if (index > 0) cursor.begin(CUT.line, "line");
      cursor.codeLine(prepare(line), write);
    }
  };
  if (cursor.has("code-block")) {
    const marked = content(markup.verbatim, (piece) => meter.shown(markup.codeText(piece), piece));
    // An element says itself where its text begins; signs stand in lines of their own.
    const line = `\n${flow.frame.prefix.out}`;
    for (const name of [language, ""]) {
      const { open, close, ownLines } = markup.codeBlock(name);
      const [before, after] = ownLines ? [open + line, line + close] : [open, close];
      if (flow.within({ kind: "code-block", open: meter.mark(before), close: meter.mark(after), verbatim: !ownLines }, marked)) return;
    }
  }
  paragraph(cursor, content(withoutMentions, cursor.escaped));
}

function table(cursor: Cursor, block: Table, joint: "tight" | "blank"): void {
  const columns = inColumns(block);
  if (block.rows.length === 0) paragraph(cursor, () => inline(cursor, separated(block.head)), joint);
  else if (!cursor.has("table") && columns.fit) code(cursor, "", [columns.head, columns.rule, ...columns.rows]);
  else if (!cursor.has("table") || !marked(cursor, block, columns)) layOutBlock(cursor, asList(block), joint);
}

const separated = (cells: Table["head"]): Inline[] =>
  cells.flatMap((cell, index) => (index === 0 ? [...cell] : [{ kind: "text" as const, text: " | " }, ...cell]));

/** False where a row, with the head above it, is longer than a message. */
function marked(cursor: Cursor, { head, rows, align }: Table, columns: ReturnType<typeof inColumns>): boolean {
  const { markup, meter, flow } = cursor;
  const { blocks } = markup;
  const { prefix, overhead } = flow.frame;
  const row = (cells: Table["head"], isHead: boolean) => markup.row(cells.map((cell) => markup.cell(inCell(cursor, cell), isHead)));
  const { open, close } = isElements(blocks)
    ? blocks.table(row(head, true))
    : { open: `${row(head, true)}\n${prefix.out}${blocks.tableRule(align)}\n${prefix.out}`, close: "" };
  const spec = {
    kind: "table",
    open: meter.mark(open, `${columns.head}\n${prefix.plain}${columns.rule}\n${prefix.plain}`),
    close: meter.mark(close),
  };
  const bits = rows.map((cells, index) => meter.shown(row(cells, false), columns.rows[index] ?? ""));
  const room = meter.limit - overhead - spec.open.size - spec.close.size;
  if (bits.some(({ size }) => size > room)) return false;
  return flow.within(spec, () => {
    for (const [index, bit] of bits.entries()) {
      if (index > 0) cursor.begin(CUT.line, isElements(blocks) ? "tight" : "line");
      cursor.push(bit);
    }
  });
}

function inCell(cursor: Cursor, cell: readonly Inline[]): string {
  const aside = cursor.aside();
  inline(aside, cell);
  return aside.flow.whole();
}
