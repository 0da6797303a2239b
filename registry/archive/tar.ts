/** One header of a tar (POSIX.1-2017, pax: "ustar Interchange Format"), for the few kinds of entries that a package has. */
import { RegistryError } from "../error.ts";

export interface Header {
  readonly type: "file" | "folder" | "extension" | "global";
  readonly path: string;
  /** Of its content, in bytes. */
  readonly size: number;
}

const invalid = (why: string) => new RegistryError("REGISTRY_ARCHIVE_INVALID", `the archive cannot be read: ${why}`);

const types: Readonly<Record<string, Header["type"]>> = { "0": "file", "\0": "file", "5": "folder", x: "extension", g: "global" };
/** How others are called, for who reads why they are refused. */
const refused: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a device",
  "4": "a device",
  "6": "a pipe",
  L: "a long name of GNU tar (pack with --format=pax)",
  K: "a long link of GNU tar",
};

/** Throws `REGISTRY_ARCHIVE_INVALID`. */
export function headerOf(bytes: Buffer): Header {
  const sum = bytes.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (numberAt(bytes, 148, 8) !== sum) throw invalid("a header's sum is wrong");
  const path = [textAt(bytes, 345, 155), textAt(bytes, 0, 100)].filter(Boolean).join("/");
  const flag = String.fromCharCode(bytes[156]!);
  const type = types[flag];
  if (type === undefined)
    throw invalid(`${JSON.stringify(path)} is ${refused[flag] ?? `of the kind ${JSON.stringify(flag)}`}, expected files and folders alone`);
  const size = numberAt(bytes, 124, 12);
  if (type === "folder" && size > 0) throw invalid(`the folder ${JSON.stringify(path)} has a content`);
  return { type, path, size };
}

/** Octal digits up to a space, a NUL or the field's end. */
function numberAt(bytes: Buffer, at: number, length: number): number {
  const text = bytes
    .toString("latin1", at, at + length)
    .replace(/[\0 ]+$/, "")
    .trimStart();
  if (!/^[0-7]{1,11}$/.test(text)) throw invalid("a header's number is no octal one");
  return Number.parseInt(text, 8);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textAt(bytes: Buffer, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return decoded(end < 0 ? field : field.subarray(0, end));
}

function decoded(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid("a name is no UTF-8");
  }
}

/** The records of an extension: each `<its length> <key>=<value>\n`, where the length counts itself. */
export function recordsOf(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 || space - at > 6 ? "" : bytes.toString("latin1", at, space);
    const length = /^[1-9]\d*$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length < digits.length + 3 || end > bytes.length || bytes[end - 1] !== 0x0a) throw invalid("an extension of a header is broken");
    const record = decoded(bytes.subarray(space + 1, end - 1));
    const equals = record.indexOf("=");
    if (equals < 1) throw invalid("an extension of a header is broken");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at = end;
  }
  return records;
}
