/** What a file is, by its content: a name or a declared type counts only between kinds of text, which nothing in them tells apart. */

/** What a file begins with, in hexadecimal. */
const signatures: readonly (readonly [mimeType: string, start: RegExp])[] = [
  ["image/png", /^89504e470d0a1a0a/],
  ["image/jpeg", /^ffd8ff/],
  ["image/gif", /^474946383[79]61/],
  ["image/webp", /^52494646.{8}57454250/],
  ["image/bmp", /^424d.{24}(0c|28|34|38|40|6c|7c)000000/],
  ["image/tiff", /^(49492a00|4d4d002a)/],
  ["audio/wav", /^52494646.{8}57415645/],
  ["audio/flac", /^664c6143/],
  ["audio/amr", /^2321414d52/],
  ["audio/mpeg", /^(4944330[234]|ff(e2|e3|f2|f3|fa|fb))/],
  ["audio/aac", /^ff(f0|f1|f8|f9)/],
  ["application/pdf", /^255044462d/],
  ["application/zip", /^504b(0304|0506)/],
  ["application/x-ole-storage", /^d0cf11e0a1b11ae1/],
  ["application/rtf", /^7b5c727466/],
  ["application/gzip", /^1f8b08/],
  ["application/x-7z-compressed", /^377abcaf271c/],
  ["application/vnd.rar", /^526172211a07/],
  ["application/zstd", /^28b52ffd/],
  ["application/x-executable", /^(7f454c46|4d5a.{2}00)/],
  ["application/vnd.sqlite3", /^53514c69746520666f726d6174203300/],
];

/** Of the container that holds most videos, pictures of telephones and recordings: by its brand. */
const brands: readonly (readonly [mimeType: string, brand: RegExp])[] = [
  ["image/heic", /^(heic|heix|hevc|mif1|msf1)/],
  ["image/avif", /^avi[fs]/],
  ["audio/mp4", /^(M4A|M4B)/],
  ["video/quicktime", /^qt/],
];

/** Containers of sound alone or with pictures, between which only a closer look could tell. */
const either: Readonly<Record<string, string>> = { "video/mp4": "audio/mp4", "video/webm": "audio/webm" };

function containerOf(bytes: Buffer): string | undefined {
  const head = bytes.toString("latin1");
  if (head.startsWith("ftyp", 4)) return brands.find(([, brand]) => brand.test(head.slice(8, 12)))?.[0] ?? "video/mp4";
  if (bytes.toString("hex", 0, 4) === "1a45dfa3") return "video/webm";
  if (head.startsWith("OggS")) return head.includes("theora") ? "video/ogg" : "audio/ogg";
  return undefined;
}

/** Text has tabs, ends of lines and pages, escapes of terminals in logs, and no other control characters. */
const holdsControls = (text: string): boolean => /(?![\t\n\v\f\r\u0085])\p{Cc}/u.test(text.replaceAll("\u001b", ""));

/** Of a file without a signature: its text, when it is one. */
export function textOf(bytes: Uint8Array): string | undefined {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
  for (const encoding of [utf16 ?? "utf-8", "windows-1252"]) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      return holdsControls(text) ? undefined : text;
    } catch {
      // silent-ok: it is not of that encoding
    }
  }
  return undefined;
}

export const isTextual = (mimeType: string): boolean =>
  /^(text\/|application\/(json|xml|x-yaml|yaml|toml|javascript|x-sh|sql|csv)\b|image\/svg)|\+(json|xml)$/.test(mimeType);

const byExtension: Readonly<Record<string, string>> = {
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  md: "text/markdown",
  json: "application/json",
};

function textTypeOf(text: string, declared: string, fileName: string): string {
  if (/^\s*<(!doctype\s+html|html|head|body)[\s>]/i.test(text.slice(0, 2_000))) return "text/html";
  const named = byExtension[fileName.split(".").pop()?.toLowerCase() ?? ""];
  if (named !== undefined) return named;
  return isTextual(declared) && declared !== "text/html"
    ? declared
    : /\.html?$/i.test(fileName) || declared === "text/html"
      ? "text/html"
      : "text/plain";
}

/** Archives are `application/zip` here, whatever lies in them. */
export function contentType(bytes: Uint8Array, declared: string, fileName = ""): string {
  const head = Buffer.from(bytes.subarray(0, 300));
  const start = head.toString("hex");
  const found = containerOf(head) ?? signatures.find(([, signature]) => signature.test(start))?.[0];
  if (found !== undefined) return declared.startsWith("audio/") ? (either[found] ?? found) : found;
  const text = textOf(bytes);
  return text === undefined ? "application/octet-stream" : textTypeOf(text, declared.split(";")[0]?.trim().toLowerCase() ?? "", fileName);
}
