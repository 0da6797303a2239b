import { expect, test } from "bun:test";
import { type DefaultTreeAdapterTypes, parseFragment, serialize } from "parse5";
import { records, Source } from "../../../tests/fuzz/markdown.ts";
import { randomOf, seedOf } from "../../../tests/fuzz/random.ts";
import { render } from "./render.ts";

const seed = Number(process.env["PINCER_FUZZ_SEED"] ?? 20_261_130);
const rounds = Number(process.env["PINCER_FUZZ_RENDERED"] ?? 120);

const wordsOf = (text: string) => text.match(/w\d+/g) ?? [];

function readable(html: string): string {
  const read = (node: DefaultTreeAdapterTypes.Node): string =>
    "value" in node && node.nodeName === "#text" ? node.value : "childNodes" in node ? node.childNodes.map(read).join("") : "";
  return read(parseFragment(html));
}

/** Without what stands for a mark, which differs from markup to markup. */
const bare = (text: string) =>
  text
    .replace(/[\u200b\s>]/g, "")
    .replaceAll("———", "---")
    .replaceAll("…", "...")
    .replaceAll("•", "-")
    .replace(/-{3,}/g, "");

const asPlain = (text: string) =>
  render(text, { ...records["plain"]!, textLimit: 1_000_000 })
    .map((message) => message.text)
    .join("\n");

/** What holds for the messages of any text. */
function check(source: string, name: string, textLimit: number): readonly string[] {
  const record = { ...records[name]!, textLimit };
  const messages = render(source, record);
  for (const { text, plain } of messages) {
    const counted = record.textCounts === "read" ? readable(text) : text;
    expect(record.textUnit === "utf8" ? Buffer.byteLength(counted) : counted.length).toBeLessThanOrEqual(textLimit);
    expect((plain ?? text).trim()).not.toBe("");
    expect(text.isWellFormed()).toBe(true);
    expect(text).not.toMatch(/(?![\n\t])\p{Cc}/u);
    expect(plain === undefined).toBe(record.markup === "plain");
    if (record.markup === "html") {
      // A parser finds nothing to repair, and writes what it read.
      expect(serialize(parseFragment(text)).replaceAll("&nbsp;", "\u00a0")).toBe(text);
      const allowed =
        /^<\/?(?:b|i|s|code|pre|a|blockquote|p|br|h[1-6]|ul|ol|li|hr|table|thead|tbody|tr|th|td)(?: (?:href="(?:https?|mailto|tel):[^"<>]*"|class="language-[\w+#.-]+"|start="\d+"))?>$/;
      for (const [tag] of text.matchAll(/<[^>]*>/g)) expect(tag).toMatch(allowed);
    } else if (record.markup !== "plain") expect((text.match(/```/g) ?? []).length % 2).toBe(0);
  }
  return messages.map((message) => message.plain ?? message.text);
}

test(`${rounds} documents (seed ${seed}) come out whole in every markup, within any limit, word for word`, () => {
  for (let round = 0; round < rounds; round++) {
    const own = seedOf(seed, round);
    const random = randomOf(own);
    const source = new Source(own, random.chance(0.5)).document();
    const textLimit = 90 + random.below(400);
    for (const name of Object.keys(records)) {
      const plain = check(source, name, textLimit);
      expect([own, name, textLimit, ...wordsOf(plain.join("\n"))]).toEqual([own, name, textLimit, ...wordsOf(source)]);
    }
    // What a reader of Markdown finds in the parts is what was to be read: nothing became a mark, and no mark was lost on the way.
    for (const { text, plain } of render(source, { ...records["markdown"]!, textLimit }))
      expect([own, bare(asPlain(text))]).toEqual([own, bare(plain!)]);
  }
});

const pieces = [
  "*",
  "**",
  "_",
  "`",
  "```",
  "~~",
  "\n",
  "\n\n",
  "> ",
  "- ",
  "1. ",
  "    ",
  "#",
  "|",
  "|-|-|\n",
  "[",
  "](",
  ")",
  "<",
  ">",
  "&",
  "&lt;",
  "\\",
  "@everyone",
  "<@1>",
  "<br>",
  "a",
  "word ",
  "👩‍👩‍👧‍👦",
  "é",
  "語。",
  "https://a.example/x_y ",
  "![",
  "\u0000",
  "\ud800",
  "\u200b",
  "[^1]:",
  "---\n",
  "\t",
  "<script>",
  "- [x] ",
];

test(`${rounds * 5} texts of signs alone (seed ${seed}) break nothing`, () => {
  for (let round = 0; round < rounds * 5; round++) {
    const random = randomOf(seedOf(seed + 1, round));
    const source = Array.from({ length: 1 + random.below(60) }, () => random.pick(pieces)).join("");
    const name = random.pick(Object.keys(records));
    const textLimit = 20 + random.below(200);
    const plain = check(source, name, textLimit);
    expect(check(source, name, textLimit)).toEqual(plain);
    const growing = render(source, { ...records[name]!, textLimit }, { growing: true });
    if (records[name]!.markup === "html")
      for (const { text } of growing) expect(serialize(parseFragment(text)).replaceAll("&nbsp;", "\u00a0")).toBe(text);
  }
});

test("no grapheme is cut, and no message more is sent than the limit makes necessary", () => {
  const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
  const graphemes = (text: string) => [...segmenter.segment(text)].map(({ segment }) => segment).filter((segment) => segment.trim() !== "");
  const letters = ["a", "é", "e\u0301", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪", "語", "ก็", "한", "\ud83d\ude00"];
  for (let round = 0; round < rounds * 2; round++) {
    const random = randomOf(seedOf(seed + 2, round));
    const words = Array.from({ length: 1 + random.below(40) }, () =>
      Array.from({ length: 1 + random.below(12) }, () => random.pick(letters)).join(""),
    );
    const source = words.join(" ");
    const textLimit = 26 + random.below(120);
    const parts = render(source, { ...records["plain"]!, textLimit }).map(({ text }) => text);
    expect(parts.flatMap(graphemes)).toEqual(graphemes(source));
    if (words.some((word) => word.length > textLimit)) continue;
    let needed = 1;
    let length = -1;
    for (const word of words) {
      if (length + 1 + word.length > textLimit) {
        needed += 1;
        length = -1;
      }
      length += 1 + word.length;
    }
    expect([source, textLimit, parts.length]).toEqual([source, textLimit, needed]);
  }
});
