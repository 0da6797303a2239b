/** Markdown as a tree. Bun's own parser reads it: it takes linear time whatever comes, and costs no start. */
import type { Block, Inline, ListItem, Span, Table } from "./document.ts";
import { textOf } from "./document.ts";
import { linesInFences } from "./fences.ts";
import { isDeceptive, linkTarget } from "./urls.ts";

interface Element {
  readonly type: string | symbol;
  readonly props: {
    readonly children?: readonly Node[];
    readonly language?: string;
    readonly start?: number;
    readonly checked?: boolean;
    readonly align?: "left" | "center" | "right";
    readonly href?: string;
    readonly src?: string;
    readonly alt?: string;
  };
}
type Node = string | Element;

/** What lies deeper stands in its parent as plain text. */
const DEPTH = 12;
/** A row may name fewer cells than its table has: a short text could ask for a cell for every pair of bytes. */
const MOST_CELLS = 50_000;

const SPANS: Readonly<Record<string, Span>> = { strong: "bold", em: "italic", del: "strike" };
const INLINE = new Set<string | symbol>(["strong", "em", "del", "code", "a", "img", "br"]);
const LINE_BREAK = /<br\s{0,9}\/?>/i;

const childrenOf = (node: Element): readonly Node[] => node.props.children ?? [];

/** Footnotes are no Markdown of ours: their texts would be taken for addresses of links, and be lost. */
function keepFootnotes(text: string): string {
  if (!text.includes("[^")) return text;
  const lines = [...linesInFences(text)];
  return lines.map(({ line, fenced }) => (fenced ? line : line.replace(/^( {0,3})(?=\[\^[^\]]+\]:)/, "$1\\"))).join("\n");
}

/** Whether the tables of the text have so many cells that they are better read as lines. */
function hasHugeTable(text: string): boolean {
  let columns = 0;
  let cells = 0;
  for (const line of text.split("\n")) {
    if (/^[\s>|:-]*$/.test(line) && line.includes("-") && /[|:]/.test(line)) columns = Math.max(columns, line.split("|").length);
    else if (/^[\s>]*$/.test(line)) columns = 0;
    cells += columns;
    if (cells > MOST_CELLS) return true;
  }
  return false;
}

/** All text below, in order, without recursion. */
function flatText(nodes: readonly Node[]): string {
  let text = "";
  const stack: Node[] = [...nodes].reverse();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (typeof node === "string") text += node;
    else {
      if (!INLINE.has(node.type) || node.type === "br") text += " ";
      text += node.props.alt ?? "";
      const children = childrenOf(node);
      for (let index = children.length - 1; index >= 0; index--) stack.push(children[index]!);
    }
  }
  return text;
}

/** Neighbouring texts are one, and `<br>`, which models write in tables, is the end of a line. */
function* pieces(nodes: readonly Node[]): Generator<Node> {
  let text = "";
  const flush = function* (): Generator<Node> {
    const [first = "", ...rest] = text.split(LINE_BREAK);
    if (first !== "") yield first;
    for (const line of rest) {
      yield { type: "br", props: {} };
      if (line !== "") yield line;
    }
    text = "";
  };
  for (const node of nodes) {
    if (typeof node === "string" && node !== "\n") text += node;
    else {
      yield* flush();
      yield node === "\n" ? { type: "br", props: {} } : node;
    }
  }
  yield* flush();
}

function link(address: string, children: readonly Inline[]): readonly Inline[] {
  const label = textOf(children).trim();
  const url = linkTarget(address, label);
  if (url !== undefined && !isDeceptive(url, label)) {
    return [{ kind: "link", url, children: label === "" ? [{ kind: "text", text: address }] : children }];
  }
  if (label === address || address === "") return children;
  return [...children, { kind: "text", text: `${label === "" ? "" : " "}(${address})` }];
}

