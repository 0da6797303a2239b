/** Properties that hold for every JSON5 text and every edit; `seed` makes the case. */
import { expect } from "bun:test";
import { type Json, jsonOf, parseJson5 } from "@pincer/plugin-sdk/json5";
import { editJson5 } from "@pincer/plugin-sdk/json5-edit";

const read = (text: string): Json => jsonOf(parseJson5(text));

/** Values, texts and changes from a seed, so that a failure can be repeated. */
function generator(seed: number) {
  let state = seed >>> 0 || 1;
  const next = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const pick = <T>(items: readonly T[]): T => items[next(items.length)]!;
  const blank = () => pick(["", "", " ", "\n", "\n  ", " // note\n", " /* aside */ ", "\t", "\r\n", "/* two\n lines */"]);
  const word = () => pick(["a", "b", "c", "$x", "_y", "é", "with space", "0", "toString", "constructor", 'q"', "line\nbreak"]);
  const quoted = (value: string) =>
    pick([JSON.stringify(value), `'${JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`]);
  function value(depth: number): Json {
    const kind = next(depth > 0 ? 9 : 6);
    if (kind === 0) return null;
    if (kind === 1) return next(2) === 0;
    if (kind < 4) return pick([0, 1, -3, 0.5, 1e21, 255, 12345]);
    if (kind < 6) return pick(["", "x", "it's", 'say "hi"', "back\\slash", "\u2028", "$HOME", "// no comment", "/*"]);
    if (kind === 6) return Array.from({ length: next(5) }, () => value(depth - 1));
    return Object.fromEntries(Array.from({ length: next(5) }, () => [word(), value(depth - 1)]));
  }
  function write(item: Json): string {
    if (typeof item === "string") return quoted(item);
    if (item === 255) return pick(["255", "0xFF", "+255", "255.", "2.55e2"]);
    if (item === 0.5) return pick(["0.5", ".5", "5e-1"]);
    if (item === null || typeof item !== "object") return JSON.stringify(item);
    const isArray = Array.isArray(item);
    const parts = Object.entries(item).map(([key, member]) => {
      const name = /^[A-Za-z_$]+$/.test(key) ? pick([key, quoted(key)]) : quoted(key);
      return `${blank()}${isArray ? "" : `${name}${blank()}:${blank()}`}${write(member as Json)}${blank()}`;
    });
    const [open, close] = isArray ? ["[", "]"] : ["{", "}"];
    return `${open}${parts.join(",")}${parts.length > 0 && next(3) === 0 ? "," : ""}${blank()}${close}`;
  }
  function mutate(item: Json): Json {
    if (next(6) === 0) return value(2);
    if (Array.isArray(item)) {
      const list = item.flatMap((member) => (next(4) === 0 ? [] : [next(3) === 0 ? mutate(member) : member]));
      if (next(2) === 0) list.splice(next(list.length + 1), 0, value(1), ...(next(2) === 0 ? [value(1)] : []));
      return list;
    }
    if (typeof item !== "object" || item === null) return next(2) === 0 ? item : value(1);
    const entries = Object.entries(item).flatMap(([key, member]) =>
      next(4) === 0 ? [] : [[key, next(3) === 0 ? mutate(member) : member]],
    );
    for (let i = next(3); i > 0; i -= 1) entries.push([word(), value(1)]);
    return Object.fromEntries(entries);
  }
  return { next, pick, value, write, mutate, blank };
}

export function agreesWithBun(seed: number): void {
  const make = generator(seed);
  const value = make.value(4);
  const text = make.blank() + make.write(value) + make.blank();
  expect({ seed, value: read(text) }).toEqual({ seed, value });
  expect({ seed, value: Bun.JSON5.parse(text) as Json }).toEqual({ seed, value });
}

export function survivesDamage(seed: number): void {
  const make = generator(seed);
  let text = make.write(make.value(3));
  const debris = ["", "{", "]", ",", ":", "'", '"', "\\", "\0", "/*", "//", "-", "1", "é"];
  for (let i = 1 + make.next(3); i > 0; i -= 1) {
    const at = make.next(text.length + 1);
    text = text.slice(0, at) + make.pick(debris) + text.slice(at + make.next(3));
  }
  let ours: Json;
  try {
    ours = read(text);
  } catch (error) {
    expect(error).toMatchObject({ code: "JSON5_SYNTAX", data: { line: expect.any(Number), column: expect.any(Number) } });
    return;
  }
  // As JSON, since Bun keeps the sign of -0.
  expect({ seed, text, value: JSON.stringify(Bun.JSON5.parse(text)) }).toEqual({ seed, text, value: JSON.stringify(ours) });
}

export function editsExactly(seed: number): void {
  const make = generator(seed);
  const before = make.value(4);
  const text = make.blank() + make.write(before) + make.blank();
  const after = make.mutate(before);
  expect(editJson5(text, before)).toBe(text);
  const edited = editJson5(text, after);
  expect({ seed, text, edited, value: read(edited) }).toEqual({ seed, text, edited, value: after });
}
