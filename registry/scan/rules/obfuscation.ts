/** Code that is written so that nobody reads it. */
import { excerpt, found, type Rule, type ScannedFile, type Script } from "../subject.ts";

const longestLine = 2_000;
/** Text that comes to be code when it is decoded. */
const codeWords =
  /\b(require|import|eval|function|const|let|var|return|process|child_process|fetch|exec|spawn|globalThis|https?:\/\/|curl|wget|\/bin\/(ba)?sh)\b/g;

export const minified: Rule = function* ({ scripts }) {
  for (const script of scripts) {
    const at = longLine(script);
    if (at === undefined) continue;
    const sentence = "it is minified, or has lines that nobody reads; what was written is not in the package";
    yield found("minified", "medium", script, script.line(at), sentence);
  }
};

/** Of code, not of a picture or a table that stands in a string. */
function longLine({ lexed: { bare } }: Script): number | undefined {
  for (let from = 0; from < bare.length; ) {
    const end = bare.indexOf("\n", from);
    const until = end < 0 ? bare.length : end;
    if (until - from > longestLine && bare.slice(from, until).replace(/\s+/g, "").length > longestLine) return from;
    from = until + 1;
  }
  return undefined;
}

export const hiddenCode: Rule = function* ({ scripts }) {
  for (const script of scripts) {
    const { texts, bare } = script.lexed;
    for (const { value, raw, at } of texts) {
      const decoded = decodedIn(value);
      if (decoded !== undefined)
        yield found(
          "hidden-code",
          "high",
          script,
          script.line(at),
          `a text in it comes to be code when it is decoded: ${excerpt(decoded)}`,
        );
      const escapes = raw.match(/\\x[0-9a-fA-F]{2}|\\u00[2-7][0-9a-fA-F]/g)?.length ?? 0;
      if (escapes >= 12 && escapes * 4 > raw.length / 2)
        yield found("escaped-text", "high", script, script.line(at), `plain letters are written as escapes in it: ${excerpt(value)}`);
    }
    for (const { index } of bare.matchAll(/\bfromCharCode\s*\(\s*(\d+\s*,\s*){7,}|\bfromCharCode\s*\(\s*\.\.\.\s*\[\s*(\d+\s*,\s*){7,}/g))
      yield found("escaped-text", "high", script, script.line(index), "it puts a text together of numbers of letters");
    const names = new Set(bare.match(/\b_0x[0-9a-f]{3,}\b/g));
    if (names.size >= 4)
      yield found(
        "obfuscated",
        "high",
        script,
        script.line(bare.search(/\b_0x/)),
        "it was put through an obfuscator: its names are numbers",
      );
    const odd = /(\(!!?\[\]\+\[\]\)|\[\]\[\(!\[\])/.exec(bare);
    if (odd)
      yield found("obfuscated", "high", script, script.line(odd.index), "it is written with brackets alone, so that nobody reads it");
    for (const { index } of bare.matchAll(/\.split\s*\(\s*["'`]\s*["'`]\s*\)\s*\.reverse\s*\(\s*\)\s*\.join\s*\(/g))
      yield found("reversed-text", "medium", script, script.line(index), "it turns a text around, as one does who hides what it says");
  }
};

/** What a text is when it is read as base64 or hex, if that is code. */
export function decodedIn(value: string): string | undefined {
  const plain = value.replace(/\s+/g, "");
  if (plain.length < 40 || plain.length > 500_000) return undefined;
  const isHex = /^(0x)?([0-9a-fA-F]{2})+$/.test(plain);
  if (!isHex && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(plain)) return undefined;
  const bytes = isHex ? Buffer.from(plain.replace(/^0x/, ""), "hex") : Buffer.from(plain, "base64");
  const text = bytes.toString("latin1");
  const letters = text.match(/[\x20-\x7e\s]/g)?.length ?? 0;
  if (letters < text.length * 0.95) return undefined;
  return (text.match(codeWords)?.length ?? 0) >= 1 ? text : undefined;
}

/** Signs that turn the order of what is read, that nobody sees, or that carry hidden letters. */
const unseen =
  /[\u202a-\u202e\u2066-\u2069]|[\u{e0000}-\u{e007f}]|[\u{e0100}-\u{e01ef}]{2,}|[\ufe00-\ufe0f]{3,}|[\u200b\u2060-\u2064\u00ad\u180e\u3164\uffa0]{2,}|(?<=\p{L})[\u200b\u2060-\u2064](?=\p{L})/u;
/** The flags of England, Scotland and Wales are written with such letters. */
const flags = /\u{1f3f4}[\u{e0061}-\u{e007a}]{2,6}\u{e007f}/gu;

export const invisible: Rule = function* ({ files }) {
  for (const file of files) {
    if (file.text === undefined) continue;
    const match = unseen.exec(file.text.replace(flags, (flag) => " ".repeat(flag.length)));
    if (match)
      yield found(
        "invisible-text",
        "high",
        file,
        file.line(match.index),
        `it holds signs that nobody sees, or that turn the order of what is read (${points(match[0])})`,
      );
  }
};

const points = (text: string): string =>
  [...text]
    .slice(0, 3)
    .map((sign) => `U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`)
    .join(" ");

const executables: readonly (readonly [magic: string, what: string, severity: "medium" | "high"])[] = [
  ["7f454c46", "a program for Linux", "high"],
  ["4d5a", "a program for Windows", "high"],
  ["cffaedfe", "a program for macOS", "high"],
  ["cefaedfe", "a program for macOS", "high"],
  ["cafebabe", "a program for macOS, or of Java", "high"],
  ["0061736d", "WebAssembly", "medium"],
  ["504b0304", "an archive", "medium"],
  ["1f8b08", "an archive", "medium"],
  ["377abcaf", "an archive", "medium"],
  ["fd377a58", "an archive", "medium"],
];
const media = /\.(png|jpe?g|gif|webp|avif|ico|svg|woff2?|ttf|otf|mp3|ogg|wav|mp4|webm|pdf|sqlite|db)$/i;

export const binaries: Rule = function* ({ files }) {
  for (const file of files) {
    const known = executables.find(([magic]) => startsWith(file, magic));
    if (known) yield found("binary", known[2], file, 0, `it is ${known[1]}, which no scan looks into`);
    else if (file.text === undefined && !media.test(file.path))
      yield found(
        "binary",
        "medium",
        file,
        0,
        "it is no picture, sound or font, and no text, or more of it than a scan reads: no scan looks into it",
      );
  }
};

const startsWith = ({ bytes }: ScannedFile, magic: string): boolean =>
  Buffer.from(bytes.subarray(0, magic.length / 2)).toString("hex") === magic;
