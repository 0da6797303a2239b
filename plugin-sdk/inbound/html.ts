/** HTML that people send, in mails and on Matrix, as Markdown: what its reader sees, and nothing that is hidden from them. */
import { isHidden, type Looks, looksOf, PAGE, type Sheet, sheetOf } from "./hidden.ts";
import { type HtmlToken, htmlTokens } from "./html-tokens.ts";
import { visibleText } from "./invisible.ts";
import { codeBlock, isSafeUrl, joinRuns, type Marks, quoted, type Run } from "./marked-text.ts";

export interface HtmlOptions {
  /** Longest HTML that is read, in UTF-16 code units; 1,000,000 when absent. A note says that there was more. */
  readonly most?: number;
  /** Elements that are left out with all that they hold, such as `mx-reply`. */
  readonly without?: readonly string[];
}

/** Elements that lie deeper are read as if their tags were not there. */
const DEPTH = 100;
/** Lists and quotes that lie deeper are not indented any further: each line would grow with its depth. */
const DEPTH_OF_LINES = 12;

const BLOCKS = new Set(
  "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split(
    " ",
  ),
);
const MARKS: Readonly<Record<string, Marks>> = {
  b: { bold: true },
  strong: { bold: true },
  i: { italic: true },
  em: { italic: true },
  cite: { italic: true },
  s: { strike: true },
  strike: { strike: true },
  del: { strike: true },
  code: { code: true },
  kbd: { code: true },
  samp: { code: true },
  tt: { code: true },
};
/** What ends where one of its kind begins. */
const ENDED_BY: Readonly<Record<string, readonly string[]>> = {
  li: ["li"],
  p: ["p"],
  dt: ["dt", "dd"],
  dd: ["dt", "dd"],
  tr: ["tr", "td", "th"],
  td: ["td", "th"],
  th: ["td", "th"],
};
const WITHIN: Readonly<Record<string, readonly string[]>> = {
  li: ["ul", "ol"],
  tr: ["table"],
  td: ["tr", "table"],
  th: ["tr", "table"],
  dt: ["dl"],
  dd: ["dl"],
  p: [...BLOCKS].filter((name) => name !== "p"),
};

interface Element {
  readonly name: string;
  readonly looks: Looks;
  readonly marks: Marks;
  /** Finished blocks inside it, and the runs of the one that goes on. */
  readonly blocks: string[];
  runs: Run[];
  /** The number of a list's next item. */
  next?: number;
  /** Cells of a row that are heads. */
  heads?: number;
  readonly language?: string;
}

class Reader {
  readonly #sheet: Sheet;
  readonly #without: ReadonlySet<string>;
  readonly #stack: Element[];

  constructor(sheet: Sheet, without: ReadonlySet<string>) {
    this.#sheet = sheet;
    this.#without = without;
    this.#stack = [{ name: "", looks: PAGE, marks: {}, blocks: [], runs: [] }];
  }

