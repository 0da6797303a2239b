/**
 * Which regular expressions may be trusted with any text: those that match in a time that grows as the text does. A manifest brings patterns that
 * the gateway matches in its own process, and `^(a+)+$` takes years for forty letters.
 *
 * What is looked for is that at each place the next character says how to go on (Brüggemann-Klein's test for a deterministic expression): then
 * nothing is tried twice. Outside of anything that repeats, a few ways that begin alike do no harm.
 */

/** Codes of characters, from and to. */
type Chars = readonly (readonly [from: number, to: number])[];

interface Part {
  /** It may match nothing at all. */
  readonly mayBeEmpty: boolean;
  /** With what it may begin. */
  readonly first: Chars;
  /** With what it may go on when it could end. */
  readonly more: Chars;
  /** The longest that it may match. */
  readonly most: number;
}

const nothing: Part = { mayBeEmpty: true, first: [], more: [], most: 0 };
const LAST = 0xffff;
const mostChars = 100;
const mostWays = 200;

const overlap = (a: Chars, b: Chars): boolean => a.some(([from, to]) => b.some(([start, end]) => from <= end && start <= to));

function except(chars: Chars): Chars {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [from, to] of [...chars].sort(([a], [b]) => a - b)) {
    if (from > next) rest.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  return next > LAST ? rest : [...rest, [next, LAST]];
}

const of = (text: string): Chars => [...text].map((character) => [character.charCodeAt(0), character.charCodeAt(0)] as const);
const digits: Chars = [[48, 57]];
const words: Chars = [...digits, [65, 90], [97, 122], [95, 95]];
const spaces: Chars = [[9, 13], [32, 32], [160, 160], [0x1680, 0x1680], [0x2000, 0x200a], ...of("\u2028\u2029\u202f\u205f\u3000\ufeff")];
const classes: Readonly<Record<string, Chars>> = { d: digits, w: words, s: spaces, D: except(digits), W: except(words), S: except(spaces) };
const controls: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", v: "\v", f: "\f", "0": "\0" };

class Unsafe extends Error {}

type Node =
  | { readonly kind: "chars"; readonly chars: Chars }
  | { readonly kind: "start" | "end" }
  | { readonly kind: "any"; readonly of: readonly Node[] }
  | { readonly kind: "all"; readonly of: readonly Node[] }
  | { readonly kind: "times"; readonly of: Node; readonly least: number; readonly most: number };

/** Reads what can be judged. Of a text that is a regular expression; throws `Unsafe` for the rest. */
class Reader {
  #at = 0;
  constructor(readonly text: string) {}

