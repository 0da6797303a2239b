/** A text as a tree: what a writer shows in the markup of its channel. */

export type Span = "bold" | "italic" | "strike";

export type Inline =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: Span; readonly children: readonly Inline[] }
  /** `url` is one that may be followed: other addresses are text. */
  | { readonly kind: "link"; readonly url: string; readonly children: readonly Inline[] };

export interface ListItem {
  /** Of a task. */
  readonly checked?: boolean;
  readonly children: readonly Block[];
}

export interface Table {
  readonly kind: "table";
  readonly align: readonly ("left" | "center" | "right")[];
  /** A cell has one line. */
  readonly head: readonly (readonly Inline[])[];
  readonly rows: readonly (readonly (readonly Inline[])[])[];
}

export type Block =
  /** No mark reaches over the end of a line. */
  | { readonly kind: "paragraph"; readonly lines: readonly (readonly Inline[])[] }
  | { readonly kind: "heading"; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: "code"; readonly language: string; readonly text: string }
  | { readonly kind: "quote"; readonly children: readonly Block[] }
  /** `start` is the first number; bullets when absent. A loose list has empty lines between its items. */
  | { readonly kind: "list"; readonly start?: number; readonly loose: boolean; readonly items: readonly ListItem[] }
  | Table
  | { readonly kind: "rule" };

/** What stands there to be read. */
export function textOf(nodes: readonly Inline[]): string {
  return nodes.map((node) => ("text" in node ? node.text : textOf(node.children))).join("");
}

/** The character with which it begins; a star stands for any mark. */
export const edgeOf = (node: Inline): string => (node.kind === "text" ? ([...node.text.slice(0, 2)][0] ?? "").trim() : "*");
