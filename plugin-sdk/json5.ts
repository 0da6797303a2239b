/** JSON5 with the place of every part, so that an error names its line and an edit leaves comments and layout alone. */
import { defineErrors } from "./error.ts";

const json5Errors = defineErrors({ JSON5_SYNTAX: { message: "the text is not valid JSON5", wire: "INVALID_REQUEST" } });

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/** One value of the text, from offset `start` up to `end`. */
export type Node = ScalarNode | ListNode;
interface ScalarNode {
  readonly kind: "scalar";
  readonly start: number;
  readonly end: number;
  readonly value: null | boolean | number | string;
}
/** An object or an array; an array's entries have the index as key. */
export interface ListNode {
  readonly kind: "object" | "array";
  readonly start: number;
  readonly end: number;
  readonly entries: readonly Entry[];
}
export interface Entry {
  readonly key: string;
  /** Where the key begins; of an array's entry, the value. */
  readonly start: number;
  readonly value: Node;
  /** Behind the comma that follows, or behind the value when none does. */
  readonly end: number;
  readonly comma: boolean;
}

export interface Place {
  /** Both count from 1; a column counts UTF-16 units. */
  readonly line: number;
  readonly column: number;
}

const depthLimit = 64;
const space = /\s+/y;
const lineComment = /\/\/[^\n\r\u2028\u2029]*/y;
const name = /(?:[$_\p{ID_Start}]|\\u[0-9a-fA-F]{4})(?:[$_\p{ID_Continue}]|\u200c|\u200d|\\u[0-9a-fA-F]{4})*/uy;
const number = /[+-]?(?:0[xX][0-9a-fA-F]+|(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w$.])/y;
const plain = /[^"'\\\n\r]+/y;
const escapes: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "0": "\0" };
const words = new Map<string, null | boolean>([
  ["null", null],
  ["true", true],
  ["false", false],
]);

export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset).split(/\r\n|[\n\r\u2028\u2029]/);
  return { line: before.length, column: before[before.length - 1]!.length + 1 };
}

/** The end of the blanks and comments that begin at `at`. `undefined`: a comment is not closed. */
function skipBlanks(text: string, at: number): number | undefined {
  for (;;) {
    space.lastIndex = at;
    if (space.test(text)) at = space.lastIndex;
    lineComment.lastIndex = at;
    if (lineComment.test(text)) at = lineComment.lastIndex;
    else if (text.startsWith("/*", at)) {
      const close = text.indexOf("*/", at + 2);
      if (close < 0) return undefined;
      at = close + 2;
    } else return at;
  }
}

