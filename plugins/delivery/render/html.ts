/** HTML: of chats, which know marks and little else, or whole, where the record has lists, headings or tables. */
import type { Elements, Markup, Pair, Signs } from "./markup.ts";
import { languageName } from "./markup.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const text = (value: string) => value.replace(/[&<>]/g, (char) => ENTITIES[char]!);
const attribute = (value: string) => value.replace(/[&<>"]/g, (char) => ENTITIES[char]!);
const element = (name: string, attributes = ""): Pair => ({ open: `<${name}${attributes}>`, close: `</${name}>` });

const SPANS = { bold: element("b"), italic: element("i"), strike: element("s") } as const;

const elements: Elements = {
  paragraph: element("p"),
  lineBreak: "<br>",
  quote: element("blockquote"),
  heading: (level) => element(`h${level}`),
  list: (start) => (start === undefined ? element("ul") : element("ol", start === 1 ? "" : ` start="${start}"`)),
  item: element("li"),
  rule: "<hr>",
  table: (head) => ({ open: `<table><thead>${head}</thead><tbody>`, close: "</tbody></table>" }),
};

/** A chat's HTML has lines where a page has paragraphs. */
const signs: Signs = { heading: () => "", rule: "", bullet: "• ", quote: element("blockquote"), tableRule: () => "" };

const shared = {
  ascii: false,
  text,
  startsBlock: () => false,
  span: (span: keyof typeof SPANS) => SPANS[span],
  code: () => element("code"),
  verbatim: (value: string) => value,
  codeText: text,
  codeBlock(language: string) {
    const name = languageName(language);
    return { open: `<pre><code${name === "" ? "" : ` class="language-${attribute(name)}"`}>`, close: "</code></pre>", ownLines: false };
  },
  link: (url: string) => element("a", ` href="${attribute(url)}"`),
  bareLink: (url: string, label: string) => `<a href="${attribute(url)}">${text(label)}</a>`,
  cell: (value: string, head: boolean) => (head ? `<th>${value}</th>` : `<td>${value}</td>`),
  row: (cells: readonly string[]) => `<tr>${cells.join("")}</tr>`,
} as const;

export const pageHtml: Markup = {
  ...shared,
  marks: ["bold", "italic", "strike", "code", "code-block", "link", "heading", "list", "quote", "table", "rule"],
  blocks: elements,
};

export const chatHtml: Markup = {
  ...shared,
  codeStandsAlone: true,
  marks: ["bold", "italic", "strike", "code", "code-block", "link", "quote"],
  blocks: signs,
};
