/** The text of a page as its reader sees it: what is drawn without ink, too small or beside the page is not there for them. */
import { OPS, type PDFPageProxy } from "unpdf/pdfjs";
import { TextLines } from "./text-lines.ts";

type Matrix = readonly [number, number, number, number, number, number];

const identity: Matrix = [1, 0, 0, 1, 0, 0];
const times = (a: Matrix, b: Matrix): Matrix => [
  a[0] * b[0] + a[1] * b[2],
  a[0] * b[1] + a[1] * b[3],
  a[2] * b[0] + a[3] * b[2],
  a[2] * b[1] + a[3] * b[3],
  a[4] * b[0] + a[5] * b[2] + b[4],
  a[4] * b[1] + a[5] * b[3] + b[5],
];

/** Smaller type than any that is read, in points. */
const LEAST_SIZE = 1.5;

interface Pen {
  matrix: Matrix;
  size: number;
  charSpacing: number;
  wordSpacing: number;
  scale: number;
  leading: number;
  rise: number;
  mode: number;
  isWhite: boolean;
  alpha: number;
}

interface Glyph {
  readonly unicode?: string;
  readonly width?: number;
  readonly isSpace?: boolean;
}

/** `unseen` is drawn without ink: hidden, or the text that a scanner put under its picture. */
type Sight = "seen" | "white" | "unseen" | "hidden";

interface Piece {
  text: string;
  readonly sight: Sight;
}

