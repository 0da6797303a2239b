import { expect, test } from "bun:test";
import { slowness, slowPattern } from "./pattern.ts";

test.each([
  "",
  "^$",
  "abc",
  "^(.*)$",
  "^[a-z0-9]+(-[a-z0-9]+)*$",
  "^[A-Za-z][A-Za-z0-9-]*(\\.[A-Za-z][A-Za-z0-9-]*)*$",
  "^\\d+\\.\\d+\\.\\d+(-[0-9A-Za-z.-]+)?$",
  "^[\\w.+-]+@[\\w-]+(\\.[\\w-]+)+$",
  "^https?://.+$",
  "^[^\\0]*$",
  "^[^@]+@[^@]+$",
  "^[0-9a-f]{64}$",
  "^[0-9]{4}-?[0-9]{2}-?[0-9]{2}$",
  "^(public|config:/.+|secret:[A-Z][A-Z0-9_]*|(\\*\\.)?[A-Za-z0-9.-]+:\\d+|\\[[0-9a-f:]+\\]:\\d+)$",
  "^.*\\.json$",
  "\\.json$",
  "^(public|private)$",
  "^a$|^b+$",
  '^(?:[^"\\\\]|\\\\.)*$',
  "^[\\w-]+$",
  "^[a-\\d]+$",
  "^\\u0041\\x42+$",
  "^a{2,}b$",
])("it takes no longer than its text: %s", (pattern) => {
  new RegExp(pattern);
  expect(slowness(pattern)).toBeUndefined();
});

/** Each with a text on which it takes longer than there is time. */
test.each([
  ["^(a+)+$", "repeated"],
  ["^(a*)*$", "empty"],
  ["^(a|a)*$", "alike"],
  ["^(a|ab|b)*$", "alike"],
  ["^([a-z]+-?)*$", "repeated"],
  ["^(\\w+\\s?)*$", "repeated"],
  ["^(.*,)*$", "itself"],
  ["^((a+b?)+c)*$", "repeated"],
  ["(a*)+", "empty"],
  ["^(a?){50}$", "empty"],
  ["^a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaaaaa$", "alike"],
  ["^(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)$", "alike"],
  ["^(?:|){30}a$", "alike"],
  ["^.*.*x$", "itself"],
  ["^\\d+\\d+$", "itself"],
  ["^.*a.*b$", "itself"],
  ["^([\\w-a]+)+$", "repeated"],
  ["^([^b]+a)*$", "itself"],
  ["a+$", '"^"'],
  ["^a|b+", '"^"'],
  ["^(a)\\1*$", "judged"],
  ["^(?=a+)a$", "ahead"],
  ["^(?<n>a)$", "names"],
  ["^\\ba+$", "judged"],
  ["a".repeat(1_001), "longer"],
])("it may take long: %s", (pattern, why) => {
  new RegExp(pattern);
  expect(slowness(pattern)).toContain(why);
});

test("to judge one takes no longer than it is long", () => {
  expect(slowness(`^${"(".repeat(400)}a${")*".repeat(199)}${")".repeat(201)}$`)).toBeDefined();
  expect(slowness(`^${"(?:a|".repeat(150)}b${")".repeat(150)}$`)).toBeDefined();
});

test("what is judged safe is fast on text made to be slow", () => {
  for (const pattern of ["^[a-z0-9]+(-[a-z0-9]+)*$", "^.*\\.json$", "^[\\w.+-]+@[\\w-]+(\\.[\\w-]+)+$", '^(?:[^"\\\\]|\\\\.)*$'])
    for (const text of [
      "a".repeat(1e5),
      "a-".repeat(5e4),
      "a.".repeat(5e4),
      `a@${"a.".repeat(5e4)}`,
      ".jso".repeat(2e4),
      "\\".repeat(1e5 - 1),
    ])
      new RegExp(pattern).test(`${text}!`);
});

test("a pattern is found wherever it stands in a schema", () => {
  const slow = { type: "string", pattern: "^(a+)+$" };
  expect(slowPattern({ anyOf: [{ type: "object", properties: { pattern: { type: "array", items: slow } } }] })).toMatchObject({
    path: "/anyOf/0/properties/pattern/items/pattern",
    pattern: "^(a+)+$",
  });
  expect(slowPattern({ type: "object", patternProperties: { "^(a*)*$": {} } })).toMatchObject({ path: "/patternProperties" });
  expect(slowPattern({ type: "object", properties: { pattern: { type: "string", pattern: "^a+$" } }, pattern: null })).toBeUndefined();
});
