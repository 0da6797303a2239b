/** The ZIP archives that office documents are. Only entries that are asked for are unpacked, each within what is left of the bounds. */
import { inflateRawSync } from "node:zlib";
import { Unreadable } from "./unreadable.ts";

export interface ArchiveBounds {
  readonly entries: number;
  /** Of all that is unpacked, together. */
  readonly bytes: number;
  /** How many times its packed size an entry above `RATIO_FROM` bytes may have. */
  readonly ratio: number;
}

interface Entry {
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly packed: number;
  readonly size: number;
  readonly at: number;
}

const RATIO_FROM = 1_000_000;
const END = 0x06054b50;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;

const damaged = () => new Unreadable("it is damaged, or was not sent whole");

export class Archive {
  readonly #bytes: Buffer;
  readonly #entries = new Map<string, Entry>();
  readonly #bounds: ArchiveBounds;
  #left: number;

  /** Throws `Unreadable`. */
  constructor(bytes: Uint8Array, bounds: ArchiveBounds) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bounds = bounds;
    this.#left = bounds.bytes;
    try {
      this.#readDirectory();
    } catch (error) {
      if (error instanceof RangeError) throw damaged();
      throw error;
    }
  }

  #readDirectory(): void {
    const bytes = this.#bytes;
    const end = bytes.lastIndexOf(Buffer.from("PK\x05\x06", "latin1"));
    if (end < 0 || bytes.readUInt32LE(end) !== END) throw damaged();
    const count = bytes.readUInt16LE(end + 10);
    let at = bytes.readUInt32LE(end + 16);
    if (count > this.#bounds.entries) throw new Unreadable(`it has ${count} entries, and at most ${this.#bounds.entries} are looked at`);
    for (let index = 0; index < count; index++) {
      if (bytes.readUInt32LE(at) !== DIRECTORY) throw damaged();
      const nameLength = bytes.readUInt16LE(at + 28);
      const name = bytes.toString("utf8", at + 46, at + 46 + nameLength);
      // Two entries of one name are what a program that checks one and reads the other is fooled with.
      if (this.#entries.has(name)) throw new Unreadable("two of its entries have the same name");
      this.#entries.set(name, {
        method: bytes.readUInt16LE(at + 10),
        isEncrypted: (bytes.readUInt16LE(at + 8) & 1) === 1,
        packed: bytes.readUInt32LE(at + 20),
        size: bytes.readUInt32LE(at + 24),
        at: bytes.readUInt32LE(at + 42),
      });
      at += 46 + nameLength + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
    }
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  names(pattern: RegExp): string[] {
    return [...this.#entries.keys()].filter((name) => pattern.test(name));
  }

  /** As UTF-8; undefined when there is no such entry. Throws `Unreadable` for one that unpacks to more than it may. */
  text(name: string): string | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const unpacked = this.#unpack(entry);
    const utf16 =
      unpacked[0] === 0xff && unpacked[1] === 0xfe ? "utf-16le" : unpacked[0] === 0xfe && unpacked[1] === 0xff ? "utf-16be" : "utf-8";
    return new TextDecoder(utf16).decode(unpacked);
  }

  #unpack({ method, isEncrypted, packed, size, at }: Entry): Uint8Array {
    if (isEncrypted) throw new Unreadable("it is locked with a password");
    const bytes = this.#bytes;
    if (at + 30 > bytes.length || bytes.readUInt32LE(at) !== LOCAL) throw damaged();
    const from = at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28);
    if (from + packed > bytes.length) throw damaged();
    if (method !== 0 && method !== 8) throw new Unreadable("it is packed in a way that is not known here");
    // What the directory says of the size is the sender's word: the bound holds for what comes out.
    const ratio = Math.max(RATIO_FROM, packed * this.#bounds.ratio);
    const most = Math.min(this.#left, ratio);
    const tooMuch = () => new Unreadable("it unpacks to far more than it is sent as");
    if (size > most) throw tooMuch();
    const packedBytes = bytes.subarray(from, from + packed);
    if (method === 0) {
      if (packed > most) throw tooMuch();
      this.#left -= packed;
      return packedBytes;
    }
    try {
      const unpacked = inflateRawSync(packedBytes, { maxOutputLength: most });
      this.#left -= unpacked.length;
      return unpacked;
    } catch (error) {
      if (error instanceof RangeError) throw tooMuch();
      throw damaged();
    }
  }
}
