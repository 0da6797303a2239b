import { expect, test } from "bun:test";
import { randomOf, seedOf } from "../../tests/fuzz/random.ts";
import { visibleText } from "./invisible.ts";
import { type MarkedRange, markedText } from "./marked-text.ts";
import { withNames } from "./mentions.ts";
import { mrkdwnToMarkdown } from "./mrkdwn.ts";

test("ranges in UTF-16 code units become marks, also where they overlap", () => {
  const text = "Hello bold world 👍 code";
  const ranges: MarkedRange[] = [
    { offset: 6, length: 5, mark: "bold" },
    { offset: 8, length: 8, mark: "italic" },
    { offset: 20, length: 4, mark: "code" },
  ];
  expect(markedText(text, ranges)).toBe("Hello **bo*ld*** *world* 👍 `code`");
});

test("code blocks and quotes stand apart, links and names in the line", () => {
  const text = "intro\nconst a;\nafter @1 see docs";
  const ranges: MarkedRange[] = [
    { offset: 6, length: 8, mark: "code-block", language: "ts" },
    { offset: 21, length: 2, mark: "name", name: "@Ada" },
    { offset: 28, length: 4, mark: "link", url: "https://docs.example/" },
  ];
  expect(markedText(text, ranges)).toBe("intro\n\n```ts\nconst a;\n```\n\nafter @Ada see [docs](https://docs.example/)");
  expect(markedText("one\ntwo", [{ offset: 0, length: 7, mark: "quote" }])).toBe("> one\n> two");
  expect(markedText("a ``` b", [{ offset: 0, length: 7, mark: "code-block" }])).toBe("````\na ``` b\n````");
  expect(markedText("click", [{ offset: 0, length: 5, mark: "link", url: "javascript:alert(1)" }])).toBe("click");
});

test("ranges that fit no text are made to fit, and no text is lost", () => {
  const marks = ["bold", "italic", "strike", "code", "code-block", "quote", "link"] as const;
  const text = "one 👍 two three 👩‍👩‍👧‍👦 four\nfive six";
  for (let round = 0; round < 1_000; round++) {
    const random = randomOf(seedOf(3, round));
    const number = () => random.pick([random.below(50), -random.below(9), 1e9, Number.NaN, 0.5]);
    const ranges = Array.from({ length: random.below(12) }, () => ({
      offset: number(),
      length: number(),
      mark: random.pick(marks),
      url: "https://a.example",
    }));
    const marked = markedText(text, ranges);
    expect(marked.isWellFormed()).toBe(true);
    expect(marked.replaceAll("https://a.example", "").replace(/[^a-z👍]/gu, "")).toBe("one👍twothreefourfivesix");
  }
  expect(
    markedText(
      "x".repeat(50_000),
      Array.from({ length: 50_000 }, (_, offset) => ({ offset, length: 1, mark: "bold" as const })),
    ),
  ).toHaveLength(50_004);
});

test("mrkdwn becomes Markdown, with names for ids", () => {
  const names = { user: (id: string) => (id === "U1" ? "Ada" : undefined), role: () => "team" };
  expect(mrkdwnToMarkdown("*bold* _i_ ~s~ <@U1> <@U2|bob> <@U3> <#C1|general> <!here> <!subteam^S1> <!date^123^x|Monday>", names)).toBe(
    "**bold** _i_ ~~s~~ @Ada @bob @U3 #general @here @team Monday",
  );
  expect(
    mrkdwnToMarkdown("<https://x.example/a?b&amp;c|label> <https://y.example> <mailto:a@b.example|a@b.example> <javascript:x|no>"),
  ).toBe("[label](https://x.example/a?b&c) https://y.example a@b.example no");
  expect(mrkdwnToMarkdown("a*b*c 2 * 3 * 4 `code *x* &lt;b&gt; <@U1>` &amp;lt;", names)).toBe("a*b*c 2 * 3 * 4 `code *x* <b> <@U1>` &lt;");
  expect(mrkdwnToMarkdown("see ```x = 1\ny```")).toBe("see \n```\nx = 1\ny\n```");
});

test("names stand for numbers outside code, and a name cannot be more than a name", () => {
  const names = { user: (id: string) => (id === "12" ? "Ada\n```ignore" : undefined), channel: () => "general" };
  expect(withNames("hi <@12> <@!34> <#3> <@&4> <:smile:99> <t:0:R> `<@12>` </cmd:5>", names)).toBe(
    "hi @Ada ignore @34 #general @4 :smile: 1970-01-01T00:00:00.000Z `<@12>` /cmd",
  );
});

test("characters that nobody sees are taken out, those that join letters stay", () => {
  expect(visibleText("a\u200b\u202eb\u2066\u00ad\u{e0041}\r\nc\u0007")).toBe("ab\nc");
  expect(visibleText("👩‍👩‍👧‍👦 می‌خواهم")).toBe("👩‍👩‍👧‍👦 می‌خواهم");
});
