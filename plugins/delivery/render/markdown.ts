/** The Markdown that chat platforms share: what one of them does not know must not be in the record's marks. */
import type { Mark } from "@pincer/plugin-sdk/contracts/channel";
import { isWordChar, languageName, type Markup, type Place, withoutFences } from "./markup.ts";

/** A backslash before it makes it a character like any other. */
function escaped(text: string, { lineStart, before, after }: Place, marks: ReadonlySet<Mark>): string {
  const inWord = (index: number) => isWordChar(text[index - 1] ?? before) && isWordChar(text[index + 1] ?? after);
  let result = text.replace(/[\\*_~`|[\]<&]/g, (char, index: number) => {
    switch (char) {
      case "_":
        return inWord(index) ? char : "\\_";
      case "|":
        return marks.has("table") || text[index + 1] === "|" || text[index - 1] === "|" ? "\\|" : char;
      case "[":
      case "]":
        return marks.has("link") ? `\\${char}` : char;
      case "&":
        return /^&#?\w{1,32};/.test(text.slice(index, index + 40)) ? "\\&" : char;
      default:
        return `\\${char}`;
    }
  });
  if (lineStart) result = result.replace(/^(?=[-+=#>])/, "\\").replace(/^(\d{1,9})(?=[.)]$)/, "$1\\");
  return result;
}

const longestRun = (text: string) => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));

const SPANS = { bold: "**", strike: "~~", italic: "_" } as const;
const RULES = { left: "---", center: ":-:", right: "--:" } as const;

export const markdown: Markup = {
  marks: ["bold", "italic", "strike", "code", "code-block", "link", "heading", "list", "quote", "table", "rule"],
  ascii: false,
  text: escaped,
  startsBlock: (word) => /^(?:[-+]|#{1,6}|\d{1,9}[.)]|[=-]+|>.*)$/.test(word),
  span(span, { before, after }) {
    const sign = span === "italic" && (isWordChar(before) || isWordChar(after)) ? "*" : SPANS[span];
    return { open: sign, close: sign };
  },
  code(text) {
    const ticks = "`".repeat(longestRun(text) + 1);
    const pad = /^`|`$|^ .*\S.* $/.test(text) ? " " : "";
    return { open: ticks + pad, close: pad + ticks };
  },
  verbatim: withoutFences,
  codeText: (text) => text,
  codeBlock: (language) => ({ open: `\`\`\`${languageName(language)}`, close: "```", ownLines: true }),
  link: (url) => ({ open: "[", close: `](${url})` }),
  bareLink: (url, label) => (/^https?:\/\/[\w./?=&%#+,;:-]*[\w/]$/.test(label) && !/_[_/.]|[/.]_/.test(label) ? label : `<${url}>`),
  cell: (text) => text.replace(/(?<!\\)\|/g, "\\|"),
  row: (cells) => `| ${cells.join(" | ")} |`,
  blocks: {
    heading: (level) => `${"#".repeat(Math.min(level, 3))} `,
    rule: "---",
    bullet: "- ",
    tableRule: (align) => `| ${align.map((side) => RULES[side]).join(" | ")} |`,
  },
};