/** Throws `JSON5_SYNTAX` with `{ line, column, path }`. Refused beyond JSON5: keys written twice, `__proto__`, Infinity, NaN, 65 levels. */
export function parseJson5(text: string): Node {
  const path: string[] = [];
  let at = 0;

  const fail = (expected: string, came?: string): never => {
    const place = placeOf(text, at);
    const found = came ?? (at < text.length ? JSON.stringify([...text.slice(at, at + 2)][0]) : "the end of the text");
    const where = path.length > 0 ? ` in ${path.join(".")}` : "";
    throw json5Errors.JSON5_SYNTAX(`line ${place.line}, column ${place.column}${where}: expected ${expected}, came ${found}`, {
      data: { ...place, path: path.join(".") },
    });
  };
  const blanks = () => {
    at = skipBlanks(text, at) ?? fail("*/ at the end of the comment", "the end of the text");
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0];
    if (match !== undefined) at += match.length;
    return match;
  };
  const hex = (digits: number): string => {
    const code = text.slice(at, at + digits);
    if (code.length < digits || !/^[0-9a-fA-F]+$/.test(code)) fail(`${digits} hexadecimal digits`);
    at += digits;
    return String.fromCharCode(Number.parseInt(code, 16));
  };

  function string(): string {
    const quote = text[at++];
    let value = "";
    for (;;) {
      value += take(plain) ?? "";
      const char = text[at];
      if (char === undefined || char === "\n" || char === "\r") fail(`${quote} at the end of the string`);
      at += 1;
      if (char === quote) return value;
      value += char === "\\" ? escaped() : char;
    }
  }

  function escaped(): string {
    const char = text[at++];
    if (char === undefined) return fail("a character behind \\");
    if (char === "x") return hex(2);
    if (char === "u") return hex(4);
    if (char === "\r" && text[at] === "\n") at += 1;
    if (/[\n\r\u2028\u2029]/.test(char)) return "";
    if (/[1-9]/.test(char) || (char === "0" && /\d/.test(text[at] ?? ""))) {
      at -= 1;
      fail("an escape that JSON5 knows");
    }
    return escapes[char] ?? char;
  }

  function key(): string {
    const start = at;
    const quoted = text[at] === '"' || text[at] === "'";
    const word = quoted ? string() : take(name)?.replace(/\\u(....)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
    if (word === "__proto__") {
      at = start;
      fail("another key", "__proto__");
    }
    return word ?? fail('a key or "}"');
  }

  function scalar(): ScalarNode {
    const start = at;
    const char = text[at];
    if (char === '"' || char === "'") return { kind: "scalar", start, value: string(), end: at };
    const digits = take(number);
    if (digits !== undefined) {
      const value = digits.startsWith("-") ? -Number(digits.slice(1)) : Number(digits.replace("+", ""));
      if (Number.isFinite(value)) return { kind: "scalar", start, value: value + 0, end: at };
      at = start;
      fail("a finite number", digits);
    }
    const word = take(name);
    if (word !== undefined && words.has(word)) return { kind: "scalar", start, value: words.get(word)!, end: at };
    at = start;
    // Never the word itself: it may be a secret that was written without quotes, and errors reach logs and readers.
    return fail("a value", word === undefined ? undefined : "a word without quotes");
  }

  function list(kind: "object" | "array"): ListNode {
    const start = at++;
    const close = kind === "object" ? "}" : "]";
    const entries: Entry[] = [];
    const seen = new Map<string, number>();
    if (path.length > depthLimit) fail(`at most ${depthLimit} levels`);
    for (blanks(); text[at] !== close; blanks()) {
      const entryStart = at;
      const entryKey = kind === "object" ? key() : String(entries.length);
      const twin = seen.get(entryKey);
      if (twin !== undefined) {
        at = entryStart;
        fail("each key once", `${JSON.stringify(entryKey)} again, first written in line ${placeOf(text, twin).line}`);
      }
      seen.set(entryKey, entryStart);
      path.push(entryKey);
      if (kind === "object") {
        blanks();
        if (text[at] !== ":") fail('":"');
        at += 1;
        blanks();
      }
      const value = node();
      path.pop();
      blanks();
      const comma = text[at] === ",";
      if (comma) at += 1;
      else if (text[at] !== close) fail(`"," or "${close}"`);
      entries.push({ key: entryKey, start: entryStart, value, end: comma ? at : value.end, comma });
    }
    at += 1;
    return { kind, start, end: at, entries };
  }

  const node = (): Node => (text[at] === "{" ? list("object") : text[at] === "[" ? list("array") : scalar());

  blanks();
  const root = node();
  blanks();
  if (at < text.length) fail("the end of the text");
  return root;
}

export function jsonOf(node: Node): Json {
  if (node.kind === "scalar") return node.value;
  if (node.kind === "array") return node.entries.map((entry) => jsonOf(entry.value));
  return Object.fromEntries(node.entries.map((entry) => [entry.key, jsonOf(entry.value)]));
}

/** Where the value at a path stands, or else the nearest around it that is written; `undefined` when that is the whole text. */
export function placeAt(text: string, root: Node, path: readonly string[]): Place | undefined {
  let found = root;
  for (const step of path) {
    const inside = found.kind === "scalar" ? undefined : found.entries.find((entry) => entry.key === step)?.value;
    if (!inside) break;
    found = inside;
  }
  return found === root ? undefined : placeOf(text, found.start);
}

/** Each value below that is no object, with its dotted path; of objects without members nothing. */
export const leavesOf = (value: Json, path = ""): [path: string, value: Json][] =>
  isObject(value)
    ? Object.entries(value).flatMap(([key, child]) => leavesOf(child, path === "" ? key : `${path}.${key}`))
    : [[path, value]];

/** What stands at a path, or `undefined`. */
export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found: Json | undefined = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as JsonObject)[step];
  }
  return found;
}

/** A copy with the value at the path, or without it when that is `undefined`; whatever is in the way becomes an object. */
export function putAt(value: Json | undefined, [key, ...rest]: readonly string[], member: Json | undefined): JsonObject {
  const from = isObject(value) ? value : {};
  const inside = rest.length === 0 ? member : putAt(Object.hasOwn(from, key!) ? from[key!] : undefined, rest, member);
  return Object.fromEntries(Object.entries({ ...from, [key!]: inside }).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
