/** Bytes of a file as text and back, without losing what the file was. */
import { Refusal } from "./root.ts";

type Encoding = "utf-8" | "utf-8 with BOM" | "utf-16le" | "utf-16be";

export interface Text {
  readonly text: string;
  readonly encoding: Encoding;
  /** Some bytes were no text; what is shown in their place cannot be written back. */
  readonly lossy: boolean;
}

const sniffed = 8_192;
const startsWith = (bytes: Uint8Array, ...head: number[]) => head.every((byte, index) => bytes[index] === byte);

/** A type that models can look at, told from the first bytes and not from the name. */
export function imageType(bytes: Uint8Array): string | undefined {
  if (startsWith(bytes, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return "image/png";
  if (startsWith(bytes, 0xff, 0xd8, 0xff)) return "image/jpeg";
  if (startsWith(bytes, 0x47, 0x49, 0x46, 0x38)) return "image/gif";
  if (startsWith(bytes, 0x52, 0x49, 0x46, 0x46) && startsWith(bytes.subarray(8), 0x57, 0x45, 0x42, 0x50)) return "image/webp";
  return undefined;
}

/** Undefined for what is no text: it holds NUL bytes near its beginning. */
export function decode(bytes: Uint8Array): Text | undefined {
  const encoding: Encoding = startsWith(bytes, 0xff, 0xfe)
    ? "utf-16le"
    : startsWith(bytes, 0xfe, 0xff)
      ? "utf-16be"
      : startsWith(bytes, 0xef, 0xbb, 0xbf)
        ? "utf-8 with BOM"
        : "utf-8";
  const isWide = encoding.startsWith("utf-16");
  if (!isWide && bytes.subarray(0, sniffed).includes(0)) return undefined;
  const label = isWide ? encoding : "utf-8";
  try {
    return { text: new TextDecoder(label, { fatal: true }).decode(bytes), encoding, lossy: false };
  } catch {
    // silent-ok: that some bytes are no text is said in `lossy`
    return { text: new TextDecoder(label).decode(bytes), encoding, lossy: true };
  }
}

export function encode(text: string, encoding: Encoding): Uint8Array {
  if (encoding === "utf-8") return Buffer.from(text);
  if (encoding === "utf-8 with BOM") return Buffer.from(`\ufeff${text}`);
  const wide = Buffer.from(`\ufeff${text}`, "utf16le");
  return encoding === "utf-16le" ? wide : wide.swap16();
}

/** The text of a file that is to be changed. Throws a `Refusal` when it could not be written back as it was. */
export function editable(path: string, bytes: Uint8Array): Text {
  const decoded = decode(bytes);
  if (!decoded) throw new Refusal(`${path} is a binary file, and text was expected`);
  if (decoded.lossy) throw new Refusal(`${path} is not valid ${decoded.encoding}, so that changing it would damage it; convert it first`);
  return decoded;
}

/** The line ending that most lines of a text have. */
export const lineEnding = (text: string): "\r\n" | "\n" => {
  const lines = text.split("\n").length - 1;
  return lines > 0 && (text.match(/\r\n/g)?.length ?? 0) * 2 > lines ? "\r\n" : "\n";
};

export const withEnding = (text: string, ending: string): string => text.replaceAll(/\r?\n/g, ending);

/** A line cut to what is shown of it. */
export const cutLine = (line: string, limit: number): string =>
  line.length > limit ? `${line.slice(0, limit).toWellFormed()}… (${line.length - limit} more characters)` : line;

/** A path as a line of a result: with signs in it that would break or turn the line, it is quoted as JSON does. */
export const shownPath = (path: string): string =>
  /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(path)
    ? JSON.stringify(path).replaceAll(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`)
    : path;
