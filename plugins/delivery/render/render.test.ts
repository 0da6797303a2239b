import { expect, test } from "bun:test";
import type { ChannelRecord } from "@pincer/plugin-sdk/contracts/channel";
import { records } from "../../../tests/fuzz/markdown.ts";
import { type Message, render } from "./render.ts";

const record = (name: string, textLimit = 4_000, over: Partial<ChannelRecord> = {}): ChannelRecord => ({
  ...records[name]!,
  textLimit,
  ...over,
});
const texts = (messages: readonly Message[]) => messages.map(({ text }) => text);
const one = (text: string, name: string) => texts(render(text, record(name))).join("\n====\n");

test("a text without marks comes back as it is, with and without the parser", () => {
  const text = "Good morning! It's 10 degrees, and sunny.\n\nShall we go out (before noon)?\nYes";
  for (const name of ["markdown", "html of a chat", "mrkdwn", "plain"]) {
    // A dot in bold makes the difference of whether anything has to be parsed.
    expect(render(`${text}\n\n**.**`, record(name))[0]!.text.split("\n\n").slice(0, 2).join("\n\n")).toBe(text);
    expect(texts(render(text, record(name)))).toEqual([text]);
  }
});

test("a limit is kept to the character, in what the platform counts", () => {
  const words = "abcd ".repeat(20).trim(); // 99 characters
  expect(render(words, record("plain", 99))).toHaveLength(1);
  expect(texts(render(words, record("plain", 98))).map((text) => text.length)).toEqual([94, 4]);
  expect(render(`**${words}**`, record("markdown", 103))).toHaveLength(1);
  expect(render(`**${words}**`, record("markdown", 102))).toHaveLength(2);
  // What is read counts, not what is sent.
  expect(render(`**${words}**`, record("html of a chat", 99))).toHaveLength(1);
  expect(render("&&&& ".repeat(20), record("html of a chat", 99))).toHaveLength(1);
  expect(render("&&&& ".repeat(20), record("html of a chat, counted as sent", 99)).length).toBeGreaterThan(4);
  // Two bytes each, and one code unit.
  expect(render("éééé ".repeat(20), record("plain", 99))).toHaveLength(1);
  expect(render("éééé ".repeat(20), record("plain in bytes", 178))).toHaveLength(2);
  expect(render("éééé ".repeat(20), record("plain in bytes", 179))).toHaveLength(1);
});

test("a word longer than a message fills its messages, and no grapheme is cut", () => {
  expect(texts(render("x".repeat(250), record("plain", 100))).map((text) => text.length)).toEqual([100, 100, 50]);
  const family = "👩‍👩‍👧‍👦"; // 11 code units, 25 bytes
  expect(texts(render(family.repeat(20), record("plain", 100)))).toEqual([family.repeat(9), family.repeat(9), family.repeat(2)]);
  expect(texts(render(family.repeat(8), record("plain in bytes", 60)))).toEqual([2, 2, 2, 2].map((count) => family.repeat(count)));
  // One that is longer than a message is cut between its code points.
  const zalgo = `a${"\u0301".repeat(150)}`;
  expect(texts(render(zalgo, record("plain", 100))).join("")).toBe(zalgo);
});

test("a heading stays with its text, and paragraphs are preferred to lines, sentences and words", () => {
  const text = `${"first ".repeat(10)}\n\n## Heading\n\n${"second. ".repeat(10)}`;
  expect(texts(render(text, record("markdown", 120)))).toEqual([
    "first ".repeat(10).trim(),
    `## Heading\n\n${"second. ".repeat(10).trim()}`,
  ]);
  expect(texts(render(`${"some words. ".repeat(5)}${"more ".repeat(8)}`, record("plain", 80)))[0]).toBe("some words. ".repeat(5).trim());
});

test("a code block goes on in a block of its language, a list with its number, a table with its head", () => {
  const code = `\`\`\`ts\n${"const a = 1;\n".repeat(8)}\`\`\``;
  for (const text of texts(render(code, record("markdown", 70)))) expect(text).toMatch(/^```ts\n(const a = 1;\n)+```$/);
  const list = `1. one\n2. ${"two ".repeat(30)}\n3. three`;
  expect(texts(render(list, record("markdown", 100)))).toEqual([
    `1. one\n2. ${"two ".repeat(22).trim()}`,
    `2. … ${"two ".repeat(8).trim()}\n3. three`,
  ]);
  expect(texts(render(list, record("page", 100)))[1]).toStartWith('<ol start="2"><li>… two');
  const table = `| A | B |\n| - | - |\n${"| x | y |\n".repeat(8)}`;
  for (const text of texts(render(table, record("markdown", 60)))) expect(text).toStartWith("| A | B |\n| --- | --- |\n| x | y |");
});

