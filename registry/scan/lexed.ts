/**
 * A script as the rules read it: what runs, apart from what is only said. No parser: it must not stumble over whatever dialect an author writes, and what
 * it takes for a string too much or too little costs a finding, nothing else.
 */

export interface Text {
  /** As it is when it runs, with escapes read. Where something is put in, a NUL stands. */
  readonly value: string;
  /** As it is written, without its quotes. */
  readonly raw: string;
  readonly at: number;
}

export interface Lexed {
  /** Without comments, which are blank, at the same places. */
  readonly code: string;
  /** Without comments and without what stands in strings. */
  readonly bare: string;
  readonly texts: readonly Text[];
  readonly comments: readonly { readonly text: string; readonly at: number }[];
}

const beforeRegex = /(^|[([{,;=:!&|?+\-*%~^<>]|\b(return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$/;

export function lex(source: string): Lexed {
  const [code, bare] = [source.split(""), source.split("")];
  const texts: Text[] = [];
  const comments: { readonly text: string; readonly at: number }[] = [];
  const blank = (into: string[], from: number, until: number) => {
    for (let at = from; at < until; at++) if (source[at] !== "\n") into[at] = " ";
  };
  /** Templates that are open, by how many braces are open inside what is put into them. */
  const open: number[] = [];
  let braces = 0;
  let at = 0;

  /** From the sign after a quote, or after what was put into a template. */
  const template = (from: number, value: string, start: number): void => {
    let text = value;
    for (at = from; at < source.length; at++) {
      if (source[at] === "\\") at += 1;
      else if (source[at] === "`" || source.startsWith("${", at)) break;
    }
    text += unescaped(source.slice(from, at));
    blank(bare, from, at);
    if (source.startsWith("${", at)) {
      texts.push({ value: `${text}\0`, raw: source.slice(from, at), at: start });
      open.push(braces);
      braces = 0;
      at += 2;
      return;
    }
    texts.push({ value: text, raw: source.slice(from, at), at: start });
    at += 1;
  };

  while (at < source.length) {
    const sign = source[at]!;
    const start = at;
    if (source.startsWith("//", at) || (at === 0 && source.startsWith("#!"))) {
      const end = source.indexOf("\n", at);
      at = end < 0 ? source.length : end;
      comments.push({ text: source.slice(start, at), at: start });
      blank(code, start, at);
      blank(bare, start, at);
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      at = end < 0 ? source.length : end + 2;
      comments.push({ text: source.slice(start, at), at: start });
      blank(code, start, at);
      blank(bare, start, at);
    } else if (sign === '"' || sign === "'") {
      for (at += 1; at < source.length && source[at] !== sign && source[at] !== "\n"; at++) if (source[at] === "\\") at += 1;
      const raw = source.slice(start + 1, at);
      texts.push({ value: unescaped(raw), raw, at: start });
      blank(bare, start + 1, Math.min(at, source.length));
      at += 1;
    } else if (sign === "`") template(at + 1, "", start);
    else if (sign === "/" && beforeRegex.test(source.slice(Math.max(0, at - 40), at))) {
      let isClass = false;
      for (at += 1; at < source.length && source[at] !== "\n"; at++) {
        if (source[at] === "\\") at += 1;
        else if (source[at] === "[") isClass = true;
        else if (source[at] === "]") isClass = false;
        else if (source[at] === "/" && !isClass) break;
      }
      blank(bare, start + 1, Math.min(at, source.length));
      at += 1;
    } else {
      if (sign === "{") braces += 1;
      if (sign === "}" && braces === 0 && open.length > 0) {
        braces = open.pop()!;
        template(at + 1, "\0", start);
        continue;
      }
      if (sign === "}") braces = Math.max(0, braces - 1);
      at += 1;
    }
  }
  return { code: code.join(""), bare: bare.join(""), texts, comments };
}

const simple: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", v: "\v", "0": "\0" };

const unescaped = (raw: string): string =>
  raw.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|\r?\n|[\s\S])/g, (_all, sign: string) => {
    const point = /^[xu]\{?([0-9a-fA-F]+)\}?$/.exec(sign)?.[1];
    if (point !== undefined) return Number.parseInt(point, 16) <= 0x10ffff ? String.fromCodePoint(Number.parseInt(point, 16)) : "";
    if (/^\r?\n$/.test(sign)) return "";
    return simple[sign] ?? sign;
  });

/** Lines of a text, counted once. */
export function linesOf(source: string): (at: number) => number {
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  return (at) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
