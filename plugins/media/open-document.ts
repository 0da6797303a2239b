/** The text of OpenDocument files: of LibreOffice's Writer, Calc and Impress. */
import type { Archive } from "./archive.ts";
import { TextLines } from "./text-lines.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";
import { xmlParts } from "./xml.ts";

const kinds: Readonly<Record<string, string>> = {
  text: "OpenDocument text",
  spreadsheet: "OpenDocument spreadsheet",
  presentation: "OpenDocument presentation",
};

/** What is not text of the document: comments, changes that were taken back, hidden paragraphs. */
const withoutText = new Set(["office:annotation", "text:tracked-changes", "text:hidden-text", "office:forms"]);

/** Names of styles whose text is not shown. */
function hiddenStyles(...parts: readonly string[]): Set<string> {
  const hidden = new Set<string>();
  let style = "";
  for (const xml of parts) {
    for (const part of xmlParts(xml)) {
      if (typeof part === "string" || part.isEnd) continue;
      if (part.name === "style:style") style = part.attribute("style:name") ?? "";
      const isTiny = Number.parseFloat(/^([\d.]+)pt$/.exec(part.attribute("fo:font-size") ?? "")?.[1] ?? "12") < 1.5;
      if (part.name === "style:text-properties" && (part.attribute("text:display") === "none" || isTiny)) hidden.add(style);
    }
  }
  return hidden;
}

const repeated = (count: string | undefined): number => Math.min(Number(count ?? 1) || 1, 100);

/** Throws `Unreadable`. */
export function openDocumentText(archive: Archive, chars: number): DocumentText {
  const content = archive.text("content.xml");
  if (content === undefined) throw new Unreadable("it is damaged: a document without its content");
  if (archive.text("META-INF/manifest.xml")?.includes("encryption-data") === true) throw new Unreadable("it is locked with a password");
  const hiddenBy = hiddenStyles(archive.text("styles.xml") ?? "", content);
  const text = new TextLines();
  let inParagraph = 0;
  /** How many columns the cell stands for that is read. */
  let columns = 1;
  let hidden = 0;
  let isBody = false;
  /** How many elements deep inside one that is not shown. */
  let away = 0;
  for (const part of xmlParts(content)) {
    if (text.length > chars) break;
    if (typeof part === "string") {
      if (!isBody) continue;
      if (away > 0) hidden += part.replace(/\s+/g, "").length;
      else if (inParagraph > 0) text.write(part.replace(/\s+/g, " "));
      continue;
    }
    const { name, isEnd, isEmpty } = part;
    if (name === "office:body") isBody = !isEnd;
    if (!isBody) continue;
    if (away > 0) {
      if (!isEmpty) away += isEnd ? -1 : 1;
      continue;
    }
    if (name === "table:table-cell" && !isEnd) columns = repeated(part.attribute("table:number-columns-repeated"));
    const isParagraph = name === "text:p" || name === "text:h";
    if (isParagraph && !isEmpty) inParagraph += isEnd ? -1 : 1;
    if (isEnd || isEmpty) {
      if (isParagraph) text.write("\n");
      else if (name === "table:table-row") text.join("\n");
      else if (name === "table:table-cell") text.join("\t".repeat(columns));
      if (isEnd) continue;
    }
    if (name === "text:tab") text.write("\t");
    else if (name === "text:line-break") text.write("\n");
    else if (name === "text:s") text.write(" ".repeat(repeated(part.attribute("text:c"))));
    else if (name === "table:table" && !isEmpty) text.write(`--- table ${part.attribute("table:name") ?? ""} ---\n`);
    else if (name === "draw:page" && !isEmpty) text.write(`--- slide ${part.attribute("draw:name") ?? ""} ---\n`);
    const isHidden =
      withoutText.has(name) ||
      part.attribute("table:visibility") === "collapse" ||
      hiddenBy.has(part.attribute("text:style-name") ?? "") ||
      part.attribute("text:display") === "none";
    if (isHidden && !isEmpty) away = 1;
  }
  const kind = /opendocument\.(\w+)/.exec(archive.text("mimetype") ?? "")?.[1] ?? "";
  return {
    what: kinds[kind] ?? "OpenDocument file",
    text: text.toString(),
    leftOut: hidden === 0 ? [] : [`${hidden} characters in it are hidden from its reader, and were left out`],
  };
}