class Page {
  readonly #box: readonly number[];
  #pen: Pen = {
    matrix: identity,
    size: 0,
    charSpacing: 0,
    wordSpacing: 0,
    scale: 1,
    leading: 0,
    rise: 0,
    mode: 0,
    isWhite: false,
    alpha: 1,
  };
  readonly #kept: Pen[] = [];
  #text: Matrix = identity;
  #line: Matrix = identity;
  /** Where the newest glyph ended, and how large it was. */
  #last: { readonly x: number; readonly y: number; readonly size: number } | undefined;
  readonly pieces: Piece[] = [];

  constructor(box: readonly number[]) {
    this.#box = box;
  }

  save(): void {
    if (this.#kept.length < 1_000) this.#kept.push({ ...this.#pen });
  }

  restore(): void {
    this.#pen = this.#kept.pop() ?? this.#pen;
  }

  transform(matrix: Matrix): void {
    this.#pen.matrix = times(matrix, this.#pen.matrix);
  }

  set(change: Partial<Pen>): void {
    Object.assign(this.#pen, change);
  }

  placeText(matrix: Matrix): void {
    this.#text = matrix;
    this.#line = matrix;
  }

  moveText(x: number, y: number): void {
    this.placeText(times([1, 0, 0, 1, x, y], this.#line));
  }

  nextLine(): void {
    this.moveText(0, -this.#pen.leading);
  }

  show(glyphs: readonly (Glyph | number)[]): void {
    const pen = this.#pen;
    for (const glyph of glyphs) {
      if (typeof glyph === "number") {
        this.#advance((-glyph / 1000) * pen.size * pen.scale);
        continue;
      }
      const width = ((glyph.width ?? 0) / 1000) * pen.size;
      const at = times([pen.size * pen.scale, 0, 0, pen.size, 0, pen.rise], times(this.#text, pen.matrix));
      const size = Math.hypot(at[2], at[3]);
      this.#write(glyph.unicode ?? "", at[4], at[5], size);
      this.#advance((width + pen.charSpacing + (glyph.isSpace === true ? pen.wordSpacing : 0)) * pen.scale);
      const [, , , , x, y] = times(this.#text, pen.matrix);
      this.#last = { x, y, size };
    }
  }

  #advance(by: number): void {
    this.#text = times([1, 0, 0, 1, by, 0], this.#text);
  }

  #write(text: string, x: number, y: number, size: number): void {
    const sight = this.#sightOf(x, y, size);
    const last = this.#last;
    // What nobody sees stands in no line of what they do.
    const gap = last === undefined ? "" : gapBetween(last, { x, y, size });
    const newest = this.pieces.at(-1);
    if (newest?.sight === sight) newest.text += gap + text;
    else this.pieces.push({ text: gap + text, sight });
  }

  #sightOf(x: number, y: number, size: number): Sight {
    const { mode, isWhite, alpha } = this.#pen;
    const [left = 0, bottom = 0, right = 0, top = 0] = this.#box;
    if (size < LEAST_SIZE || alpha < 0.05 || x < left - size || x > right || y < bottom - size || y > top + size) return "hidden";
    if (mode === 3 || mode === 7) return "unseen";
    return isWhite && mode !== 1 && mode !== 2 ? "white" : "seen";
  }
}

function gapBetween(last: { x: number; y: number; size: number }, now: { x: number; y: number; size: number }): string {
  const size = Math.max(last.size, now.size, 1);
  const down = Math.abs(now.y - last.y);
  if (down > size * 1.8) return "\n\n";
  if (down > size * 0.5) return "\n";
  const right = now.x - last.x;
  if (right > size * 2) return "\t";
  return right > size * 0.2 || right < -size ? " " : "";
}

const isWhiteColour = (colour: unknown): boolean => {
  if (typeof colour !== "string" || !/^#[0-9a-f]{6}$/i.test(colour)) return false;
  return [1, 3, 5].every((at) => Number.parseInt(colour.slice(at, at + 2), 16) >= 0xf5);
};

const numberAt = (args: readonly unknown[], index: number): number => {
  const value = args[index];
  return typeof value === "number" ? value : 0;
};

/** Given as six numbers, or as one list of them. */
const matrixOf = (args: readonly unknown[]): Matrix => {
  const [first] = args;
  const numbers = typeof first === "number" ? args : [...((first ?? identity) as Iterable<unknown>)];
  return [0, 1, 2, 3, 4, 5].map((index) => numberAt(numbers, index)) as unknown as Matrix;
};

type Operator = (page: Page, args: readonly unknown[]) => void;

const operators: ReadonlyMap<number, Operator> = new Map<number, Operator>([
  [OPS.save, (page) => page.save()],
  [OPS.restore, (page) => page.restore()],
  [OPS.transform, (page, args) => page.transform(matrixOf(args))],
  [
    OPS.paintFormXObjectBegin,
    (page, [matrix]) => {
      page.save();
      if (matrix) page.transform(matrixOf([matrix]));
    },
  ],
  [OPS.paintFormXObjectEnd, (page) => page.restore()],
  [OPS.beginText, (page) => page.placeText(identity)],
  [OPS.setTextMatrix, (page, args) => page.placeText(matrixOf(args))],
  [OPS.moveText, (page, args) => page.moveText(numberAt(args, 0), numberAt(args, 1))],
  [OPS.setLeading, (page, args) => page.set({ leading: numberAt(args, 0) })],
  [
    OPS.setLeadingMoveText,
    (page, args) => {
      page.set({ leading: -numberAt(args, 1) });
      page.moveText(numberAt(args, 0), numberAt(args, 1));
    },
  ],
  [OPS.nextLine, (page) => page.nextLine()],
  [OPS.setFont, (page, args) => page.set({ size: numberAt(args, 1) })],
  [OPS.setCharSpacing, (page, args) => page.set({ charSpacing: numberAt(args, 0) })],
  [OPS.setWordSpacing, (page, args) => page.set({ wordSpacing: numberAt(args, 0) })],
  [OPS.setHScale, (page, args) => page.set({ scale: numberAt(args, 0) })],
  [OPS.setTextRise, (page, args) => page.set({ rise: numberAt(args, 0) })],
  [OPS.setTextRenderingMode, (page, args) => page.set({ mode: numberAt(args, 0) })],
  [OPS.setFillRGBColor, (page, [colour]) => page.set({ isWhite: isWhiteColour(colour) })],
  [OPS.setFillColorN, (page) => page.set({ isWhite: false })],
  [
    OPS.setGState,
    (page, [changes]) => {
      for (const [key, value] of (changes ?? []) as readonly (readonly [string, unknown])[])
        if (key === "ca" && typeof value === "number") page.set({ alpha: value });
    },
  ],
  [OPS.showText, (page, [glyphs]) => page.show((glyphs ?? []) as readonly (Glyph | number)[])],
]);

const lengthOf = (pieces: readonly Piece[], ...sights: readonly Sight[]): number =>
  pieces.reduce((sum, { text, sight }) => sum + (sights.includes(sight) ? text.replace(/\s+/g, "").length : 0), 0);

export async function pageText(source: PDFPageProxy): Promise<{ readonly text: string; readonly hiddenChars: number }> {
  const { fnArray, argsArray } = await source.getOperatorList();
  const page = new Page(source.view);
  for (const [index, operator] of fnArray.entries()) operators.get(operator)?.(page, (argsArray[index] ?? []) as readonly unknown[]);
  const { pieces } = page;
  // A page on which nothing is written with ink is a scan, with the words that were recognised in it.
  const isScan = lengthOf(pieces, "seen", "white") === 0 && lengthOf(pieces, "unseen") > 0;
  const shown = pieces.map(({ text, sight }) => {
    if (sight === "seen" || (sight === "unseen" && isScan)) return text;
    if (sight !== "white" || text.trim() === "") return /^\s+/.exec(text)?.[0] ?? "";
    return `${/^\s*/.exec(text)?.[0] ?? ""}[in white: ${text.trim()}]`;
  });
  const lines = new TextLines();
  lines.write(shown.join(""));
  const text = lines.toString();
  return {
    text: isScan && text !== "" ? `[recognised in a scan] ${text}` : text,
    hiddenChars: lengthOf(pieces, "hidden", ...(isScan ? [] : (["unseen"] as const))),
  };
}
