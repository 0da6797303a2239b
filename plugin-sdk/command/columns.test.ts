import { afterEach, expect, test } from "bun:test";
import { columns, table } from "./columns.ts";
import { plainly } from "./plain.ts";

const { columns: before } = process.stdout;
const terminalOf = (cells: number | undefined) => Object.assign(process.stdout, { columns: cells });
afterEach(() => terminalOf(before as number | undefined));

const widest = (text: string) => Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));
const head = ["id", "kind", "what for"];
const rows = [
  ["weather", "skill", "Says how the weather is where somebody asks, and nothing beside it"],
  ["天気予報", "plugin", "The same, for 日本"],
  ["crab-🦀", "channel", ""],
];

test("cells stand below each other whatever their signs are: letters, Chinese, emoji, colours", () => {
  terminalOf(undefined);
  const lines = table(head, [...rows, ["\u001b[32mgreen\u001b[39m", "tool", "paint"]]).split("\n");
  const starts = lines.map((line) => Bun.stringWidth(line.slice(0, line.search(/kind|skill|plugin|channel|tool/))));
  expect(new Set(starts).size).toBe(1);
  expect(starts[0]).toBe(10);
});

test("where nobody reads along nothing is wrapped or cut, and every row is one line", () => {
  terminalOf(undefined);
  expect(table(head, rows).split("\n")).toHaveLength(4);
  expect(columns([["name", "word ".repeat(100)]])).toHaveLength(1);
});

test.each([50, 60, 120])("in a terminal of %i columns no line is wider, and nothing that was said is lost", (cells) => {
  terminalOf(cells);
  const long = [["7f8f9a9e-1111-2222-3333-444455556666", "phone", "asks to read and to write, and for nothing else"], ...rows];
  const shown = table(["request", "is", "wants"], long);
  expect(widest(shown)).toBeLessThanOrEqual(cells);
  const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");
  expect(words(shown)).toEqual(expect.arrayContaining(words(long.flat().join(" "))));
});

test("a last column without room stands beneath its row; only what still does not fit is cut, and shows that it was", () => {
  terminalOf(50);
  const shown = table(["request", "device", "wants"], [["7f8f9a9e-1111-2222-3333-444455556666", "a phone of somebody", "operator.read"]]);
  expect(shown).toBe(
    "request                               device\n    wants\n7f8f9a9e-1111-2222-3333-444455556666  a phone of …\n    operator.read",
  );
});

test("figures end below each other", () => {
  terminalOf(undefined);
  expect(
    table(
      ["plugin", "cpu"],
      [
        ["a", "1 %"],
        ["b", "100 %"],
      ],
      { figures: [1] },
    ),
  ).toBe("plugin    cpu\na         1 %\nb       100 %");
});

test("prose beside a name is wrapped where it stands, and a name too long for that has its own line", () => {
  terminalOf(40);
  expect(
    columns(
      [
        ["a", "one two three four five six seven"],
        ["a-name-of-more-than-half-the-line", "eight"],
      ],
      { indent: "  " },
    ),
  ).toEqual(["  a  one two three four five six seven", "  a-name-of-more-than-half-the-line", "     eight"]);
  terminalOf(30);
  expect(columns([["a", "one two three four five six seven"]], { indent: "  " })).toEqual([
    "  a  one two three four five",
    "     six seven",
  ]);
});

test("what others wrote is one line that moves no cursor, turns no order and hides nothing", () => {
  expect(plainly("tea\u001b[2J\r\n● git  bundled\u202e\u200b")).toBe("tea\ufffd[2J ● git  bundled\ufffd\ufffd");
  expect(plainly("x".repeat(1_200))).toEndWith("… (200 more signs)");
});
