/** The text of Word's documents. */
import type { Archive } from "./archive.ts";
import { TextLines } from "./text-lines.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";
import { xmlParts } from "./xml.ts";

interface Body {
  readonly text: TextLines;
  hidden: number;
}

/** Half points; nobody reads smaller type. */
const LEAST_SIZE = 3;

/** `most`: characters after which the rest is not read. */
function bodyOf(xml: string, most: number): Body {
  const body: Body = { text: new TextLines(), hidden: 0 };
  let isText = false;
  let isHidden = false;
  let isWhite = false;
  let inProperties = 0;
  let cells = 0;
  for (const part of xmlParts(xml)) {
    if (body.text.length > most) break;
    if (typeof part === "string") {
      if (!isText) continue;
      if (isHidden) body.hidden += part.replace(/\s+/g, "").length;
      else body.text.write(isWhite && part.trim() !== "" ? `[in white: ${part}]` : part);
      continue;
    }
    const { name, isEnd, isEmpty } = part;
    const isOn = () => !/^(0|false|off)$/.test(part.attribute("w:val") ?? "");
    if (name === "w:t") isText = !isEnd && !isEmpty;
    else if (name === "w:r" && !isEnd) {
      isHidden = false;
      isWhite = false;
    } else if (name === "w:rPr") inProperties += isEmpty ? 0 : isEnd ? -1 : 1;
    else if ((name === "w:vanish" || name === "w:webHidden") && inProperties > 0) isHidden ||= isOn();
    else if (name === "w:sz" && inProperties > 0) isHidden ||= Number(part.attribute("w:val") ?? LEAST_SIZE) < LEAST_SIZE;
    else if (name === "w:color" && inProperties > 0) isWhite = /^ffffff$/i.test(part.attribute("w:val") ?? "");
    else if (name === "w:tab" && inProperties === 0 && !isEnd) body.text.write("\t");
    else if ((name === "w:br" || name === "w:cr") && !isEnd) body.text.write("\n");
    else if (name === "w:tr") cells = 0;
    else if (name === "w:tc" && !isEnd && cells++ > 0) body.text.join("\t");
    else if (name === "w:p" && (isEnd || isEmpty)) body.text.write("\n");
  }
  return body;
}

/** Throws `Unreadable`. */
export function wordText(archive: Archive, chars: number): DocumentText {
  const main = archive.text("word/document.xml");
  if (main === undefined) throw new Unreadable("it is damaged: a document without its text");
  const notes = ["word/footnotes.xml", "word/endnotes.xml"].flatMap((name) => archive.text(name) ?? []);
  const bodies = [main, ...notes].map((xml) => bodyOf(xml, chars));
  const hidden = bodies.reduce((sum, body) => sum + body.hidden, 0);
  return {
    what: "Word document",
    text: bodies.map(({ text }) => text.toString()).join("\n"),
    leftOut: hidden === 0 ? [] : [`${hidden} characters in it are hidden from its reader, and were left out`],
  };
}