test("a table too wide to be read as one is a list", () => {
  const wide = "word ".repeat(12).trim();
  expect(one(`| Name | What |\n| - | - |\n| a | ${wide} ${wide} |`, "html of a chat")).toBe(
    `• <b>Name:</b> a\n  <b>What:</b> ${wide} ${wide}`,
  );
});

test("nothing that calls people together survives, nor a link that runs something or lies about where it goes", () => {
  for (const name of Object.keys(records)) {
    const out = one(
      "@everyone @here <!channel> <@U12> &#64;everyone @**all** @every**one** <**@U1**> [x](javascript:alert(1)) [https://a.example](https://b.example)",
      name,
    );
    expect(out).not.toMatch(/@(everyone|here)|<[!@]|@\*\*all/);
    expect(out).not.toMatch(/href="javascript|\]\(javascript|<javascript/);
    expect(out).not.toMatch(/(\]\(|href="|<)https:\/\/b\.example/);
  }
  expect(texts(render("x@everyone".repeat(20), record("plain", 50))).join("")).not.toContain("@everyone");
  expect(one("https://a.example/@everyone", "markdown")).not.toContain("@everyone");
});

test("nothing of a protocol of lines is left: no control character, and each line a message", () => {
  expect(one("a\r\nQUIT\u0000 \u0007\u0003b\u001b[31m", "plain")).toBe("a\nQUIT b[31m");
  const lines = texts(render("one\n\ntwo  \nthree\n- four\n- five\u2028six", record("plain", 400, { oneLine: true })));
  expect(lines).toEqual(["one", "two", "three", "- four", "- five", "  six"].map((line) => line.trim()));
  const many = texts(render("line\n".repeat(100), record("plain", 400, { oneLine: true })));
  expect(many).toHaveLength(30);
  expect(many.at(-1)).toBe("(71 more lines: ask for them)");
});

test("what a platform has no mark for is shown by what it has", () => {
  const marks = (...have: NonNullable<ChannelRecord["marks"]>) => record("markdown", 4_000, { marks: have });
  expect(texts(render("# Head\n\n~~old~~ `code` [label](https://a.example/) **b**", marks("bold")))).toEqual([
    "**Head**\n\n\\~old\\~ code label (https://a.example/) **b**",
  ]);
  expect(texts(render("> quoted\n\n---\n\n- a", marks()))).toEqual(["> quoted\n\n———\n\n• a"]);
});

test("a footnote and a tag are text, and a line break of HTML breaks the line", () => {
  expect(one("See[^1].<br>Next\n\n[^1]: The note <b>here</b>", "plain")).toBe("See[^1].\nNext\n\n[^1]: The note <b>here</b>");
});

test("a growing text is whole at every length", () => {
  const source =
    "Some **bold and *both* words**, `code`, a [link](https://example.com/).\n\n- one\n- two ~~gone~~\n\n```ts\nconst a = 1;\n```\n\nEnd.";
  for (let length = 1; length <= source.length; length++) {
    const [message] = render(source.slice(0, length), record("html of a chat"), { growing: true });
    expect(message?.text ?? "").not.toMatch(/[*~`[]/);
  }
  expect(one("Some **bo", "markdown")).toBe("Some \\*\\*bo");
  expect(texts(render("Some **bo", record("markdown"), { growing: true }))).toEqual(["Some **bo**"]);
});

test("white space and marks around nothing are no message", () => {
  for (const text of ["", " \n\t", "```\n```", "> ", "\u200b", "[]()"]) expect(render(text, record("markdown"))).toEqual([]);
});

test("a long text takes time in proportion to its length, whatever it is", () => {
  const of = (unit: string, length = 200_000) => unit.repeat(Math.floor(length / unit.length));
  const prose = of("Lorem **ipsum** dolor `sit` amet, [x](https://a.example). \n\n", 1_000_000);
  const hostile = ["[", "[a](<b", "*a ", "> a\n", "a**b", "<", "`a ``", "- a\n", "x", "語", "word ", "<br>"].map((unit) => of(unit));
  const deep = [">".repeat(100_000), "- ".repeat(50_000), `${"*".repeat(50_000)}a${"*".repeat(50_000)}`, "[".repeat(100_000)];
  const wide = `|${"a|".repeat(100)}\n|${"-|".repeat(100)}\n${of("|\n")}`;
  for (const text of [prose, ...hostile, ...deep, wide]) {
    const before = process.cpuUsage();
    render(text, record("markdown of a chat", 2_000));
    // 0.5 s is seen for the megabyte, 0.3 s for the others; what grows with the square would take minutes.
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(3_000);
  }
});