  get #top(): Element {
    return this.#stack.at(-1)!;
  }

  /** The innermost block: text belongs to it. */
  get #block(): Element {
    return this.#stack.findLast(({ name }) => name === "" || BLOCKS.has(name))!;
  }

  read(token: HtmlToken): void {
    if (token.kind === "text") this.#text(token.text);
    else if (token.kind === "open") this.#open(token);
    else if (token.kind === "close") this.#close(token.name);
  }

  finish(): string {
    while (this.#stack.length > 1) this.#end();
    return blockText(this.#top);
  }

  #text(text: string): void {
    if (isHidden(this.#top.looks)) return;
    const inPre = this.#stack.some(({ name }) => name === "pre");
    this.#block.runs.push({ text: inPre ? text : text.replace(/\s+/g, " "), ...this.#top.marks });
  }

  #open({ name, attributes, empty }: Extract<HtmlToken, { kind: "open" }>): void {
    this.#endBefore(name);
    const looks = this.#looks(name, attributes);
    if (empty) {
      if (isHidden(looks)) return;
      const alt = attributes.get("alt")?.trim();
      if (name === "br") this.#block.runs.push({ text: "\n" });
      else if (name === "hr") this.#block.blocks.push(...this.#flushed(), "---");
      else if (name === "img" && alt)
        this.#block.runs.push({ text: `[image: ${alt.replace(/\s+/g, " ").slice(0, 300)}]`, ...this.#top.marks });
      return;
    }
    if (this.#stack.length > DEPTH) return;
    if (BLOCKS.has(name)) this.#block.blocks.push(...this.#flushed());
    const language = /(?:^|\s)lang(?:uage)?-([\w+#.-]+)/.exec(attributes.get("class") ?? "")?.[1];
    if (language !== undefined && this.#top.name === "pre") this.#stack[this.#stack.length - 1] = { ...this.#top, language };
    const href = attributes.get("href")?.trim().replace(/\s/g, "%20") ?? "";
    const own: Marks = name === "a" ? (isSafeUrl(href) ? { link: href } : {}) : (MARKS[name] ?? {});
    const start = Number.parseInt(attributes.get("start") ?? "1", 10);
    this.#stack.push({
      name,
      looks,
      marks: BLOCKS.has(name) ? {} : { ...this.#top.marks, ...own },
      blocks: [],
      runs: [],
      ...(name === "ol" ? { next: Number.isFinite(start) ? start : 1 } : {}),
      ...(name === "pre" && language !== undefined ? { language } : {}),
    });
  }

  #looks(name: string, attributes: ReadonlyMap<string, string>): Looks {
    const around = this.#top.looks;
    const classes = (attributes.get("class") ?? "").toLowerCase().split(/\s+/).slice(0, 30);
    const selectors = [name, ...classes.map((one) => `.${one}`), `#${(attributes.get("id") ?? "").toLowerCase()}`];
    const shade = attributes.get("bgcolor");
    const ink = name === "font" ? attributes.get("color") : undefined;
    const style = [
      shade === undefined ? "" : `background-color:${shade}`,
      ink === undefined ? "" : `color:${ink}`,
      attributes.get("style") ?? "",
    ];
    const looks = looksOf(style.filter((one) => one !== "").join(";"), around);
    const background = selectors.some((one) => this.#sheet.painting.has(one)) ? "unknown" : looks.background;
    const gone = attributes.has("hidden") || this.#without.has(name) || selectors.some((one) => this.#sheet.hiding.has(one));
    return gone || background !== looks.background ? { ...looks, background, gone: looks.gone || gone } : looks;
  }

  /** Ends what a beginning element ends, such as the item before it. */
  #endBefore(name: string): void {
    const ended = ENDED_BY[name] ?? (BLOCKS.has(name) ? ["p"] : []);
    if (ended.length === 0) return;
    const limits = WITHIN[name] ?? WITHIN["p"]!;
    for (let at = this.#stack.length - 1; at > 0; at--) {
      const open = this.#stack[at]!.name;
      if (ended.includes(open)) {
        while (this.#stack.length > at) this.#end();
        if (name !== "tr") return;
      } else if (limits.includes(open)) return;
    }
  }

  #close(name: string): void {
    const at = this.#stack.findLastIndex((element) => element.name === name);
    if (at <= 0) return;
    while (this.#stack.length > at) this.#end();
  }

  #flushed(): string[] {
    const block = this.#block;
    const text = flowing(block);
    block.runs = [];
    return text === "" ? [] : [text];
  }

  /** Hands the innermost element's text to the one around it. */
  #end(): void {
    const element = this.#stack.pop()!;
    if (!BLOCKS.has(element.name)) return;
    const parent = this.#block;
    const deep = this.#stack.filter(({ name }) => name === "li" || name === "blockquote").length >= DEPTH_OF_LINES;
    const text = written(element, parent, deep);
    if (text === "") return;
    parent.blocks.push(text);
    if (element.name === "th") parent.heads = (parent.heads ?? 0) + 1;
  }
}

const flowing = ({ runs }: Element): string =>
  joinRuns(runs)
    .replace(/ {2,}/g, " ")
    .replace(/ ?\n ?/g, "\n")
    .trim();

const blockText = (element: Element, between = "\n\n"): string =>
  [...element.blocks, flowing(element)].filter((text) => text !== "").join(between);

const indented = (marker: string, text: string) => marker + text.replace(/\n(?=.)/g, `\n${" ".repeat(marker.length)}`);

function written(element: Element, parent: Element, deep: boolean): string {
  const { name } = element;
  if (name === "pre") {
    const code = element.runs
      .map(({ text }) => text)
      .join("")
      .replace(/^\n/, "");
    return code.trim() === "" ? "" : codeBlock(code, element.language);
  }
  const text = blockText(element, ["ul", "ol", "tr", "thead", "tbody", "tfoot", "table"].includes(name) ? "\n" : "\n\n");
  if (text === "" || (deep && (name === "li" || name === "blockquote"))) return text;
  if (name === "li") {
    const number = parent.next;
    if (number === undefined) return indented("- ", text);
    parent.next = number + 1;
    return indented(`${number}. `, text);
  }
  if (name === "blockquote") return quoted(text);
  if (/^h[1-6]$/.test(name)) return `${"#".repeat(Number(name[1]))} ${text.replace(/\s*\n\s*/g, " ")}`;
  if (name === "tr") return row(element);
  return text;
}

/** Mails are laid out in tables: a row is one line only where its cells are. */
function row(element: Element): string {
  const { blocks, heads } = element;
  if (blocks.length < 2 || blocks.some((cell) => cell.includes("\n"))) return blockText(element);
  const line = blocks.join(" | ");
  return heads === blocks.length ? `${line}\n${blocks.map(() => "---").join(" | ")}` : line;
}

/** Never throws, and takes time in proportion to the text, whatever it is. */
export function htmlToMarkdown(html: string, { most = 1_000_000, without = [] }: HtmlOptions = {}): string {
  const tokens = [...htmlTokens(html.slice(0, most))];
  const sheet = sheetOf(tokens.map((token) => (token.kind === "style" ? token.text : "")).join("\n"));
  const reader = new Reader(sheet, new Set(without));
  for (const token of tokens) reader.read(token);
  const text = visibleText(reader.finish())
    .replace(/\n{3,}/g, "\n\n")
    .trim();
  return html.length > most ? `${text}\n\n(The rest was too long to be read.)`.trim() : text;
}
