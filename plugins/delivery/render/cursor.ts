/** Where the next words go: it cuts text into units that stay whole, and knows what stands before each. */
import type { Mark } from "@pincer/plugin-sdk/contracts/channel";
import type { Bit, Meter } from "./bit.ts";
import { CUT, type Cut, Flow, type Frame, type FrameSpec, type Joint } from "./flow.ts";
import { APART, isElements, type Markup, type Pair, withoutMentions } from "./markup.ts";

export type Break = "line" | "tight" | "blank";

/** No-break spaces belong to their word. */
const WORDS = /[^ \t\n\r\f\v\u1680\u2000-\u200a\u205f\u3000]+/g;
/** Ends a sentence. */
const SENTENCE = /[.!?…。！？]["')\]»”]*$/;
const CLAUSE = /[。！？；，、]/;
/** Where a line may break though no blank is written. */
const BREAKABLE = /(?<=[。！？；，、])(?!\p{M}|\p{Cf}|[。！？；，、])/u;

const lastOf = (text: string) => text.slice(/[\udc00-\udfff]/.test(text.at(-1) ?? "") ? -2 : -1);
const firstOf = (text: string) => text.slice(0, /[\ud800-\udbff]/.test(text[0] ?? "") ? 2 : 1);

/** In the middle of a word. */
const INSIDE = { before: "x", after: "x" } as const;

/** What calls people together stays apart, in whatever pieces it is written. */
const apart = (word: string, after: string) => withoutMentions(after === "*" ? word.replace(/@\p{L}*$|<$/u, `$&${APART}`) : word);

export class Cursor {
  readonly flow: Flow;
  readonly markup: Markup;
  readonly meter: Meter;
  readonly lineByLine: boolean;
  readonly #marks: ReadonlySet<Mark>;
  #joint: Joint = "none";
  /** How good a cut before the next unit is, where `#joint` does not say it. */
  #cut: Cut = CUT.never;
  /** The last character of the word that goes on; empty at a mark and at a blank. */
  #before = "";
  #lineStart = true;
  #lastWord = "";
  #link: "none" | "begun" | "inside" = "none";

  /** @param lineByLine whether each line is a message. */
  constructor(markup: Markup, meter: Meter, marks: ReadonlySet<Mark>, lineByLine = false) {
    this.markup = markup;
    this.lineByLine = lineByLine;
    this.meter = meter;
    this.#marks = marks;
    this.flow = new Flow(meter, (joint, at) => this.#newline(joint, at));
  }

  has(mark: Mark): boolean {
    return this.#marks.has(mark);
  }

  /** The same for a text that nobody cuts. */
  aside(): Cursor {
    return new Cursor(this.markup, this.meter.unbounded(), this.#marks);
  }

  get before(): string {
    return this.#before;
  }

  /** What a block's frame writes at its two ends, which nobody reads. */
  pair({ open, close }: Pair): Pick<FrameSpec, "open" | "close"> {
    return { open: this.meter.mark(open), close: this.meter.mark(close) };
  }

  /** Runs it in the frame, or without one where that would take too much of a message. */
  within(spec: FrameSpec, content: () => void): void {
    if (!this.flow.within(spec, content)) content();
  }

  /** The same with a mark around words. */
  marked(spec: FrameSpec, content: () => void): boolean {
    const before = this.#before;
    this.#before = "";
    const done = this.flow.within(spec, content);
    this.#before = done ? "" : before;
    return done;
  }

  /** Words of a link are cut from each other only if there is no other way. */
  linked(spec: FrameSpec, content: () => void): boolean {
    this.#link = "begun";
    const done = this.marked(spec, content);
    this.#link = "none";
    return done;
  }

  /** What comes next stands in a new line. */
  begin(cut: Cut, joint: Break): void {
    this.#joint = this.flow.units.length === 0 ? "none" : joint;
    this.#cut = cut;
    this.#before = "";
    this.#lineStart = true;
  }

  /** A unit as it is. */
  push(bit: Bit): void {
    const { joint, cut, otherwise } = this.#next(false);
    this.flow.push(bit, joint, cut, otherwise);
    this.#moved("");
  }

  blank(): void {
    if (this.#joint !== "none" || this.flow.units.length === 0) return;
    this.#joint = "space";
    this.#before = "";
  }

  /** @param after the character that follows; empty at a blank, a star at a mark. */
  text(text: string, after: string): void {
    let at = 0;
    for (const match of text.matchAll(WORDS)) {
      if (match.index > at) this.blank();
      at = match.index + match[0].length;
      const follows = at < text.length ? "" : after;
      const words = CLAUSE.test(match[0]) ? match[0].split(BREAKABLE) : match;
      for (let index = 0; index < words.length; index++) {
        if (index > 0) this.#cut = CUT.sentence;
        this.#plainWord(words[index]!, index + 1 < words.length ? firstOf(words[index + 1]!) : follows);
      }
    }
    if (at < text.length) this.blank();
  }

  /** @param stuck whether the word stays with the one before. */
  word(word: string, write: (piece: string) => Bit, stuck = false): void {
    const { joint, cut, otherwise } = this.#next(stuck);
    this.flow.pushText(word, write, joint, cut, otherwise);
    this.#moved(lastOf(word));
    this.#lastWord = word;
  }

  /** A line of code: its blanks stay, and it is cut between words if it must be. */
  codeLine(line: string, write: (piece: string) => Bit): void {
    const fits = write(line).size <= this.meter.limit - this.flow.frame.overhead;
    for (const [index, piece] of (fits ? [line] : (line.match(/\s*\S+|\s+$/g) ?? [line])).entries()) {
      if (index > 0) this.#cut = CUT.word;
      this.word(piece, write);
    }
  }

  escaped = (piece: string): Bit => this.meter.shown(this.markup.text(piece, { lineStart: true, ...INSIDE }, this.#marks), piece);

  #plainWord(written: string, after: string): void {
    const word = apart(written, after);
    const starts = this.markup.startsBlock(word) && !this.#lineStart && this.#joint === "space";
    // A second one in a row is escaped: a run of them that must not be cut could have any length.
    const lineStart = this.#lineStart || (starts && this.markup.startsBlock(this.#lastWord));
    const whole = this.meter.shown(this.markup.text(word, { lineStart, before: this.#before, after }, this.#marks), word);
    this.word(word, (piece) => (piece === word ? whole : this.escaped(piece)), starts && !lineStart);
  }

  #next(stuck: boolean): { joint: Joint; cut: Cut; otherwise: Cut } {
    const joint = this.#joint;
    let cut = this.#cut;
    if (joint === "space") cut = SENTENCE.test(this.#lastWord.slice(-8)) ? CUT.sentence : CUT.word;
    const together = stuck || this.#link === "inside";
    if (this.#link === "begun") this.#link = "inside";
    return { joint, cut: together ? CUT.never : cut, otherwise: Math.max(cut, CUT.grapheme) as Cut };
  }

  #moved(before: string): void {
    this.#joint = "none";
    this.#cut = CUT.never;
    this.#before = before;
    this.#lineStart = false;
  }

  #newline(joint: Break, { verbatim, prefix }: Frame): Bit {
    const { blocks } = this.markup;
    const plain = joint === "blank" ? `\n${prefix.plain.trimEnd()}\n` : "\n";
    if (verbatim) return { ...this.meter.shown("\n"), plain: plain + prefix.plain };
    if (isElements(blocks)) {
      const { out, size } = this.meter.shown(joint === "line" ? blocks.lineBreak : "\n", plain);
      return { out, plain: plain + prefix.plain, size };
    }
    const { out, size } = this.meter.shown(joint === "blank" ? `\n${prefix.out.trimEnd()}\n` : "\n", plain);
    return { out: out + prefix.out, plain: plain + prefix.plain, size: size + prefix.size };
  }
}
