/** What somebody wrote in a mail, without what their client put below it. */
import { htmlToMarkdown } from "@pincer/plugin-sdk/inbound/html";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import type { Email } from "postal-mime";

const LONGEST = 100_000;
const LONGEST_ATTRIBUTION = 400;

export interface Words {
  /** What its writer wrote. */
  readonly said: string;
  /** What stands in it as a quotation, without its marks. */
  readonly quoted: string;
  /** What stands below, as a client puts the mail there that is handed on or answered. */
  readonly below: string;
}

/** As Markdown. Its reader sees the HTML, where there is any: what only the other half says may be meant for nobody but a program. */
export function textOf({ html, text }: Pick<Email, "html" | "text">): string {
  const whole = html === undefined || html.trim() === "" ? visibleText(text ?? "") : htmlToMarkdown(html);
  if (whole.length <= LONGEST) return whole.trim();
  return `${whole.slice(0, LONGEST).toWellFormed().trim()}\n[the rest is left out: it has ${whole.length} characters]`;
}

const isBlank = (line: string | undefined): boolean => line !== undefined && line.trim() === "";
const isQuoted = (line: string): boolean => line.trimStart().startsWith(">");

/** Where the line begins that says who wrote what is quoted from there on, over at most three lines; else where the quotation does. */
function attributionAt(lines: readonly string[], quotation: number): number {
  let end = quotation;
  while (isBlank(lines[end - 1])) end--;
  let begin = end;
  while (begin > 0 && end - begin < 3 && !isBlank(lines[begin - 1])) begin--;
  const text = lines.slice(begin, end).join(" ").trim();
  return text.endsWith(":") && /[\d@]/.test(text) && text.length <= LONGEST_ATTRIBUTION ? begin : quotation;
}

/** A line of dashes around words, or of nothing but strokes. */
const SEPARATOR = /^[\s*]*(?:-{3,}.+-{3,}|_{10,}|-{10,})[\s*]*$/;
/** A line of the head of a mail, in whichever language: who wrote it has an address. */
const HEAD = /^[\s*]*\p{L}[\p{L} .-]{0,20}[\s*]*[:：]\s*\S/u;
const MOST_HEAD_LINES = 8;

/** Where the mail begins that a client has put below, as each of them does it; the end where none does. */
function belowAt(lines: readonly string[]): number {
  const isHead = (at: number): boolean => HEAD.test(lines[at] ?? "");
  const at = lines.findIndex((line, index) => {
    if (SEPARATOR.test(line)) return true;
    if (!isHead(index) || (index > 0 && isHead(index - 1))) return false;
    const head = lines.slice(index, index + MOST_HEAD_LINES).filter((each) => !isBlank(each));
    const count = head.findIndex((each) => !HEAD.test(each));
    const block = head.slice(0, count < 0 ? head.length : count);
    return block.length >= 2 && block.some((each) => each.includes("@"));
  });
  return at < 0 ? lines.length : attributionAt(lines, at);
}

/** Parts what was written from what stands there of others: nobody's words become those of whoever quotes them, or hands them on. */
export function wordsOf(text: string): Words {
  const lines = text.split("\n");
  const end = belowAt(lines);
  const above = lines.slice(0, end);
  const said: string[] = [];
  const quoted: string[] = [];
  for (const [index, line] of above.entries()) {
    if (!isQuoted(line)) said.push(line);
    else {
      quoted.push(line.replace(/^\s*>\s?/, ""));
      const isFirst = index === 0 || !isQuoted(above[index - 1]!);
      if (isFirst) quoted.splice(-1, 0, ...said.splice(attributionAt(said, said.length)));
    }
  }
  const textIn = (part: readonly string[]) => part.join("\n").trim();
  return { said: textIn(said), quoted: textIn(quoted), below: textIn(lines.slice(end)) };
}