  any(): Node {
    const of = [this.#all()];
    while (this.#take("|")) of.push(this.#all());
    return { kind: "any", of };
  }

  #take(expected: string): boolean {
    if (!this.text.startsWith(expected, this.#at)) return false;
    this.#at += expected.length;
    return true;
  }

  #all(): Node {
    const of: Node[] = [];
    while (this.#at < this.text.length && !/[|)]/.test(this.text[this.#at]!)) {
      const node = this.#atom();
      const [, sign, least = "", more, most] = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(this.text.slice(this.#at, this.#at + 32)) ?? [];
      if (sign === undefined && least === "") of.push(node);
      else {
        const [from, to] =
          sign === undefined ? [Number(least), more === undefined ? least : most] : [sign === "+" ? 1 : 0, sign === "?" ? 1 : ""];
        of.push({ kind: "times", of: node, least: from, most: to === "" ? Number.POSITIVE_INFINITY : Number(to) });
        this.#at += /^([*+?]|\{[\d,]+\})\??/.exec(this.text.slice(this.#at, this.#at + 32))![0].length;
      }
    }
    return { kind: "all", of };
  }

  #atom(): Node {
    if (this.#take("^")) return { kind: "start" };
    if (this.#take("$")) return { kind: "end" };
    if (!this.#take("(")) return { kind: "chars", chars: this.#chars() };
    if (this.#take("?") && !this.#take(":")) throw new Unsafe("it looks ahead or behind, or names a group");
    const inside = this.any();
    this.#at++;
    return inside;
  }

  #chars(): Chars {
    if (this.#take(".")) return except(of("\n\r\u2028\u2029"));
    if (!this.#take("[")) return this.#one();
    const isExcept = this.#take("^");
    const chars: (readonly [number, number])[] = [];
    while (!this.#take("]")) {
      const from = this.#one();
      chars.push(...from);
      if (this.text[this.#at] !== "-" || this.text[this.#at + 1] === "]") continue;
      this.#at++;
      const to = this.#one();
      // A class on either side makes the line between them one of the characters.
      chars.push(...to, ...(isSingle(from) && isSingle(to) ? [[from[0][0], to[0][0]] as const] : of("-")));
    }
    return isExcept ? except(chars) : chars;
  }

  #one(): Chars {
    const character = this.text[this.#at++]!;
    if (character !== "\\") return of(character);
    const escaped = this.text[this.#at++]!;
    const known = classes[escaped] ?? (controls[escaped] && of(controls[escaped]));
    if (known) return known;
    const code = /^(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})/.exec(this.text.slice(this.#at - 1, this.#at + 4))?.[0];
    if (code) this.#at += code.length - 1;
    else if (/[A-Za-z0-9]/.test(escaped)) throw new Unsafe(`"\\${escaped}" is not among what can be judged`);
    return of(code ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : escaped);
  }
}

const isSingle = (chars: Chars): chars is readonly [readonly [number, number]] => chars.length === 1 && chars[0]![0] === chars[0]![1];

const isAnchored = (node: Node | undefined): boolean => {
  if (node?.kind === "any") return node.of.every(isAnchored);
  return node?.kind === "start" || (node?.kind === "all" && isAnchored(node.of[0]));
};

class Judge {
  /** How often what stands somewhere may be tried. */
  #ways = 1;

  /** Throws `Unsafe`. */
  whole(node: Node): void {
    const { most } = this.#part(node, 0, false);
    if (isAnchored(node)) return;
    if (most > mostChars) throw new Unsafe('what repeats without end needs a "^" before it');
    this.#again(most, false, "it may begin anywhere, and is long");
  }

  /** A few times do no harm where nothing repeats. */
  #again(times: number, isRepeated: boolean, why: string): void {
    this.#ways *= Math.max(1, times);
    if (isRepeated || this.#ways > mostWays) throw new Unsafe(why);
  }

  #part(node: Node, depth: number, isRepeated: boolean): Part {
    if (node.kind === "any")
      return this.#any(
        node.of.map((each) => this.#part(each, depth, isRepeated)),
        isRepeated,
      );
    if (node.kind === "all")
      return this.#all(
        node.of.map((each) => this.#part(each, depth + 1, isRepeated)),
        depth,
        isRepeated,
      );
    if (node.kind === "chars") return { mayBeEmpty: false, first: node.chars, more: [], most: 1 };
    if (node.kind !== "times") return nothing;
    const { least, most } = node;
    const once = this.#part(node.of, depth, isRepeated || most > 1);
    if (once.mayBeEmpty && most > 1) throw new Unsafe("what may be empty is repeated");
    if (once.mayBeEmpty && least === 0) this.#again(2, isRepeated, "what may be empty anyway is optional");
    if (most > 1 && overlap(once.more, once.first))
      throw new Unsafe("what repeats is repeated, and its end may be the beginning of the next");
    return {
      mayBeEmpty: once.mayBeEmpty || least === 0,
      first: once.first,
      more: most > 1 && most > least ? [...once.more, ...once.first] : once.more,
      most: most === 0 ? 0 : once.most * most,
    };
  }

  #any(parts: readonly Part[], isRepeated: boolean): Part {
    const isClear = parts.every((part, at) => parts.slice(0, at).every((other) => !overlap(part.first, other.first)));
    const empty = parts.filter(({ mayBeEmpty }) => mayBeEmpty).length;
    if (!isClear || empty > 1) this.#again(parts.length, isRepeated, "alternatives that begin alike are repeated, or are too many");
    return {
      mayBeEmpty: empty > 0,
      first: parts.flatMap(({ first }) => first),
      more: parts.flatMap(({ more }) => more),
      most: Math.max(...parts.map(({ most }) => most)),
    };
  }

  #all(parts: readonly Part[], depth: number, isRepeated: boolean): Part {
    return parts.reduceRight((rest, part) => {
      if (overlap(part.more, rest.first) || (part.mayBeEmpty && overlap(part.first, rest.first))) {
        // What has no end gives back one character after the other, and each time the rest is tried.
        const isEndless = part.most > mostChars;
        if (isEndless && (depth > 0 || rest.most > mostChars)) throw new Unsafe("what repeats may be followed by what it matches itself");
        this.#again(
          (isEndless ? rest.most : part.most) + 1,
          isRepeated,
          "parts that begin alike follow each other, and are repeated or too long",
        );
      }
      return {
        mayBeEmpty: part.mayBeEmpty && rest.mayBeEmpty,
        first: part.mayBeEmpty ? [...part.first, ...rest.first] : part.first,
        more: rest.mayBeEmpty ? [...rest.more, ...rest.first, ...part.more] : rest.more,
        most: part.most + rest.most,
      };
    }, nothing);
  }
}

const mostText = 1_000;

/** Why it may take long on some text, or is no regular expression at all; undefined when it does not. */
export function slowness(pattern: string): string | undefined {
  if (pattern.length > mostText) return `it is longer than ${mostText} characters`;
  try {
    new RegExp(pattern);
    new Judge().whole(new Reader(pattern).any());
    return undefined;
  } catch (error) {
    if (error instanceof Unsafe || error instanceof SyntaxError) return error.message;
    throw error;
  }
}

/** The first pattern in a schema, however deep, that may take long, and why. */
export function slowPattern(
  schema: unknown,
  path = "",
): { readonly path: string; readonly pattern: string; readonly why: string } | undefined {
  if (typeof schema !== "object" || schema === null) return undefined;
  for (const [key, value] of Object.entries(schema)) {
    const at = `${path}/${key}`;
    const patterns = key === "pattern" && typeof value === "string" ? [value] : key === "patternProperties" ? Object.keys(value ?? {}) : [];
    for (const pattern of patterns) {
      const why = slowness(pattern);
      if (why) return { path: at, pattern, why };
    }
    const inside = slowPattern(value, at);
    if (inside) return inside;
  }
  return undefined;
}
