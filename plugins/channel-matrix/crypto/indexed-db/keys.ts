/** Keys of IndexedDB as bytes that SQLite compares as IndexedDB compares keys: numbers before texts before bytes before lists. */

export type Key = number | string | Uint8Array | readonly Key[];

const NUMBER = 0x10;
const TEXT = 0x30;
const BYTES = 0x40;
const LIST = 0x50;

/** A text or bytes end with a zero; one inside is told from it by what follows. */
function ended(bytes: Uint8Array): number[] {
  return [...[...bytes].flatMap((byte) => (byte === 0 ? [0, 0xff] : [byte])), 0];
}

/** UTF-16 code units are what IndexedDB compares, which UTF-16 in big-endian order keeps. */
function units(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf16le").swap16());
}

function numberBytes(value: number): number[] {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  const bytes = [...new Uint8Array(view.buffer)];
  // As IEEE 754 has it: a negative number is turned around as a whole, a positive one gets its sign bit.
  return (bytes[0] ?? 0) & 0x80 ? bytes.map((byte) => byte ^ 0xff) : [(bytes[0] ?? 0) | 0x80, ...bytes.slice(1)];
}

function bytesOf(key: unknown): number[] | undefined {
  if (typeof key === "number") return Number.isNaN(key) ? undefined : [NUMBER, ...numberBytes(key)];
  if (typeof key === "string") return [TEXT, ...ended(units(key))];
  if (key instanceof Uint8Array) return [BYTES, ...ended(key)];
  if (!Array.isArray(key)) return undefined;
  const parts = key.map(bytesOf);
  return parts.some((part) => part === undefined) ? undefined : [LIST, ...parts.flatMap((part) => part ?? []), 0];
}

/** Undefined for what is no key, such as `true`: an index does not know of it. */
export function encodeKey(key: unknown): Buffer | undefined {
  const bytes = bytesOf(key);
  return bytes && Buffer.from(bytes);
}

export function requireKey(key: unknown): Buffer {
  const encoded = encodeKey(key);
  if (encoded === undefined) throw new DOMException("what was given is no key", "DataError");
  return encoded;
}

export function decodeKey(bytes: Uint8Array): Key {
  let at = 0;
  const rest = (): Uint8Array => {
    const found: number[] = [];
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new DOMException("a key breaks off", "DataError");
      if (byte !== 0) found.push(byte);
      else if (bytes[at] === 0xff) {
        at++;
        found.push(0);
      } else return new Uint8Array(found);
    }
  };
  const next = (): Key => {
    const kind = bytes[at++];
    if (kind === NUMBER) {
      const raw = [...bytes.subarray(at, at + 8)];
      at += 8;
      const [first = 0] = raw;
      const turned = first & 0x80 ? [first & 0x7f, ...raw.slice(1)] : raw.map((byte) => byte ^ 0xff);
      return new DataView(new Uint8Array(turned).buffer).getFloat64(0);
    }
    if (kind === TEXT) return Buffer.from(rest()).swap16().toString("utf16le");
    if (kind === BYTES) return rest();
    if (kind !== LIST) throw new DOMException("a key of an unknown kind", "DataError");
    const parts: Key[] = [];
    while (bytes[at] !== 0) parts.push(next());
    at++;
    return parts;
  };
  return next();
}

/** A part of all keys, as `IDBKeyRange` makes it. */
export class KeyRange {
  constructor(
    readonly lower: Buffer | undefined,
    readonly upper: Buffer | undefined,
    readonly lowerOpen: boolean,
    readonly upperOpen: boolean,
  ) {}

  static only = (key: unknown): KeyRange => new KeyRange(requireKey(key), requireKey(key), false, false);
  static lowerBound = (key: unknown, open = false): KeyRange => new KeyRange(requireKey(key), undefined, open, false);
  static upperBound = (key: unknown, open = false): KeyRange => new KeyRange(undefined, requireKey(key), false, open);
  static bound = (lower: unknown, upper: unknown, lowerOpen = false, upperOpen = false): KeyRange =>
    new KeyRange(requireKey(lower), requireKey(upper), lowerOpen, upperOpen);
}

/** Of a query, which is a range, a key, or absent for everything. */
export function rangeOf(query: unknown): KeyRange {
  if (query === undefined || query === null) return new KeyRange(undefined, undefined, false, false);
  return isRange(query) ? query : KeyRange.only(query);
}

/** Another generation of the plugin may have made it. */
const isRange = (query: unknown): query is KeyRange => typeof query === "object" && query !== null && "lowerOpen" in query;
