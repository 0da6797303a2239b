import { describe, expect, test } from "bun:test";
import { agreesWithBun, editsExactly, survivesDamage } from "../tests/support/json5.ts";
import { type Json, type JsonObject, jsonOf, parseJson5, placeOf } from "./json5.ts";
import { editJson5 } from "./json5-edit.ts";

const read = (text: string): Json => jsonOf(parseJson5(text));
const problem = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    return (error as Error).message;
  }
  return "no error";
};

describe("reading JSON5", () => {
  test("what people write by hand is understood", () => {
    const text = "\uFEFF// mine\n{ port: 18_789 }".replace("_", "");
    expect(read(text)).toEqual({ port: 18789 });
    expect(read(`{a: 'x', "b c": +.5e1, \\u0064: 0x1F, e: [1, 2,], f: 'two \\\nlines', g: "\\x41\\u0042\\0",}`)).toEqual({
      a: "x",
      "b c": 5,
      d: 31,
      e: [1, 2],
      f: "two lines",
      g: "AB\0",
    });
  });

  test("an error says line, column, where it stands, what was expected and what came", () => {
    expect(problem("{\n  gateway: {\n    port 1\n  },\n}")).toBe('line 3, column 10 in gateway.port: expected ":", came "1"');
    expect(problem("{ a: [1 2] }")).toBe('line 1, column 9 in a: expected "," or "]", came "2"');
    expect(problem("{ a: tru }")).toBe("line 1, column 6 in a: expected a value, came a word without quotes");
    expect(problem("{ a: 'x\n' }")).toBe('line 1, column 8 in a: expected \' at the end of the string, came "\\n"');
    expect(problem("{ a: 1 /* ")).toBe("line 1, column 7: expected */ at the end of the comment, came the end of the text");
    expect(problem("{ a: 1,\n\n  a: 2 }")).toBe('line 3, column 3: expected each key once, came "a" again, first written in line 1');
    expect(problem("")).toBe("line 1, column 1: expected a value, came the end of the text");
    expect(problem("{} {}")).toBe('line 1, column 4: expected the end of the text, came "{"');
  });

  test("what no configuration can hold is refused", () => {
    expect(problem("{ __proto__: { admin: true } }")).toContain("expected another key, came __proto__");
    expect(problem("{ a: Infinity }")).toContain("expected a value");
    expect(problem("{ a: 1e999 }")).toContain("expected a finite number");
    expect(problem("[".repeat(100_000))).toContain("expected at most 64 levels");
    for (const text of ["08", "1.2.3", "0x", "'\\08'", "'\\1'", "'\\xg1'", "'\\u12'", "{1: 2}", "1_000", "- 1"]) {
      expect(problem(text)).toStartWith("line 1");
    }
  });

  test("Bun's own JSON5 parser agrees on 5,000 written values", () => {
    for (let seed = 1; seed <= 5000; seed += 1) agreesWithBun(seed * 7919);
  });

  test("10,000 damaged texts are read or refused, never a crash, and what both parsers accept means the same", () => {
    for (let seed = 1; seed <= 10_000; seed += 1) survivesDamage(seed * 104_729);
  });
});

describe("editing JSON5", () => {
  const edit = (text: string, change: (value: JsonObject) => Json): string => editJson5(text, change(read(text) as JsonObject));

  test("a changed value leaves every comment in place", () => {
    const text = "// top\n{\n  // about a\n  a: 1, // one\n  'b': { c: [1, 2] /* two */ },\n}\n// end\n";
    expect(edit(text, (value) => ({ ...value, a: 5 }))).toBe(text.replace("a: 1", "a: 5"));
    expect(edit(text, (value) => ({ ...value, b: { c: [1, 3] } }))).toBe(text.replace("2]", "3]"));
  });

  test("a new key goes behind the last, in the layout that is there", () => {
    expect(edit("{\n\ta: 1 // one\n}\n", (value) => ({ ...value, b: "x" }))).toBe('{\n\ta: 1, // one\n\tb: "x",\n}\n');
    expect(edit("{ a: 1 }", (value) => ({ ...value, b: 2 }))).toBe("{ a: 1, b: 2 }");
    expect(edit("{}", () => ({ gateway: { port: 1 } }))).toBe("{\n  gateway: {\n    port: 1,\n  },\n}");
    expect(edit("{\n  // port: 1,\n}\n", () => ({ port: 2 }))).toBe("{\n  // port: 1,\n  port: 2,\n}\n");
    expect(edit("{\r\n  a: 1\r\n}", (value) => ({ ...value, b: 2 }))).toBe("{\r\n  a: 1,\r\n  b: 2,\r\n}");
  });

  test("a removed key takes its line and the comment behind it, and nothing else", () => {
    expect(edit("{\n  // kept\n  a: 1, // gone\n  b: 2,\n}", () => ({ b: 2 }))).toBe("{\n  // kept\n  b: 2,\n}");
    expect(edit("{ a: 1, b: 2 }", () => ({ a: 1 }))).toBe("{ a: 1 }");
    expect(edit("{ a: 1, b: 2 }", () => ({ c: 3 }))).toBe("{ c: 3 }");
  });

  test("an item that leaves a list takes its own comment along", () => {
    const text = '{\n  from: [\n    "ada", // me\n    "bob", // brother\n    "cy", // sister\n  ],\n}';
    expect(edit(text, () => ({ from: ["ada", "cy"] }))).toBe(text.replace('    "bob", // brother\n', ""));
    expect(edit(text, () => ({ from: ["ada", "eve", "bob", "cy"] }))).toBe(text.replace("// me\n", '// me\n    "eve",\n'));
    expect(edit("{ from: [1, 2] }", () => ({ from: [0, 1, 2, 3] }))).toContain("1, 2");
  });

  test("5,000 random edits mean exactly the new value; an edit that changes nothing changes no character", () => {
    for (let seed = 1; seed <= 5000; seed += 1) editsExactly(seed * 15_485_863);
  });
});

test("a place counts lines whatever ends them", () => {
  expect(placeOf("a\r\nb\nc\rd", 7)).toEqual({ line: 4, column: 1 });
});
