/** ZIP archives for tests, also such as nobody would send in good faith. */
import { crc32, deflateRawSync } from "node:zlib";

export interface Packed {
  readonly content: Uint8Array | string;
  /** What the archive says of its unpacked size, where that is a lie. */
  readonly saidSize?: number;
  readonly isEncrypted?: boolean;
}

export function zipped(entries: Readonly<Record<string, string | Packed>>): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, given] of Object.entries(entries)) {
    const { content, saidSize, isEncrypted = false }: Packed = typeof given === "string" ? { content: given } : given;
    const plain = Buffer.from(content as string);
    const packed = deflateRawSync(plain);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(isEncrypted ? 1 : 0, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(plain), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(saidSize ?? plain.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    bodies.push(Buffer.from("PK\x03\x04", "latin1"), common, Buffer.from(name), packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, rest, Buffer.from(name));
    at += 4 + 26 + Buffer.byteLength(name) + packed.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(entries).length, 4);
  end.writeUInt16LE(Object.keys(entries).length, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...bodies, listed, Buffer.from("PK\x05\x06", "latin1"), end]);
}
