/** Documents as text: which reader takes which. */

import { isTextual, textOf } from "@pincer/plugin-sdk/content-type";
import { htmlToMarkdown } from "@pincer/plugin-sdk/inbound/html";
import { Archive } from "./archive.ts";
import type { MediaConfig } from "./config.ts";
import { openDocumentText } from "./open-document.ts";
import { presentationText } from "./presentation.ts";
import { spreadsheetText } from "./spreadsheet.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";
import { wordText } from "./word.ts";

/** Undefined for a document that holds no text, such as a scan. Throws `Unreadable`. */
export async function documentText(
  bytes: Uint8Array,
  mimeType: string,
  config: MediaConfig,
  late: AbortSignal,
): Promise<DocumentText | undefined> {
  const chars = config.textChars;
  if (mimeType === "application/pdf") {
    // It is larger than all else that is loaded here, and most who send files send no PDF.
    const { pdfText } = await import("./pdf.ts");
    return pdfText(bytes, { pages: config.pdfPages, chars, late });
  }
  if (mimeType === "application/zip") return officeText(bytes, config);
  if (mimeType === "application/x-ole-storage")
    throw new Unreadable("it is of Office before 2007, or locked with a password; saved anew as DOCX, XLSX, PPTX or PDF it can be read");
  if (mimeType === "application/rtf") throw new Unreadable("RTF is not read here; saved anew as DOCX, PDF or text it can be");
  const text = isTextual(mimeType) ? textOf(bytes) : undefined;
  if (text === undefined) throw new Unreadable("files of this kind cannot be read here");
  if (mimeType === "text/html") return { what: "web page", text: htmlToMarkdown(text), leftOut: [] };
  return { what: mimeType === "text/csv" ? "table of CSV" : "text", text, leftOut: [] };
}

function officeText(bytes: Uint8Array, { archiveEntries, archiveBytes, archiveRatio, textChars }: MediaConfig): DocumentText {
  const archive = new Archive(bytes, { entries: archiveEntries, bytes: archiveBytes, ratio: archiveRatio });
  if (archive.has("word/document.xml")) return wordText(archive, textChars);
  if (archive.has("xl/workbook.xml")) return spreadsheetText(archive, textChars);
  if (archive.has("ppt/presentation.xml")) return presentationText(archive, textChars);
  if (archive.has("content.xml") && archive.has("mimetype")) return openDocumentText(archive, textChars);
  throw new Unreadable("archives are not unpacked here");
}
