/** The text of PDFs. */
import { getDocument, type PDFDocumentProxy } from "unpdf/pdfjs";
import { pageText } from "./pdf-page.ts";
import { type DocumentText, Unreadable } from "./unreadable.ts";

export interface PdfBounds {
  readonly pages: number;
  readonly chars: number;
  /** Aborts when no time for more is left. */
  readonly late: AbortSignal;
}

/** No picture is opened, no font of this machine is looked for, and nothing in it is run. */
const options = {
  maxImageSize: 1,
  isEvalSupported: false,
  disableFontFace: true,
  useSystemFonts: false,
  enableXfa: false,
  isOffscreenCanvasSupported: false,
  isImageDecoderSupported: false,
  verbosity: 0,
};

/** Of a page that holds millions of words a part would be no use, and what is read of it so far is given up. */
function beforeLate<T>(work: Promise<T>, late: AbortSignal): Promise<T | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  const onLate = () => resolve(undefined);
  if (late.aborted) onLate();
  late.addEventListener("abort", onLate, { once: true });
  work.then(resolve, reject).finally(() => late.removeEventListener("abort", onLate));
  return promise;
}

const opening = (error: unknown): Unreadable =>
  new Unreadable(error instanceof Error && error.name === "PasswordException" ? "it is locked with a password" : "it is damaged");

interface ReadPages {
  readonly texts: readonly string[];
  readonly hiddenChars: number;
  readonly broken: number;
}

async function readPages(document: PDFDocumentProxy, { pages, chars, late }: PdfBounds): Promise<ReadPages> {
  const texts: string[] = [];
  let read = 0;
  let hiddenChars = 0;
  let broken = 0;
  while (texts.length < Math.min(document.numPages, pages) && read <= chars) {
    try {
      const page = await beforeLate(document.getPage(texts.length + 1), late);
      const found = page && (await beforeLate(pageText(page), late));
      if (found === undefined) break;
      page?.cleanup();
      texts.push(found.text);
      read += found.text.length;
      hiddenChars += found.hiddenChars;
    } catch {
      // silent-ok: it is counted, and said
      broken += 1;
      texts.push("");
    }
  }
  return { texts, hiddenChars, broken };
}

/** Undefined when it has no text, as a scan has none. Throws `Unreadable`. */
export async function pdfText(bytes: Uint8Array, bounds: PdfBounds): Promise<DocumentText | undefined> {
  const task = getDocument({ ...options, data: new Uint8Array(bytes) });
  try {
    const document = await beforeLate(
      task.promise.catch((error: unknown) => Promise.reject(opening(error))),
      bounds.late,
    );
    if (document === undefined) throw new Unreadable("to open it takes too long");
    const { numPages } = document;
    const { texts, hiddenChars, broken } = await readPages(document, bounds);
    if (texts.every((text) => text === "")) {
      if (broken > 0) throw new Unreadable("it is damaged");
      if (texts.length < numPages && bounds.late.aborted) throw new Unreadable("to read it takes too long");
      return undefined;
    }
    return {
      what: `PDF, ${numPages === 1 ? "1 page" : `${numPages} pages`}`,
      text: numPages === 1 ? texts.join("") : texts.map((text, index) => `--- page ${index + 1} ---\n${text}`).join("\n\n"),
      leftOut: [
        ...(texts.length < numPages ? [`only the first ${texts.length} of its ${numPages} pages were read`] : []),
        ...(broken > 0 ? [`${broken} of its pages could not be read`] : []),
        ...(hiddenChars > 0 ? [`${hiddenChars} characters in it are hidden from its reader, and were left out`] : []),
      ],
    };
  } finally {
    // Also ends what is still being read.
    await task.destroy();
  }
}
