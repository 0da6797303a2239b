/** How a markup writes what a text can be marked as. */
import type { Mark } from "@pincer/plugin-sdk/contracts/channel";
import type { Span } from "./document.ts";

/** Where a text stands. */
export interface Place {
  /** First in its line, where a sign may begin a block. */
  readonly lineStart: boolean;
  /** The characters beside it; `before` is empty at a blank and at a mark, `after` empty at a blank and a star at a mark. */
  readonly before: string;
  readonly after: string;
}

export interface Pair {
  readonly open: string;
  readonly close: string;
}

/** Blocks that are elements: nothing but the element itself separates them from others. */
export interface Elements {
  readonly paragraph: Pair;
  readonly lineBreak: string;
  readonly quote: Pair;
  heading(level: number): Pair;
  /** `start` is absent for bullets. */
  list(start: number | undefined): Pair;
  readonly item: Pair;
  readonly rule: string;
  /** Around the rows, the head's among them. */
  table(head: string): Pair;
}

/** Blocks that are lines, with signs before them. */
export interface Signs {
  heading(level: number): string;
  readonly rule: string;
  readonly bullet: string;
  /** Around a quote, which then holds no other; a sign before each of its lines when absent. */
  readonly quote?: Pair;
  /** The line that separates a table's head from its rows. */
  tableRule(align: readonly ("left" | "center" | "right")[]): string;
}

export interface Markup {
  /** What it has a mark for. */
  readonly marks: readonly Mark[];
  /** Signs that stand for what it has no mark for are of ASCII. */
  readonly ascii: boolean;
  /** A text as it is to be read, with nothing in it that is markup. */
  text(text: string, place: Place, marks: ReadonlySet<Mark>): string;
  /** Whether the word would begin a block, were it the first of its message. */
  startsBlock(word: string): boolean;
  span(span: Span, place: Pick<Place, "before" | "after">): Pair;
  /** Code within a line has no mark around or inside it. */
  readonly codeStandsAlone?: boolean;
  /** Around code within a line; undefined where this code cannot be marked. */
  code(text: string): Pair | undefined;
  /** A whole code, with nothing in it that would end it. */
  verbatim(text: string): string;
  codeText(text: string): string;
  /** `ownLines`: each of the two stands in a line of its own. */
  codeBlock(language: string): Pair & { readonly ownLines: boolean };
  link(url: string): Pair;
  /** A link that shows its address. */
  bareLink(url: string, label: string): string;
  cell(text: string, head: boolean): string;
  row(cells: readonly string[]): string;
  readonly blocks: Elements | Signs;
}

export const isElements = (blocks: Elements | Signs): blocks is Elements => "paragraph" in blocks;

export const isWordChar = (char: string): boolean => /[\p{L}\p{N}]/u.test(char);

/** Keeps two characters from being read together. */
export const APART = "\u200b";

/** What would call people together, or one by a number, is only read. */
export const withoutMentions = (text: string): string =>
  text.replace(/@(?=everyone|here|(?:all|channel|group|room)(?!\p{L}))/giu, `@${APART}`).replace(/<(?=[@#!]|users\/)/g, `<${APART}`);

/** Fences of three that stand in code do not end it. */
export const withoutFences = (text: string): string => text.replace(/`(?=``)|(?<=``)`/g, (tick) => `${tick}${APART}`);

export const languageName = (language: string): string => (/^[\w+#.-]{1,32}$/.test(language) ? language : "");