function linesOf(nodes: readonly Node[], depth: number): readonly (readonly Inline[])[] {
  if (depth > DEPTH) return [[{ kind: "text", text: flatText(nodes) }]];
  const lines: Inline[][] = [[]];
  const add = (node: Inline) => lines.at(-1)!.push(node);
  for (const node of pieces(nodes)) {
    if (typeof node === "string") add({ kind: "text", text: node });
    else if (node.type === "br") lines.push([]);
    else if (node.type === "code") add({ kind: "code", text: flatText(childrenOf(node)).replaceAll("\n", " ") });
    else if (node.type === "img") for (const one of link(node.props.src ?? "", [{ kind: "text", text: node.props.alt ?? "" }])) add(one);
    else if (node.type === "a") {
      const label = linesOf(childrenOf(node), depth + 1).flatMap((line, index) =>
        index === 0 ? line : [{ kind: "text" as const, text: " " }, ...line],
      );
      for (const one of link(node.props.href ?? "", label)) add(one);
    } else {
      const kind = SPANS[String(node.type)];
      const inner = linesOf(childrenOf(node), depth + 1);
      for (const [index, line] of inner.entries()) {
        if (index > 0) lines.push([]);
        if (line.length === 0) continue;
        if (kind === undefined) for (const one of line) add(one);
        else add({ kind, children: line });
      }
    }
  }
  return lines;
}

const oneLine = (nodes: readonly Node[], depth: number): readonly Inline[] =>
  linesOf(nodes, depth).flatMap((line, index) => (index === 0 ? line : [{ kind: "text" as const, text: " " }, ...line]));

function table(node: Element, depth: number): Table {
  const rows = childrenOf(node).flatMap((part) => (typeof part === "string" ? [] : childrenOf(part)));
  const cells = rows.map((row) => (typeof row === "string" ? [] : childrenOf(row).filter((cell) => typeof cell !== "string")));
  const [head = [], ...body] = cells;
  const inline = (row: readonly Element[]) => row.map((cell) => oneLine(childrenOf(cell), depth));
  return { kind: "table", align: head.map(({ props }) => props.align ?? "left"), head: inline(head), rows: body.map(inline) };
}

function item(node: Element, depth: number): ListItem {
  const { checked } = node.props;
  return { ...(checked === undefined ? {} : { checked }), children: blocksOf(childrenOf(node), depth) };
}

const isLoose = (list: Element) =>
  childrenOf(list).some(
    (entry) => typeof entry !== "string" && childrenOf(entry).some((child) => typeof child !== "string" && child.type === "p"),
  );

function block(node: Element, depth: number): readonly Block[] {
  const children = childrenOf(node);
  switch (node.type) {
    case "p":
      return [{ kind: "paragraph", lines: linesOf(children, depth) }];
    case "pre":
      return [{ kind: "code", language: node.props.language ?? "", text: children.join("").replace(/\n$/, "") }];
    case "blockquote":
      return [{ kind: "quote", children: blocksOf(children, depth) }];
    case "ul":
    case "ol": {
      const items = children.flatMap((child) => (typeof child === "string" ? [] : [item(child, depth)]));
      return [{ kind: "list", ...(node.type === "ol" ? { start: node.props.start ?? 1 } : {}), loose: isLoose(node), items }];
    }
    case "table":
      return [table(node, depth)];
    case "hr":
      return [{ kind: "rule" }];
    default: {
      const level = /^h([1-6])$/.exec(String(node.type))?.[1];
      if (level !== undefined) return [{ kind: "heading", level: Number(level), children: oneLine(children, depth) }];
      return blocksOf(children, depth);
    }
  }
}

/** In a tight list item the text stands without a paragraph around it. */
function blocksOf(nodes: readonly Node[], depth: number): readonly Block[] {
  if (depth >= DEPTH) return [{ kind: "paragraph", lines: [[{ kind: "text", text: flatText(nodes) }]] }];
  const blocks: Block[] = [];
  let loose: Node[] = [];
  const flush = () => {
    if (loose.length > 0) blocks.push({ kind: "paragraph", lines: linesOf(loose, depth + 1) });
    loose = [];
  };
  for (const node of nodes) {
    if (typeof node === "string" || INLINE.has(node.type)) loose.push(node);
    else {
      flush();
      blocks.push(...block(node, depth + 1));
    }
  }
  flush();
  return blocks;
}

export function parse(text: string): readonly Block[] {
  const root = Bun.markdown.react(keepFootnotes(text), undefined, {
    autolinks: true,
    // As paragraphs, so that Markdown between tags is seen, and the tags are text.
    noHtmlBlocks: true,
    tables: !hasHugeTable(text),
  }) as Element;
  return blocksOf(childrenOf(root), 0);
}
