/** Lines of the protocol (RFC 1459 and 2812, with the tags of IRCv3): read and written, and how names are compared. */

export interface Line {
  readonly tags: Readonly<Record<string, string>>;
  /** Who sent it, `nick!user@host` or a server's name; empty when nobody is named. */
  readonly source: string;
  readonly nick: string;
  /** A word, or a numeric of three digits. */
  readonly command: string;
  readonly params: readonly string[];
}

/** Bytes of a line, with what ends it and without tags. */
export const LINE_BYTES = 512;

const escapes: Readonly<Record<string, string>> = { ":": ";", s: " ", r: "\r", n: "\n", "\\": "\\" };

const written = Object.fromEntries(Object.entries(escapes).map(([letter, char]) => [char, `\\${letter}`]));

function readTags(text: string): Readonly<Record<string, string>> {
  const tags: Record<string, string> = Object.create(null);
  for (const part of text.split(";")) {
    const at = part.indexOf("=");
    const value = at < 0 ? "" : part.slice(at + 1).replace(/\\(.?)/gs, (_, char: string) => escapes[char] ?? char);
    tags[at < 0 ? part : part.slice(0, at)] = value;
  }
  return tags;
}

/** Undefined for what is no line. */
export function parseLine(text: string): Line | undefined {
  const found = /^(?:@(\S*) +)?(?::(\S*) +)?([A-Za-z]+|\d{3})(.*)$/s.exec(text);
  if (!found) return undefined;
  const [, tags, source = "", command = "", rest = ""] = found;
  const trailing = rest.indexOf(" :");
  const words = (trailing < 0 ? rest : rest.slice(0, trailing)).split(" ").filter((word) => word !== "");
  return {
    tags: tags === undefined ? {} : readTags(tags),
    source,
    nick: source.split(/[!@]/, 1)[0] ?? "",
    command: command.toUpperCase(),
    params: trailing < 0 ? words : [...words, rest.slice(trailing + 2)],
  };
}

/** Without what ends it. What would begin another line is a space: nobody writes a command by a message. */
export function formatLine(command: string, ...params: readonly string[]): string {
  const safe = params.map((param) => param.replace(/[\r\n\0]+/g, " "));
  const last = safe.pop();
  const isWord = last !== undefined && /^[^\s:]\S*$/.test(last);
  return [command, ...safe.map((param) => param.replaceAll(" ", "")), ...(last === undefined ? [] : [isWord ? last : `:${last}`])].join(
    " ",
  );
}

/** In front of a line, with the space behind it; empty for none. */
export function formatTags(tags: Readonly<Record<string, string>>): string {
  const all = Object.entries(tags).map(([name, value]) => `${name}=${value.replace(/[; \r\n\\\0]/g, (char) => written[char] ?? "")}`);
  return all.length === 0 ? "" : `@${all.join(";")} `;
}

/** How a server compares names, by `CASEMAPPING`; `rfc1459` where it does not say. */
export function foldWith(mapping: string): (name: string) => string {
  if (mapping === "ascii") return (name) => name.replace(/[A-Z]/g, (char) => char.toLowerCase());
  const [from, to] = mapping === "strict-rfc1459" || mapping === "rfc1459-strict" ? ["[]\\", "{}|"] : ["[]\\~", "{}|^"];
  return (name) => name.replace(/[A-Z[\]\\~]/g, (char) => to[from.indexOf(char)] ?? char.toLowerCase());
}

/** A text in pieces of at most `most` bytes of UTF-8, cut between characters as people see them. */
export function piecesOf(text: string, most: number): readonly string[] {
  if (Buffer.byteLength(text) <= most) return [text];
  const pieces: string[] = [];
  let piece = "";
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    if (piece !== "" && Buffer.byteLength(piece) + Buffer.byteLength(segment) > most) {
      pieces.push(piece);
      piece = "";
    }
    piece += segment;
  }
  return [...pieces, piece];
}

const without = (text: string, mark: string, behind: RegExp): string =>
  text
    .split(mark)
    .map((part, index) => (index === 0 ? part : part.replace(behind, "")))
    .join("");

/** Without bold, colour and the like, which are control characters. */
export function withoutFormat(text: string): string {
  const plain = without(without(text, "\u0003", /^\d{1,2}(?:,\d{1,2})?/), "\u0004", /^[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?/);
  return plain.replace(/\p{Cc}/gu, (char) => (char === "\t" ? char : ""));
}
