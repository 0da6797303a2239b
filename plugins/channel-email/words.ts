/** What somebody wrote in a mail, without what their client put below it. */
import { htmlToMarkdown } from "@pincer/plugin-sdk/inbound/html";
import { visibleText } from "@pincer/plugin-sdk/inbound/invisible";
import type { Email } from "postal-mime";

const LONGEST = 100_000;
const LONGEST_ATTRIBUTION = 400;

export interface Words {
  readonly said: string;
  /** What is quoted at the end, without its marks; empty where nothing is. */
  readonly quoted: string;
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

/** Parts what was written above a quotation that goes on to the end from the quotation; all of it was said where nothing stands above. */
export function withoutQuotation(text: string): Words {
  const lines = text.split("\n");
  let begin = lines.length;
  while (begin > 0 && (isBlank(lines[begin - 1]) || isQuoted(lines[begin - 1]!))) begin--;
  while (isBlank(lines[begin])) begin++;
  const said = lines.slice(0, attributionAt(lines, begin)).join("\n").trim();
  if (begin === lines.length || said === "") return { said: text, quoted: "" };
  return {
    said,
    quoted: lines
      .slice(begin)
      .map((line) => line.replace(/^\s*>\s?/, ""))
      .join("\n")
      .trim(),
  };
}
