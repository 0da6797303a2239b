/**
 * Output as a row of units, each of which stays whole, in the frames that are open around it. A part is a range of units: it opens the frames
 * around its first, closes those around its last, and so is whole by itself wherever it is cut.
 */
import { type Bit, joined, type Meter, NOTHING } from "./bit.ts";
import { cutToFit } from "./graphemes.ts";

/** A mark, a block or a list item. */
export interface Frame {
  readonly parent: Frame | undefined;
  readonly depth: number;
  readonly kind: string;
  readonly open: Bit;
  /** How it opens in a part in which it goes on; `child` is the frame that opens inside it. */
  readonly again: (child: Frame | undefined) => Bit;
  readonly close: Bit;
  /** At the beginning of each line, those of the frames around it included. */
  readonly prefix: Bit;
  /** Most that opening and closing this and the frames around it takes. */
  readonly overhead: number;
  /** The item's number in its list. */
  readonly number?: number | undefined;
  /** An element whose text is kept as it is, so that no prefix may stand in it. */
  readonly verbatim?: boolean | undefined;
}

export interface FrameSpec {
  readonly kind: string;
  readonly open: Bit;
  readonly close?: Bit;
  readonly again?: (child: Frame | undefined) => Bit;
  /** Most that `again` takes. */
  readonly againSize?: number;
  /** What the frames take that must stand inside it. */
  readonly reserve?: number;
  readonly prefix?: Bit;
  readonly number?: number | undefined;
  readonly verbatim?: boolean | undefined;
}

/** What separates a unit from the one before: the better the place for a cut, the higher. */
export const CUT = { never: 0, grapheme: 1, word: 2, sentence: 3, line: 4, block: 5, section: 6 } as const;
export type Cut = (typeof CUT)[keyof typeof CUT];

/** `tight` and `blank` separate blocks, without and with an empty line. */
export type Joint = "none" | "space" | "line" | "tight" | "blank";

export interface Unit {
  readonly frame: Frame;
  readonly bit: Bit;
  /** What stands between the unit before and this one when both are in one part. */
  readonly lead: Bit;
  readonly joint: Joint;
  /** How good a cut before this unit is; where none was wanted, `otherwise` holds when there is no other way. */
  cut: Cut;
  readonly otherwise: Cut;
}

const ROOT: Frame = {
  parent: undefined,
  depth: 0,
  kind: "root",
  open: NOTHING,
  again: () => NOTHING,
  close: NOTHING,
  prefix: NOTHING,
  overhead: 0,
};

export class Flow {
  readonly units: Unit[] = [];
  readonly meter: Meter;
  readonly #newline: (joint: "line" | "tight" | "blank", at: Frame) => Bit;
  #frame: Frame = ROOT;

  /** @param newline what `joint` writes inside a frame, its prefix included. */
  constructor(meter: Meter, newline: (joint: "line" | "tight" | "blank", at: Frame) => Bit) {
    this.meter = meter;
    this.#newline = newline;
  }

  get frame(): Frame {
    return this.#frame;
  }

  isInside(kind: string): boolean {
    for (let frame: Frame | undefined = this.#frame; frame !== undefined; frame = frame.parent) if (frame.kind === kind) return true;
    return false;
  }

  /** Runs `content` inside the frame; false, and nothing done, where the frame would leave too little room for what it holds. */
  within(spec: FrameSpec, content: () => void): boolean {
    const parent = this.#frame;
    const { kind, open, close = NOTHING, again = () => open, againSize = open.size, reserve = 0, number, verbatim } = spec;
    const prefix = spec.prefix === undefined ? parent.prefix : joined(parent.prefix, spec.prefix);
    const overhead = parent.overhead + Math.max(open.size, againSize) + close.size;
    if (overhead + reserve > this.meter.limit / 2 || prefix.size > this.meter.limit / 4) return false;
    this.#frame = { parent, depth: parent.depth + 1, kind, open, again, close, prefix, overhead, number, verbatim };
    content();
    this.#frame = parent;
    return true;
  }

  /** Runs `content` outside the frames of these kinds that are innermost; they go on behind it. */
  outside<T>(kinds: readonly string[], content: () => T): T {
    const frame = this.#frame;
    while (kinds.includes(this.#frame.kind)) this.#frame = this.#frame.parent ?? frame;
    try {
      return content();
    } finally {
      this.#frame = frame;
    }
  }

  push(bit: Bit, joint: Joint, cut: Cut, otherwise: Cut = cut): void {
    const frame = this.#frame;
    const before = this.units.at(-1);
    this.units.push({ frame, bit, lead: before === undefined ? NOTHING : this.#lead(before.frame, frame, joint), joint, cut, otherwise });
  }

  /** Pushes a text that may be longer than a message: then it is cut between graphemes. */
  pushText(text: string, write: (piece: string) => Bit, joint: Joint, cut: Cut, otherwise: Cut = cut): void {
    const room = this.meter.limit - this.#frame.overhead;
    const fits = (piece: string) => write(piece).size <= room;
    let first = true;
    for (const piece of fits(text) ? [text] : cutToFit(text, room, fits)) {
      if (first) this.push(write(piece), joint, cut, otherwise);
      else this.push(write(piece), "none", CUT.grapheme);
      first = false;
    }
  }

  /** All of it, however long. */
  whole(): string {
    const [first] = this.units;
    return first === undefined ? "" : written(this.units, 0, this.units.length).out;
  }

  #lead(from: Frame, to: Frame, joint: Joint): Bit {
    let closing: Bit = NOTHING;
    let opening: Bit = NOTHING;
    let left = from;
    let right = to;
    while (left !== right) {
      if (left.depth >= right.depth) {
        closing = joined(closing, left.close);
        left = left.parent!;
      } else {
        opening = joined(right.open, opening);
        right = right.parent!;
      }
    }
    const between = joint === "none" ? NOTHING : joint === "space" ? this.meter.shown(" ") : this.#newline(joint, left);
    if (closing === NOTHING && opening === NOTHING) return between;
    return joined(joined(closing, between), opening);
  }
}

/** The frames around a unit, outermost first, without the root. */
export function framesOf({ frame }: Unit): Frame[] {
  const frames: Frame[] = [];
  for (let at: Frame | undefined = frame; at?.parent !== undefined; at = at.parent) frames.push(at);
  return frames.reverse();
}

export function closing(frame: Frame): Bit {
  let bit: Bit = NOTHING;
  for (let at: Frame | undefined = frame; at?.parent !== undefined; at = at.parent) bit = joined(bit, at.close);
  return bit;
}

/** What opens the frames around a unit with which a part begins: `before` is the unit that ends the part before. */
export function opening(unit: Unit, before: Unit | undefined): Bit {
  const frames = framesOf(unit);
  const open = before === undefined ? [] : framesOf(before);
  let bit: Bit = NOTHING;
  for (const [index, frame] of frames.entries()) {
    const goesOn = open[index] === frame;
    bit = joined(bit, goesOn ? frame.again(frames[index + 1]) : frame.open);
  }
  return bit;
}

/** A part of the units, whole by itself. */
export function written(units: readonly Unit[], from: number, to: number): Pick<Bit, "out" | "plain"> {
  const bits = [opening(units[from]!, units[from - 1]), units[from]!.bit];
  for (let index = from + 1; index < to; index++) bits.push(units[index]!.lead, units[index]!.bit);
  bits.push(closing(units[to - 1]!.frame));
  return { out: bits.map(({ out }) => out).join(""), plain: bits.map(({ plain }) => plain).join("") };
}
