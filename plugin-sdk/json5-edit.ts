/** Changes a JSON5 text to mean another value, touching only what differs: comments, order and layout of the rest stay. */
import { type Entry, isObject, type Json, type JsonObject, jsonOf, type ListNode, type Node, parseJson5 } from "./json5.ts";

type Splice = readonly [start: number, end: number, text: string];
/** What becomes of a list: entry i gets `keep[i]`, or goes; `added` stands behind entry `after`, or first when that is -1. */
interface ListChange {
  readonly keep: readonly (Json | undefined)[];
  readonly added: readonly string[];
  readonly after: number;
}

const identifier = /^[A-Za-z_$][\w$]*$/;
const inlineWidth = 100;

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** Throws `JSON5_SYNTAX` when the text cannot be parsed. */
export function editJson5(text: string, value: Json): string {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const splices: Splice[] = [];
  change(parseJson5(text), value);
  let edited = "";
  let done = 0;
  for (const [start, end, replacement] of splices.sort((a, b) => a[0] - b[0])) {
    edited += text.slice(done, start) + replacement;
    done = end;
  }
  return edited + text.slice(done);

  function change(node: Node, to: Json): void {
    if (Bun.deepEquals(jsonOf(node), to, true)) return;
    if (node.kind === "object" && isObject(to)) changeList(node, objectChange(node, to));
    else if (node.kind === "array" && isList(to)) changeList(node, arrayChange(node, to));
    else splices.push([node.start, node.end, stringify(to, indentAt(node.start))]);
  }

  function objectChange(node: ListNode, to: JsonObject): ListChange {
    const keep = node.entries.map((entry) => (Object.hasOwn(to, entry.key) ? to[entry.key] : undefined));
    const known = new Set(node.entries.map((entry) => entry.key));
    const indent = indentIn(node);
    const added = Object.entries(to)
      .filter(([key]) => !known.has(key))
      .map(([key, member]) => `${keyText(key)}: ${stringify(member, indent)}`);
    return { keep, added, after: keep.findLastIndex((kept) => kept !== undefined) };
  }

  /** What both begin and end with stays where it is, so that a comment stays beside the item that it is about. */
  function arrayChange(node: ListNode, to: readonly Json[]): ListChange {
    const from = node.entries.map((entry) => jsonOf(entry.value));
    const shorter = Math.min(from.length, to.length);
    let head = 0;
    while (head < shorter && Bun.deepEquals(from[head], to[head], true)) head += 1;
    let tail = 0;
    while (tail < shorter - head && Bun.deepEquals(from[from.length - 1 - tail], to[to.length - 1 - tail], true)) tail += 1;
    const paired = shorter - tail;
    const keep = from.map((_, i) => (i < paired ? to[i] : i < from.length - tail ? undefined : to[i - from.length + to.length]));
    return { keep, added: to.slice(paired, to.length - tail).map((item) => stringify(item, indentIn(node))), after: paired - 1 };
  }

  function changeList(node: ListNode, { keep, added, after }: ListChange): void {
    const { entries } = node;
    const last = entries[after];
    const follows = keep.some((kept, i) => i > after && kept !== undefined);
    if (added.length > 0) {
      if (last && !last.comma) splices.push([last.value.end, last.value.end, ","]);
      splices.push(insertion(node, last, added, follows));
    } else if (last?.comma && !follows && keep.length > after + 1 && !isLined(node)) {
      splices.push([last.value.end, last.end, ""]);
    }
    for (const [i, entry] of entries.entries()) {
      const kept = keep[i];
      if (kept === undefined) splices.push(removal(entry));
      else change(entry.value, kept);
    }
  }

  function insertion(node: ListNode, last: Entry | undefined, added: readonly string[], follows: boolean): Splice {
    const indent = indentIn(node);
    const lines = added.map((item) => `${newline}${indent}${item},`).join("");
    if (node.entries.length === 0) {
      const close = node.end - 1;
      const lineEnd = text.slice(0, close).trimEnd().length;
      const gap = text.slice(lineEnd, close);
      const at = /[\n\r]/.test(gap) ? close - gap.length + gap.search(/\r?\n[ \t]*$|\r[ \t]*$/) : close;
      return [at, at, at === close ? `${lines}${newline}${indentAt(node.start)}` : lines];
    }
    const at = lineTail(last ? last.end : node.start + 1);
    if (isLined(node) || /[\n\r]/.test(text[at] ?? "")) return [at, at, lines];
    if (!last) return [at, at, follows ? `${added.join(", ")}, ` : ` ${added.join(", ")}`];
    return [at, at, ` ${added.join(", ")}${follows ? "," : ""}`];
  }

  /** The entry, with the comment behind it on its line; with the whole line when it stands alone there. */
  function removal(entry: Entry): Splice {
    const end = lineTail(entry.end);
    let start = entry.start;
    while (/[ \t]/.test(text[start - 1]!)) start -= 1;
    if (/[\n\r]/.test(text[end] ?? "") && text[start - 1] === "\n") start -= text[start - 2] === "\r" ? 2 : 1;
    return [start, end, ""];
  }

  /** The end of the line when only blanks and comments follow `offset` there, else `offset`. */
  function lineTail(offset: number): number {
    const rest = /^(?:[ \t]|\/\*(?:[^*\n\r]|\*(?!\/))*\*\/)*(?:\/\/[^\n\r\u2028\u2029]*)?(?=[\n\r]|$)/.exec(text.slice(offset));
    return rest ? offset + rest[0].length : offset;
  }

  function isLined(node: ListNode): boolean {
    const first = node.entries[0];
    return first === undefined || text.slice(node.start, first.start).includes("\n");
  }

  function indentAt(offset: number): string {
    const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
    return /^[ \t]*/.exec(text.slice(lineStart, offset))![0];
  }

  function indentIn(node: ListNode): string {
    const first = node.entries[0];
    return first && isLined(node) ? indentAt(first.start) : `${indentAt(node.start)}  `;
  }

  function stringify(item: Json, indent: string): string {
    if (isObject(item)) {
      const members = Object.entries(item).map(([key, member]) => `${indent}  ${keyText(key)}: ${stringify(member, `${indent}  `)},`);
      return members.length === 0 ? "{}" : ["{", ...members, `${indent}}`].join(newline);
    }
    if (!isList(item)) return JSON.stringify(item);
    const inline = `[${item.map((member) => stringify(member, `${indent}  `)).join(", ")}]`;
    if (inline.length <= inlineWidth && !inline.includes(newline)) return inline;
    return ["[", ...item.map((member) => `${indent}  ${stringify(member, `${indent}  `)},`), `${indent}]`].join(newline);
  }
}

const keyText = (key: string): string => (identifier.test(key) ? key : JSON.stringify(key));
