/** The cells of Excel's workbooks: a line for each row, with tabs between its cells. Of a formula the value that was last worked out. */
import type { Archive } from "./archive.ts";
import { relationsOf } from "./relations.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";
import { xmlParts } from "./xml.ts";

/** A cell far to the right is not worth thousands of tabs. */
const MOST_COLUMNS = 500;

function sharedStrings(xml: string): string[] {
  const strings: string[] = [];
  let text = "";
  let isText = false;
  let inPhonetics = false;
  for (const part of xmlParts(xml)) {
    if (typeof part === "string") {
      if (isText && !inPhonetics) text += part;
    } else if (part.name === "t") isText = !part.isEnd && !part.isEmpty;
    else if (part.name === "rPh") inPhonetics = !part.isEnd;
    else if (part.name === "si" && (part.isEnd || part.isEmpty)) {
      strings.push(text);
      text = "";
    }
  }
  return strings;
}

/** From 0; `A` is 0. */
const columnOf = (place: string): number => {
  let column = 0;
  for (const letter of /^[A-Z]{1,3}/.exec(place)?.[0] ?? "A") column = column * 26 + letter.charCodeAt(0) - 64;
  return column - 1;
};

function rowsOf(xml: string, strings: readonly string[], most: number): { readonly text: string; readonly hiddenCells: number } {
  const hiddenColumns: (readonly [from: number, to: number])[] = [];
  const lines: string[] = [];
  let length = 0;
  let hiddenCells = 0;
  let row: string[] = [];
  let isHiddenRow = false;
  let column = 0;
  let type = "";
  let value = "";
  let isValue = false;
  for (const part of xmlParts(xml)) {
    if (length > most) break;
    if (typeof part === "string") {
      if (isValue) value += part;
      continue;
    }
    const { name, isEnd, isEmpty } = part;
    if (name === "col" && part.attribute("hidden") === "1") {
      hiddenColumns.push([Number(part.attribute("min")) - 1, Number(part.attribute("max")) - 1]);
    } else if (name === "row") {
      if (!isEnd) {
        row = [];
        column = 0;
        isHiddenRow = part.attribute("hidden") === "1";
      }
      if ((isEnd || isEmpty) && row.length > 0) {
        const line = Array.from(row, (cell = "") => cell).join("\t");
        length += line.length + 1;
        lines.push(line);
      }
    } else if (name === "c" && !isEnd) {
      const place = part.attribute("r");
      if (place !== undefined) column = columnOf(place);
      type = part.attribute("t") ?? "n";
      value = "";
      if (isEmpty) column += 1;
    } else if (name === "v" || name === "t") isValue = !isEnd && !isEmpty;
    else if (name === "c") {
      const shown = type === "s" ? (strings[Number(value)] ?? "") : type === "b" ? (value === "1" ? "TRUE" : "FALSE") : value;
      const isHidden = isHiddenRow || hiddenColumns.some(([from, to]) => column >= from && column <= to);
      if (isHidden && shown !== "") hiddenCells += 1;
      else if (shown !== "" && column < MOST_COLUMNS) row[column] = shown.replace(/[\t\n\r]+/g, " ");
      column += 1;
    }
  }
  return { text: lines.join("\n"), hiddenCells };
}

/** Throws `Unreadable`. */
export function spreadsheetText(archive: Archive, chars: number): DocumentText {
  const book = archive.text("xl/workbook.xml");
  if (book === undefined) throw new Unreadable("it is damaged: a workbook without its list of sheets");
  const targets = relationsOf(archive, "xl/_rels/workbook.xml.rels", "xl");
  const strings = sharedStrings(archive.text("xl/sharedStrings.xml") ?? "");
  const sheets: string[] = [];
  let left = chars;
  let hiddenSheets = 0;
  let hiddenCells = 0;
  for (const part of xmlParts(book)) {
    if (typeof part === "string" || part.name !== "sheet" || part.isEnd) continue;
    if ((part.attribute("state") ?? "visible") !== "visible") {
      hiddenSheets += 1;
      continue;
    }
    const xml = left > 0 ? archive.text(targets.get(part.attribute("r:id") ?? "") ?? "") : undefined;
    if (xml === undefined) continue;
    const rows = rowsOf(xml, strings, left);
    hiddenCells += rows.hiddenCells;
    left -= rows.text.length;
    sheets.push(`--- sheet ${part.attribute("name") ?? sheets.length + 1} ---\n${rows.text}`);
  }
  return {
    what: "Excel workbook",
    text: sheets.join("\n\n"),
    leftOut: [
      ...(hiddenSheets > 0 ? [`${hiddenSheets} of its sheets are hidden from its reader, and were left out`] : []),
      ...(hiddenCells > 0 ? [`${hiddenCells} of its cells are hidden from its reader, and were left out`] : []),
    ],
  };
}
